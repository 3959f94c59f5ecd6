"""A model is overfitted where its held-out loss rises while its training loss falls."""

import numpy as np
import pandas as pd
import pytest

from harness.statistics.convergence import LastTenth
from harness.statistics.maturity import TrainingInfo, training_marks
from harness.statistics.overfitting import HeldOutRise, held_out_rise

X = np.arange(1, 101) / 100
FALLING = 1 / (1 + X)
VALLEY = 1 + np.maximum(0.35 - X, X - 0.35)
"""The lowest tenth is the fourth, from 0.31 to 0.40, whose mean is 1.025; that of the last is 1.605
"""


def curves(held_out, training=FALLING, *, seeds=(0,), player="model", start=0, noise=0.0):
    draws = np.random.default_rng(7)
    rows = [
        (seed, start + round(10_000 * x), f"{player}/{name}", float(value + noise * draws.normal()))
        for seed in seeds
        for name, values in (("loss", training), ("held_out_loss", held_out))
        if values is not None
        for x, value in zip(X, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["seed", "images", "name", "value"])


def test_the_rise_is_from_the_lowest_tenth_to_the_last():
    rise = held_out_rise(curves(VALLEY))
    assert rise is not None
    assert rise.rise == pytest.approx(1.605 / 1.025 - 1)
    assert rise.lowest_at == pytest.approx(0.35)
    assert rise.of == ""


def test_a_loss_that_is_not_above_zero_rises_by_a_share_of_its_fall():
    rise = held_out_rise(curves(VALLEY - 2))
    assert rise is not None
    first = (VALLEY - 2)[:10].mean()
    assert rise.rise == pytest.approx((1.605 - 1.025) / (first - (1.025 - 2)))
    assert rise.of == "of its fall since the first tenth"


@pytest.mark.parametrize(
    ("held_out", "training"),
    [
        (FALLING, FALLING),  # both fall
        (VALLEY, 1 + X),  # both rise
        (VALLEY, np.ones(100)),  # the training loss stands still
        (1 + 0.02 * (VALLEY - 1), FALLING),  # by 1.1 %, less than the limit
        (np.where(X < 0.5, 1 + X, 1.5 - 0.1 * X), FALLING),  # rose, and falls again at the end
        (None, FALLING),
        (VALLEY - 2.5 + X, FALLING - 5),  # never fell: no share of its fall
    ],
)
def test_no_mark_without_a_rise_against_a_fall(held_out, training):
    assert held_out_rise(curves(held_out, training)) is None


def test_noise_is_no_rise():
    """A flat held-out loss with noise of 10 %: a lowest tenth there always is."""
    assert held_out_rise(curves(np.ones(100), seeds=range(3), noise=0.1)) is None


def test_a_rise_beyond_the_noise_of_seeds_is_seen():
    rise = held_out_rise(curves(VALLEY, seeds=range(3), noise=0.03))
    assert rise is not None
    assert rise.rise == pytest.approx(1.605 / 1.025 - 1, abs=0.05)


def test_players_that_play_against_each_other_have_no_mark():
    both = pd.concat([curves(VALLEY, player="a"), curves(VALLEY, player="b")])
    assert held_out_rise(both) is None


def test_each_phase_is_judged_over_its_own_training():
    sound = curves(FALLING, player="first")
    both = pd.concat([sound, curves(VALLEY, player="second", start=10_000)])
    rise = held_out_rise(both)
    assert rise is not None
    assert rise.lowest_at == pytest.approx(0.35)


def test_too_few_readings_tell_nothing():
    few = curves(VALLEY)
    assert held_out_rise(few[few["images"] % 2_000 == 0]) is None


def test_the_mark_has_the_figures():
    flat, rise = LastTenth(0.0, 0.1, -0.1), HeldOutRise(0.123, 0.35)
    info = TrainingInfo("digits", "vae/vae", 6400, 100, 5.0, flat, rise=rise)
    reason = (
        "its held-out loss rose 12.3 % from its lowest, at 35% of training, and its training loss "
        "still fell"
    )
    assert training_marks([info]) == {("digits", "vae/vae"): {"overfitted": reason}}
