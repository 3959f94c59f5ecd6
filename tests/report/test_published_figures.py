"""Published figures beside what reports measured: gaps, spreads, orders, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.config.published import PublishedFile
from harness.config.published_types import PublishedTable
from harness.core.errors import BadInput
from harness.report import published_figures as module
from harness.report.published_figures import published_figures
from harness.report.published_markdown import published_lines
from harness.report.table_comparison import TableComparison, figures_summary

Compare = Callable[..., TableComparison]


def table(**changes: Any) -> PublishedTable:
    fields: dict[str, Any] = {
        "title": "Modes", "source": {"paper": "A 2018, B", "id": "arXiv:1712.04086", "table": "1"},
        "reading": {"verified": True, "how": "the paper"},
        "protocol": {"dataset": "ring", "samples": 2500, "runs": 3},
        "spread": {"kind": "standard error", "over": "10 trainings"},
        "counterparts": [{"suite": "modes", "differs": ["fewer points"], "explanation": "Points."}],
        "columns": [{"name": "modes", "metric": "modes_covered", "dataset": "ring"}],
        "rows": [{"name": "GAN", "models": {"modes": "gan/mlp"}, "values": ["6.3 ± 0.5"]}],
    }  # fmt: skip
    return PublishedTable.model_validate(fields | changes)


def published(
    reports: Path,
    values: Mapping[str, Sequence[float | None]],
    name: str = "modes",
    metric: str = "modes_covered",
    **changes: Any,
) -> None:
    """Writes a report's record with a value a seed of each model; None is a failure."""
    cells = [
        {
            "dataset": "ring", "model": model, "seed": seed,
            "measurements": [
                {"metric": metric, "status": "failed" if value is None else "ok", "value": value,
                 "protocol": "key"}
            ],
        }
        for model, of_seeds in values.items() for seed, value in enumerate(of_seeds)
    ]  # fmt: skip
    document = {
        "suite_name": "modes", "generated_at": "2026-01-02 03:04 UTC", "overrides": {},
        "protocols": {"key": {"samples": 2500}}, "cells": cells,
    } | changes  # fmt: skip
    folder = reports / name
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """`compare(**changes)` is the table, with these changes, beside the reports in `tmp_path`."""

    def compared(**changes: Any) -> TableComparison:
        file = PublishedFile("modes-1", tmp_path / "modes-1.yaml", table(**changes))
        monkeypatch.setattr(module, "shipped_published_files", lambda: [file])
        return published_figures(tmp_path)[0]

    return compared


def test_ours_is_the_mean_over_seeds_with_the_decimals_of_theirs(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [7, 8, 8, None]})
    (beside,) = compare().counterparts
    (figure,) = beside.figures
    assert (figure.theirs, figure.ours, figure.gap) == ("6.3 ± 0.5", "7.7 ± 0.6", "+1.4")
    assert figure.seeds == "3 seeds"
    assert figure.within is False
    assert beside.differs == ("fewer points",)
    assert beside.outcome == "1 of 1 figure measured, 0 of them within the published ±"


@pytest.mark.parametrize(
    ("value", "printed", "within"),
    [
        (6.8, "6.3 ± 0.5", True),
        (6.84, "6.3 ± 0.5", True),
        (6.86, "6.3 ± 0.5", False),
        (5.8, "6.3 ± 0.5", True),
        (5.7, "6.3 ± 0.5", False),
        (1000, "1000.0 ± 0.00", True),
        (999.9, "1000.0 ± 0.00", False),
        (6.3, "6.3", None),
    ],
)
def test_within_the_spread_is_so_at_the_printed_decimals(
    tmp_path: Path, compare: Compare, value: float, printed: str, within: bool | None
):
    published(tmp_path, {"gan/mlp": [value]})
    rows = [{"name": "GAN", "models": {"modes": "gan/mlp"}, "values": [printed]}]
    assert compare(rows=rows).counterparts[0].figures[0].within is within


def test_a_factor_brings_ours_into_the_tables_unit(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [-0.9, -0.8]})
    columns = [{"name": "%", "metric": "modes_covered", "dataset": "ring", "factor": -100}]
    rows = [{"name": "GAN", "models": {"modes": "gan/mlp"}, "values": [90]}]
    (figure,) = compare(columns=columns, rows=rows).counterparts[0].figures
    assert (figure.ours, figure.gap) == ("85 ± 7", "−5")


def test_without_a_report_a_figure_is_not_measured(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/other": [7]})
    comparison = compare()
    (beside,) = comparison.counterparts
    assert beside.report is None
    assert (beside.outcome, beside.figures[0].ours) == ("not measured", "not measured")
    assert (comparison.measured, beside.figures[0].gap) == (0, "–")
    text = "\n".join(published_lines([comparison], tmp_path))
    assert "Suite `modes`, `harness run modes`: **not measured**." in text
    assert "Points." not in text


def test_what_a_report_does_otherwise_is_added_to_what_differs(tmp_path: Path, compare: Compare):
    changes = {
        "overrides": {"seeds": "0,1", "budget_scale": "0.1"},
        "protocols": {"key": {"samples": 500}},
    }
    published(tmp_path, {"gan/mlp": [7, 8]}, **changes)
    assert compare().counterparts[0].differs == (
        "fewer points",
        "run with budget_scale 0.1",
        "2 trainings where the paper has 3",
        "500 samples where the paper has 2,500",
    )


def test_a_report_of_the_suites_own_budget_comes_before_a_trial(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [1]}, name="a-trial", overrides={"budget": "9"})
    (beside,) = compare().counterparts
    assert beside.report is not None
    assert beside.report.is_trial
    published(tmp_path, {"gan/mlp": [7]}, name="whole")
    published(tmp_path, {"gan/mlp": [9]}, name="z-trial", overrides={"budget_scale": "2"})
    report = compare().counterparts[0].report
    assert report is not None
    assert report.folder.name == "whole"


def ordered(**values: float) -> dict[str, Any]:
    rows = [
        {"name": name, "models": {"modes": f"gan/{name}"}, "values": [value]}
        for name, value in values.items()
    ]
    return {"compare": "order", "spread": {"kind": "none stated"}, "rows": rows}


def test_an_order_is_counted_by_pairs_seed_by_seed(tmp_path: Path, compare: Compare):
    values = {"gan/a": [1.0, 5.0], "gan/b": [2.0, 6.0], "gan/c": [1.5, 7.0], "gan/d": [0.0, 0.0]}
    published(tmp_path, values)
    (beside,) = compare(**ordered(a=10, b=20, c=20, d=30, e=40)).counterparts
    (order,) = beside.orders
    assert (order.same, order.mixed, order.reversed) == (2, 0, 3)
    (order,) = compare(**ordered(a=10, b=20, c=30)).counterparts[0].orders
    assert (order.same, order.mixed, order.reversed) == (2, 1, 0)
    assert order.text == (
        "by modes the published order holds for 2 of 3 pairs of models in every seed, for 1 in "
        "some seeds, for 0 in none"
    )
    assert beside.figures[0].gap == "–"
    assert beside.figures[0].ours == "3.0 ± 2.8"


def test_seeds_that_are_not_shared_pair_nothing(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/a": [1.0, None], "gan/b": [None, 2.0]})
    (beside,) = compare(**ordered(a=10, b=20)).counterparts
    assert beside.orders == []
    assert beside.outcome == "no pair of models measured"


def test_figures_that_were_not_looked_up_say_so_with_the_reason(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [7]})
    rows = [
        {"name": "GAN", "models": {"modes": "gan/mlp"}, "values": [None],
         "reading": {"verified": False, "how": "it is in no text"}},
        {"name": "ALI", "values": ["6.6 ± 0.3"]},
    ]  # fmt: skip
    comparison = compare(rows=rows)
    (figure,) = comparison.counterparts[0].figures
    assert (figure.theirs, figure.ours, figure.within) == ("not looked up", "7.000", None)
    assert (comparison.figures, comparison.measured) == (1, 0)
    text = "\n".join(published_lines([comparison], tmp_path))
    assert "| not looked up | 7.000 (1 seed) | – | – |" in text
    assert "Not looked up: GAN, since it is in no text." in text
    assert "Without a recipe in these suites: ALI (6.6 ± 0.3)." in text


def test_the_sum_counts_papers_figures_and_what_was_measured(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [7]})
    first = compare()
    other = compare(source={"paper": "C", "id": "doi:10.1/2", "table": "2"})
    assert figures_summary([first, first, other]) == (
        "3 tables of 2 papers, with 3 figures that were looked up; 3 of them measured here"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"suite_name": "modes"}'])
def test_a_record_that_no_report_wrote_is_bad_input(tmp_path: Path, compare: Compare, text: str):
    (tmp_path / "modes").mkdir()
    (tmp_path / "modes" / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"modes/report\.json"):
        compare()


def test_cells_of_another_form_are_bad_input(tmp_path: Path, compare: Compare):
    published(tmp_path, {"gan/mlp": [7]}, cells=[{"dataset": 3}])
    with pytest.raises(BadInput, match=r"report\.json: not what a report writes: KeyError"):
        compare()
