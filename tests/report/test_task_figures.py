"""Figures of tasks: which there are follows from what was measured, and what they show is exact."""

import json
from dataclasses import replace

import pytest
import yaml
from synthetic_results import synthetic

from harness.core.measurement import CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.evaluation.figure_data.anomalies import FALSE_ALARMS
from harness.leaderboards.leaderboard import boards
from harness.metrics import METRICS
from harness.report import page
from harness.report.archive import read_record, record_files
from harness.report.charts import chart_markup
from harness.report.export.figure_files import figure_files
from harness.report.figure_drawing import draw_chart
from harness.report.results import ModelInfo, ReportFigureData
from harness.report.svg import render_svg
from harness.report.task_figures import task_figures
from harness.report.task_figures.sampling import samplers_of

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
DETECTION = {
    "found": [float(x) for x in FALSE_ALARMS], "edges": [1.0, 10.0, 100.0], "is_log": True,
    "normal": [0.75, 0.25], "anomalous": [0.0, 1.0], "threshold": 20.0,
}  # fmt: skip
POINTS = {"xs": [0.5, 3.0], "ys": [-0.5, 0.0], "density": PNG, "reach": 1.0}


def data(kind, content, model="vae/vae", dataset="digits", seeds=(0, 1)):
    return [ReportFigureData(dataset, model, s, kind, json.dumps(content)) for s in seeds]


@pytest.fixture(scope="module")
def results():
    more = data("anomaly-detection", DETECTION) + data("plane-samples", POINTS)
    return replace(synthetic(), figure_data=more)


def parts(results):
    return {part.id: part for part in task_figures(results)}


def measured(metrics, values):
    """Results with these values, by model and metric, one a seed; None of a cell that diverged."""
    cells = []
    for model, by_metric in values.items():
        for seed in range(3):
            rows = [
                Measurement(name, "diverged", Protocol(name, dataset="digits"), "", reason="NaN")
                if of[seed] is None
                else Measurement(name, "ok", Protocol(name, dataset="digits"), "", value=of[seed])
                for name, of in by_metric.items()
            ]
            cells.append(
                CellResult("digits", model, seed, f"{model}{seed}", "ok", "r", "", tuple(rows))
            )
    table, named = tidy(cells), {name: METRICS[name] for name in metrics}
    models = [ModelInfo(name, "family: vae", 100) for name in values]
    return replace(
        synthetic(), cells=cells, table=table, metrics=named, boards=boards(table, named),
        verdicts=[], models=models,
    )  # fmt: skip


def test_a_suite_has_the_figures_of_what_it_measured(results):
    assert list(parts(results)) == ["anomaly", "modes", "seeds"]
    assert list(parts(synthetic())) == ["seeds"]


def test_a_roc_curve_has_a_line_a_seed_and_their_mean(results):
    roc, histogram = parts(results)["anomaly"].charts["digits"]
    (series,) = roc.series
    assert [line.name for line in series.lines] == ["seed 0", "seed 1", "mean"]
    assert roc.xs[0] == 0.0
    assert roc.xs[-1] == 100.0
    assert series.lines[-1].values == pytest.approx([100 * x for x in FALSE_ALARMS], abs=0.05)
    assert histogram.xs == pytest.approx((10**0.5, 10**1.5), rel=1e-3)
    assert [each.lines[0].values for each in histogram.series] == [(75.0, 25.0), (0.0, 100.0)]
    assert [(rule.name, rule.x) for rule in histogram.rules] == [("threshold", 20.0)]


def test_samples_of_all_seeds_lie_over_one_density(results):
    (chart,) = parts(results)["modes"].charts["digits"]
    assert [(each.name, each.xs) for each in chart.series] == [
        ("seed 0", (0.5, 3.0)), ("seed 1", (0.5, 3.0))
    ]  # fmt: skip
    assert chart.background.endswith(PNG)


def test_a_dot_a_seed_and_a_cross_for_what_failed():
    shown = measured(
        ["recall"], {"a": {"recall": [0.1, 0.2, 0.3]}, "b": {"recall": [0.4, None, 0.5]}}
    )
    (chart,) = parts(shown)["seeds"].charts["digits"]
    a, b = chart.rows
    assert a.values == (("seed 0", 0.1), ("seed 1", 0.2), ("seed 2", 0.3))
    assert a.mean == pytest.approx(0.2)
    assert b.values == (("seed 0", 0.4), ("seed 2", 0.5))
    assert b.failures == ("seed 1 diverged",)
    assert "seed 1 diverged" in chart.alt


def test_bounds_of_a_model_stand_on_one_axis_and_bits_on_their_own():
    values = {
        model: {
            "elbo": [-start, -start - 1, -start - 2],
            "importance_bound": [-start + 2, -start + 1, -start],
            "bits_per_dim": [bits, bits + 0.1, bits + 0.2],
        }
        for model, start, bits in (("a", 90.0, 3.0), ("b", 80.0, 2.0))
    }
    bounds, bits = parts(measured(list(values["a"]), values))["likelihood"].charts["digits"]
    assert [row.label for row in bounds.rows] == [
        f"{model} · {METRICS[name].title}"
        for model in values
        for name in ("elbo", "importance_bound")
    ]
    assert [row.mean for row in bits.rows] == pytest.approx([3.1, 2.1])


def sampler(name, steps, eta=0.0):
    return ModelInfo(
        name, yaml.safe_dump({"family": "diffusion", "sampling": {"steps": steps, "eta": eta}}), 100
    )


def test_models_that_differ_in_steps_alone_are_one_line():
    numbers = {"d": (4.0, 100.0), "d-50-steps": (3.0, 50.0), "d-20-steps-eta": (9.0, 125.0)}
    values = {
        name: {"fid": [fid] * 3, "sampling_throughput": [speed] * 3}
        for name, (fid, speed) in numbers.items()
    }
    shown = replace(
        measured(["fid", "sampling_throughput"], values),
        models=[sampler("d", 25), sampler("d-50-steps", 50), sampler("d-20-steps-eta", 20, 1.0)],
    )
    assert samplers_of(shown) == {"d": {"d": 25, "d-50-steps": 50}, "d-eta": {"d-20-steps-eta": 20}}
    steps, seconds = parts(shown)["samplers"].charts["digits"]
    assert steps.xs == (20.0, 25.0, 50.0)
    assert [each.lines[0].values for each in steps.series] == [(None, 4.0, 3.0), (9.0, None, None)]
    assert seconds.xs == (8.0, 10.0, 20.0)
    alone = replace(shown, models=[sampler("d", 25), sampler("d-20-steps-eta", 20, 1.0)])
    assert "samplers" not in parts(alone)


def test_figures_are_in_the_page_the_record_and_exports(results, tmp_path):
    html = page.report_html(results)
    for name in ("anomaly", "modes", "seeds"):
        assert f'<section id="task-{name}">' in html
    (tmp_path / "pictures").mkdir()
    for name, content in record_files(results).items():
        is_text = isinstance(content, str)
        (tmp_path / name).write_bytes(content.encode() if is_text else content)
    assert read_record(tmp_path).figure_data == results.figure_data
    assert any("anomaly" in name for name in figure_files(results))


def test_all_kinds_can_be_drawn_and_embedded(results):
    for part in task_figures(results):
        for charts in part.charts.values():
            for chart in charts:
                assert "<svg" in render_svg(draw_chart(chart), "figure", chart.alt)
                assert chart.kind in chart_markup(chart)
