"""Costs at equal quality, on curves whose ratio is known."""

import numpy as np
import pandas as pd
import pytest
from analysis_tables import METRICS, claim, failed, metric, table
from scipy import stats

from harness.claims.verdicts import decide

SPEED = "sampling_speed"
KNOWN = METRICS | {SPEED: metric(SPEED, "higher", "log")}
LUCK = np.array([1.0, 1.1, 0.93, 1.04, 0.98])
"""By what each seed multiplies the cost of the first model."""

FRACTIONS = [0.25, 0.5, 1.0]
BY_IMAGES = {
    "shape": "frontier", "metric": "fid",
    "model": {"model": "a", "at": FRACTIONS}, "against": {"model": "b", "at": FRACTIONS},
}  # fmt: skip
BY_SPEED = {
    "shape": "frontier", "metric": "fid", "cost": SPEED,
    "model": "one", "against": ["fast", "slow"],
}  # fmt: skip


def falling(name, scale, seeds=1.0):
    """The distance of a model whose FID is scale · √(luck / images), at each fraction."""
    return {
        name if at == 1 else f"{name}@{at}": scale * np.sqrt(LUCK**seeds / at) for at in FRACTIONS
    }


def verdict(frame, **changes):
    return decide([claim(**changes)], frame, KNOWN, 5)[0]


def by_images(scale):
    return table({**falling("a", scale), **falling("b", 10.0, 0.0)}, metric="fid")


def test_the_images_of_two_power_laws_have_their_known_ratio():
    """7.5 √(luck / c) reaches the 10 that b has at the end with luck · 0.5625 of the images."""
    found = verdict(by_images(7.5), **BY_IMAGES)
    ratios = 0.5625 * LUCK
    assert [block.value for block in found.parts[0].blocks] == pytest.approx(ratios)
    assert [block.other for block in found.parts[0].blocks] == pytest.approx([1.0] * 5)
    assert found.effect.kind == "ratio"
    assert found.effect.value == pytest.approx(stats.gmean(ratios))
    ends = stats.t.interval(0.95, 4, np.log(ratios).mean(), stats.sem(np.log(ratios)))
    assert (found.effect.low, found.effect.high) == pytest.approx(np.exp(ends))
    assert found.outcome == "supported"
    assert found.sentence.startswith(
        "Supported: a needs fewer training images at equal FID than b on digits: ratio 0.567 ["
    )
    assert found.parts[0].blocks[0].note == "at FID 10.000"
    assert set(found.runs) >= {"run-a@0.25-0", "run-b-4"}


def test_the_margin_is_a_factor():
    assert verdict(by_images(7.5), **BY_IMAGES, delta=0.5).outcome == "supported"
    wide = verdict(by_images(7.5), **BY_IMAGES, delta=1.0)
    assert wide.outcome == "refuted"
    assert "than b by a factor of more than 2" in wide.sentence
    reverse = verdict(by_images(13.0), **BY_IMAGES)
    assert reverse.outcome == "refuted"
    assert "it is the other way round" in reverse.sentence


def speeds(quality=10.0):
    """One model at speed 900 · luck; another at 100 with FID 20 and at 25 with FID 5."""
    flat = np.ones(5)
    return pd.concat([
        table({"one": quality * flat, "fast": 20 * flat, "slow": 5 * flat}, metric="fid"),
        table({"one": 900 * LUCK, "fast": 100 * flat, "slow": 25 * flat}, metric=SPEED),
    ])  # fmt: skip


def test_a_single_point_is_compared_at_its_own_quality():
    """Half-way between 20 and 5 in logarithms lies 10, and between 100 and 25 lies 50."""
    found = verdict(speeds(), **BY_SPEED, delta=9.0)
    assert [block.other for block in found.parts[0].blocks] == pytest.approx([50.0] * 5)
    assert found.effect.value == pytest.approx(stats.gmean(900 * LUCK / 50))
    assert found.outcome == "supported"
    assert (
        "one has higher SAMPLING_SPEED at equal FID than fast and slow by a factor of more than 10"
    ) in found.sentence


@pytest.mark.parametrize(
    ("quality", "text"),
    [
        (4.9, "at seed 0 on digits all points of one are better than FID 5.000"),
        (20.1, "at seed 0 on digits all points of fast and slow are better than FID 20.100"),
    ],
)
def test_nothing_is_extrapolated(quality, text):
    found = verdict(speeds(quality), **BY_SPEED)
    assert found.outcome == "not evaluable"
    assert text in found.reason
    assert found.reason.endswith("and nothing is extrapolated")


def test_a_failed_point_withholds_or_drops_its_seed():
    frame = failed(by_images(7.5), "a@0.5", 1)
    assert "a@0.5 diverged on digits at seed 1" in verdict(frame, **BY_IMAGES).reason
    dropped = verdict(frame, **BY_IMAGES, failures="drop")
    assert [block.value is None for block in dropped.parts[0].blocks] == [0, 1, 0, 0, 0]
    assert "4 paired blocks" in dropped.sentence


def test_a_cost_of_nothing_and_other_protocols_do_not_compare():
    frame = speeds()
    frame.loc[(frame["metric"] == SPEED) & (frame["model"] == "one"), "value"] = 0.0
    assert verdict(frame, **BY_SPEED).reason == f"a value of {SPEED} is not above zero"
    frame = speeds()
    frame.loc[frame["model"] == "slow", ["protocol", "protocol_key"]] = ["fid[n=5/9 test]", "z"]
    assert "counts (n=" in verdict(frame, **BY_SPEED).reason
