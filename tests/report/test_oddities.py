"""A report says which of its numbers need an explanation."""

from dataclasses import replace

import pytest
from synthetic_results import synthetic

from harness.core.measurement import SOURCE_IMAGES, TRAINING_IMAGES, CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.leaderboards.leaderboard import boards
from harness.metrics import METRICS
from harness.report import page
from harness.report.oddities import oddities
from harness.report.results import ModelInfo

FID, RECALL, PRECISION = (
    Protocol(name, dataset="digits") for name in ("fid", "recall", "precision")
)
LOW, HIGH = (1.0, 1.1, 1.05), (2.0, 2.1, 2.05)


def model(name, steps=50, **changes):
    recipe = f"# a comment\nfamily: diffusion\nsampling: {{steps: {steps}}}\n"
    return ModelInfo(name, recipe, 40_000, **changes)


def results(
    values, models, *, floor=None, doubts=None, floor_error=None, floor_name=TRAINING_IMAGES
):
    """A report on digits of these values of FID, recall or precision, by (model, metric)."""
    protocols = {"fid": FID, "recall": RECALL, "precision": PRECISION}
    cells = [
        CellResult("digits", name, seed, f"{name}{seed}", "ok", "run", "",
                   (Measurement(metric, "ok", protocols[metric], "", value=value),))
        for (name, metric), by_seed in values.items()
        for seed, value in enumerate(by_seed)
    ]  # fmt: skip
    if floor is not None:
        row = Measurement("fid", "ok", FID, "", value=floor, stderr=floor_error)
        cells.append(CellResult("digits", floor_name, 0, "floor", "ok", "run", "", (row,)))
    table = tidy(cells)
    return replace(
        synthetic(),
        cells=cells,
        table=table,
        models=models,
        boards=boards(table, METRICS),
        metrics=METRICS,
        curves=synthetic().curves.iloc[:0],
        verdicts=[],
        claims=[],
        pictures=[],
        doubts=doubts or {},
        training=(),
    )


def fid_of(more, fewer):
    return results({("more", "fid"): more, ("fewer", "fid"): fewer},
                   [model("more", 1000), model("fewer", 50)])  # fmt: skip


def test_more_sampling_steps_and_worse():
    (text,) = oddities(fid_of(HIGH, LOW))
    assert text == (
        "more takes 1000 sampling steps and fewer takes 50, but its Fréchet distance on digits "
        "is worse"
    )


@pytest.mark.parametrize("more", [LOW, (1.0, 9.0, 0.4)])
def test_better_or_not_told_apart_is_not_odd(more):
    assert oddities(fid_of(more, HIGH if more == LOW else LOW)) == []


def test_recipes_that_differ_otherwise_are_not_compared():
    other = replace(model("more", 1000), recipe="family: gan\nsampling: {steps: 1000}\n")
    values = {("more", "fid"): HIGH, ("fewer", "fid"): LOW}
    assert oddities(results(values, [other, model("fewer", 50)])) == []


def test_an_ablation_above_its_parent():
    models = [model("whole", ablates=""), model("without", ablates="whole")]
    (text,) = oddities(results({("whole", "fid"): HIGH, ("without", "fid"): LOW}, models))
    assert text == "without lacks a part of whole, but its Fréchet distance on digits is better"
    assert oddities(results({("whole", "fid"): LOW, ("without", "fid"): HIGH}, models)) == []


def test_better_than_real_images():
    (text,) = oddities(results({("a", "fid"): LOW}, [model("a")], floor=1.5))
    assert text == (
        "a has a better Fréchet distance on digits than training images, which are real"
    )
    assert oddities(results({("a", "fid"): LOW}, [model("a")], floor=1.05)) == []


def test_better_than_damaged_images_is_what_a_repair_is_for():
    values = {("a", "fid"): LOW}
    assert oddities(results(values, [model("a")], floor=1.5, floor_name=SOURCE_IMAGES)) == []


@pytest.mark.parametrize(("error", "odd"), [(0.1, True), (0.3, False)])
def test_real_images_have_one_value_with_an_error_of_its_own(error, odd):
    values = {("a", "fid"): LOW}
    assert bool(oddities(results(values, [model("a")], floor=1.5, floor_error=error))) == odd


@pytest.mark.parametrize(
    ("precision", "cause"),
    [
        (0.5, ": samples off the data raise recall, and its precision is 0.50 against 0.90"),
        (0.95, ""),
    ],
)
def test_a_recall_above_that_of_real_images_has_its_cause(precision, cause):
    values = {
        ("a", "recall"): (0.945, 0.95, 0.955),
        ("a", "precision"): (precision - 0.01, precision, precision + 0.01),
        (TRAINING_IMAGES, "recall"): (0.85,),
        (TRAINING_IMAGES, "precision"): (0.9,),
    }
    odd = oddities(results(values, [model("a")]))
    start = "a has a better recall on digits than training images, which are real"
    assert [each for each in odd if each.startswith(start)] == [start + cause]


def test_an_interval_over_a_third_of_the_range():
    (text,) = oddities(results({("a", "recall"): (0.2, 0.5, 0.8)}, [model("a")]))
    assert text.startswith("the interval of recall of a on digits takes ")
    assert oddities(results({("a", "recall"): (0.5, 0.51, 0.52)}, [model("a")])) == []


def test_a_metric_that_failed_its_self_test():
    doubts = {("digits", FID.key()): "did not notice noise in its self-test on digits"}
    (text,) = oddities(results({("a", "fid"): LOW}, [model("a")], doubts=doubts))
    assert text == "Fréchet distance did not notice noise in its self-test on digits"


def test_pages_list_them():
    odd = fid_of(HIGH, LOW)
    assert "<strong>To be explained:</strong> 1 number that stands oddly" in page.report_html(odd)
    assert "\n- more takes 1000 sampling steps and fewer takes 50" in page.report_markdown(odd)
    assert "To be explained" not in page.report_html(fid_of(LOW, HIGH))
