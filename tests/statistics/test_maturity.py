"""A model is undertrained where it was still getting better, and where nobody can tell."""

import pandas as pd
import pytest

from harness.core.measurement import CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.statistics.convergence import TOO_FEW, LastTenth
from harness.statistics.maturity import TrainingInfo, fall_text, training_infos, undertrained

COLUMNS = ["dataset", "model", "seed", "step", "images", "name", "value"]
FLAT = LastTenth(0.001, 0.001, 0.0)


def cell(model, seed=0, fid=None, **costs):
    rows = () if fid is None else (Measurement("fid", "ok", Protocol("fid"), "", value=fid),)
    return CellResult("digits", model, seed, "key", "ok", "run", measurements=rows, costs=costs)


def infos(cells, curves=()):
    frame = pd.DataFrame(curves, columns=COLUMNS)
    return list(training_infos(cells, frame, tidy(cells), {"digits": 1280}))


def test_it_is_read_from_what_runs_have_logged():
    curves = [("digits", "vae/vae", 0, i, 64 * i, "model/loss", 1 / i) for i in range(1, 101)]
    cells = [
        cell("vae/vae", images="6400", steps="100"),
        cell("vae/vae@0.5", images="3200", steps="50"),
        cell("training images", images="599"),
        cell("gan/dcgan", images="6400", steps="50"),
    ]
    vae, gan = infos(cells, curves)
    assert (vae.model, vae.images, vae.steps, vae.epochs) == ("vae/vae", 6400, 100, 5.0)
    assert vae.last.fall == pytest.approx(0.1)
    assert gan.last == LastTenth(why="no loss was recorded")
    assert undertrained([vae, gan]) == {
        ("digits", "vae/vae"): "its loss still falls 10.0 % in the last tenth of training"
    }
    assert fall_text(vae.last) == "−10.0 % ± 0.0 %"
    assert fall_text(gan.last) == "no loss was recorded"


@pytest.mark.parametrize(("power", "marked"), [(-0.5, True), (-0.05, False), (0.5, False)])
def test_samples_that_still_get_better_mark_a_model_whose_losses_tell_nothing(power, marked):
    """FID as a power of the images shown, at four points of three seeds."""
    points = [0.7, 0.8, 0.9, 1.0]
    cells = [
        cell(f"gan/dcgan@{at}" if at < 1 else "gan/dcgan", seed, (seed + 5) * at**power,
             images="64000", steps="1000")
        for at in points
        for seed in range(3)
    ]  # fmt: skip
    (gan,) = infos(cells)
    assert gan.quality.fall == pytest.approx(1 - 0.9**-power)
    assert bool(gan.undertrained) == marked
    if marked:
        fall = "its Fréchet distance still falls 5.1 % in the last tenth of training"
        assert gan.undertrained == fall


def test_one_point_in_training_tells_nothing_of_samples():
    (gan,) = infos([cell("gan/dcgan", fid=5.0, images="64000", steps="1000")])
    assert gan.quality.fall is None
    assert not gan.undertrained


@pytest.mark.parametrize(
    ("epochs", "last", "reason"),
    [
        (53.4, FLAT, ""),
        (1.0, FLAT, ""),
        (0.67, FLAT, "it has seen only 67% of its training images"),
        (53.4, LastTenth(why=TOO_FEW), "it made only 5 steps"),
        (53.4, LastTenth(why="no loss was recorded"), ""),
    ],
)
def test_too_little_training_is_undertrained(epochs, last, reason):
    assert TrainingInfo("digits", "vae/vae", 320, 5, epochs, last).undertrained == reason


@pytest.mark.parametrize(
    ("epochs", "text"),
    [(53.4, "53 epochs"), (1.0, "1 epoch"), (0.667, "0.67 epochs"), (2.5, "2.5 epochs")],
)
def test_the_budget_in_words(epochs, text):
    info = TrainingInfo("digits", "vae/vae", 40_000, 5, epochs, FLAT)
    assert info.budget == f"40,000 images, {text} of digits"
