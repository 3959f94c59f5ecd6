"""Models after the same training time, by what training fractions tell."""

from dataclasses import replace

import pytest
from synthetic_results import synthetic

from harness.core.measurement import CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.metrics import METRICS
from harness.report import page
from harness.report.equal_time import equal_time_boards

PROTOCOLS = {name: Protocol(name, dataset="digits") for name in ("fid", "recall", "training_time")}


def cell(model, seed, seconds, **values):
    rows = tuple(Measurement(n, "ok", PROTOCOLS[n], "", value=v) for n, v in values.items())
    key = f"{model}{seed}"
    return CellResult("digits", model, seed, key, "ok", "run", "", rows, {"seconds": str(seconds)})


def course(model, seconds, fid, seeds=3):
    """A model whose FID is a power of the training time, at quarters of its budget."""
    return [
        cell(f"{model}@{at}" if at < 1 else model, seed, at * seconds,
             fid=(1 + seed / 10) * fid(at * seconds), recall=at)
        for at in (0.25, 0.5, 0.75, 1.0)
        for seed in range(seeds)
    ]  # fmt: skip


FAST = course("gan", 10.0, lambda s: 100 / s)
SLOW = course("diffusion", 40.0, lambda s: 60 / s)


def boards_of(cells):
    return list(equal_time_boards(cells, tidy(cells), METRICS))


def test_the_slower_model_is_read_off_at_the_time_of_the_faster():
    (found,) = boards_of(FAST + SLOW)
    assert found.seconds == 10.0
    fid, recall = found.boards
    gan, diffusion = fid.row("gan"), fid.row("diffusion")
    assert gan.mean / diffusion.mean == pytest.approx(100 / 60), "both follow a power of time"
    assert recall.row("gan").mean == 1.0
    assert recall.row("diffusion").mean == 0.25


def test_between_two_fractions_the_logarithms_are_interpolated():
    (found,) = boards_of(FAST + course("diffusion", 30.0, lambda s: 60 / s))
    geometric = (1.0 * 1.1 * 1.2) ** (1 / 3)
    assert found.boards[0].row("diffusion").mean == pytest.approx(geometric * 60 / 10)


@pytest.mark.parametrize(
    "others",
    [
        [],
        [cell("vae", seed, 3.0, fid=9.0) for seed in range(3)],
        course("diffusion", 80.0, lambda s: 60 / s),
    ],
    ids=["alone", "without fractions", "first fraction later"],
)
def test_nothing_is_extrapolated(others):
    assert boards_of(FAST + others) == []


def test_pages_have_the_boards():
    cells = FAST + SLOW
    results = replace(
        synthetic(), cells=cells, table=tidy(cells), metrics=METRICS, boards=[], verdicts=[],
        claims=[], pictures=[], curves=synthetic().curves.iloc[:0], models=[],
    )  # fmt: skip
    assert "<h3>digits after 10 s of training</h3>" in page.report_html(results)
    assert "### digits after 10 s of training" in page.report_markdown(results)
