"""Signs of a GAN that went wrong, on curves that show one each."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_results import synthetic

from harness.core.measurement import CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.report import page
from harness.report.alarms import alarms

POINTS = 100
FALL = np.geomspace(1.0, 0.1, POINTS)
SOUND = {
    "discriminator/loss": 0.5 + FALL, "generator/loss": FALL, "generator/gradient_norm": FALL,
    "discriminator/gradient_norm": FALL,
}  # fmt: skip
PLACE = np.arange(POINTS)


def results(curves, seeds=(0, 1), recall=0.5):
    """Curves by name on digits: the given ones of the first seed, sound ones of all others."""
    rows = [
        ("digits", "gan/dcgan", seed, 100 * (i + 1), name, float(value))
        for seed in seeds
        for name, values in (SOUND | (curves if seed == seeds[0] else {})).items()
        for i, value in enumerate(values)
    ]
    columns = ["dataset", "model", "seed", "images", "name", "value"]
    cells = [
        CellResult("digits", "gan/dcgan", seed, f"k{seed}", "ok", "run", "", (
            Measurement("recall", "ok", Protocol("recall", dataset="digits"), "", value=recall),))
        for seed in seeds
    ]  # fmt: skip
    return replace(
        synthetic(), table=tidy(cells), curves=pd.DataFrame(rows, columns=columns), cells=cells
    )


SIGNS = {
    "the discriminator's loss is zero at the end": {
        "discriminator/loss": np.where(PLACE < 80, 1.0, 0.005)
    },
    "the generator hardly moves at the end": {
        "generator/gradient_norm": np.where(PLACE < 80, 1.0, 1e-5)
    },
    "its samples are all alike, by their spread": {"samples/spread": np.full(POINTS, 0.05)},
    "gradients explode at the end": {
        "discriminator/gradient_norm": np.where(PLACE == 95, 1e4, 1.0)
    },
}


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_is_said_with_its_seeds(sign):
    assert alarms(results(SIGNS[sign])) == [f"gan/dcgan on digits: {sign}, in 1 of 2 seeds"]


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"discriminator/loss": np.where(PLACE < 80, 1.0, -0.005)},  # a critic's may cross zero
        {"discriminator/loss": np.where(PLACE == 95, 0.001, 1.0)},
        {"generator/gradient_norm": np.where(PLACE < 80, 1e4, 1e2)},
        {"discriminator/gradient_norm": np.where(PLACE == 5, 1e4, 1.0)},
    ],
)
def test_what_is_sound_or_passes_raises_no_alarm(curves):
    assert alarms(results(curves)) == []


def test_samples_without_recall_are_all_alike():
    (text,) = alarms(results({}, recall=0.0))
    assert text == (
        "gan/dcgan on digits: its samples are all alike, by a recall of zero, in 2 of 2 seeds"
    )


def test_only_seeds_with_curves_count():
    many = results({}, seeds=range(7), recall=0.0)
    (text,) = alarms(replace(many, curves=many.curves[many.curves["seed"] < 5]))
    assert text.endswith("by a recall of zero, in 5 of the first 5 seeds")


def test_other_models_have_none():
    sound = results({}, recall=0.0)
    curves = sound.curves.replace({"name": {"discriminator/loss": "model/loss"}})
    assert alarms(replace(sound, curves=curves)) == []


def test_pages_list_them():
    whole = synthetic()
    loss = whole.curves.iloc[:1].assign(name="discriminator/loss", value=0.0)
    bad = replace(whole, curves=pd.concat([whole.curves, loss]))
    text = "the discriminator's loss is zero at the end"
    assert "<strong>Alarms:</strong> 1 sign that" in page.report_html(bad)
    assert text in page.report_markdown(bad)
    assert "Alarms" not in page.report_html(whole)
