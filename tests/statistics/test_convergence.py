"""Whether losses still fall, on curves whose fall is known."""

import numpy as np
import pandas as pd
import pytest

from harness.statistics.convergence import FEWEST, LIMIT, fit_last_tenth, last_tenth


def curves(loss, noise=0.0, seeds=3, points=100, name="model/loss"):
    random = np.random.default_rng(0)
    images = np.arange(1, points + 1) * 400.0
    return pd.DataFrame(
        [
            (seed, x, name, value)
            for seed in range(seeds)
            for x, value in zip(
                images, loss(images / images[-1]) * (1 + noise * random.normal(size=points)),
                strict=True,
            )
        ],
        columns=["seed", "images", "name", "value"],
    )  # fmt: skip


@pytest.mark.parametrize("power", [0.1, 0.3, 1.0])
def test_the_fall_of_a_power_is_exact(power):
    found = last_tenth(curves(lambda t: 3 * t**-power))
    assert found.fall == pytest.approx(1 - 0.9**power, rel=1e-9)
    assert found.stderr == pytest.approx(0, abs=1e-9)
    assert found.undertrained == (1 - 0.9**power > LIMIT)


def test_the_standard_error_is_the_spread_of_the_fall():
    falls = []
    for seed in range(100):
        frame = curves(lambda t: t**-0.3)
        random = np.random.default_rng(seed)
        frame["value"] *= 1 + 0.05 * random.normal(size=len(frame))
        falls.append(last_tenth(frame))
    stated = np.mean([found.stderr for found in falls])
    assert stated == pytest.approx(np.std([found.fall for found in falls]), rel=0.2)


def test_noise_is_no_fall():
    """Of flat curves at most one in twenty is beyond its noise, and few of these by 2 %."""
    marked = 0
    for seed in range(200):
        frame = curves(lambda t: 0 * t + 1, seeds=1)
        frame["value"] *= 1 + 0.3 * np.random.default_rng(seed).normal(size=len(frame))
        frame["value"] = frame["value"].abs() + 0.01
        marked += last_tenth(frame).undertrained
    assert marked <= 20


def test_a_single_low_point_at_the_end_is_no_fall():
    frame = curves(lambda t: 0 * t + 1, noise=0.02)
    frame.loc[frame["images"] == frame["images"].max(), "value"] *= 0.9
    assert not last_tenth(frame).undertrained


def test_losses_below_zero_fall_by_a_share_of_their_fall():
    """A likelihood in nats has no zero: with another unit of the pixels it is another number."""
    for shift in (0.0, -50.0, 5.0):
        frame = curves(lambda t, shift=shift: shift - 10 * np.log(t) - 20)
        found = last_tenth(frame)
        if shift < 5:
            assert found.of == "of its fall since the first tenth"
    found = last_tenth(curves(lambda t: -10 * np.log(t) - 20))
    # 10 ln(1/0.9) of 10 ln(10), up to the mean over the last tenth.
    assert found.fall == pytest.approx(np.log(1 / 0.9) / np.log(10), rel=0.05)
    assert found.undertrained
    assert not last_tenth(curves(lambda t: np.exp(-20 * t) * 50 - 20)).undertrained


@pytest.mark.parametrize("first", [0.0, 0.6])
def test_the_fit_is_to_the_last_third(first):
    frame = curves(lambda t: np.where(t >= 2 / 3, 1 / t, np.where(t >= first, 9, 1)))
    assert last_tenth(frame).fall == pytest.approx(0.1)


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_line_needs_its_fewest_points_beside_a_level_for_each_seed(seeds):
    """All points lie in the last third: they count less one for each seed."""
    points = FEWEST // seeds + 1
    images = np.linspace(0.7, 1, points)
    curve = np.column_stack([images, 1 / images])
    assert fit_last_tenth([curve] * seeds).fall == pytest.approx(0.1)
    assert fit_last_tenth([curve] * (seeds - 1) + [curve[1:]]).too_short


def test_what_cannot_be_told_says_why():
    both = pd.concat(
        [curves(lambda t: 1 / t, name=f"{player}/loss") for player in ("critic", "generator")]
    )
    assert "pull against each other" in last_tenth(both).why
    assert not last_tenth(both).undertrained
    assert last_tenth(curves(lambda t: 1 / t, seeds=1, points=6)).why == "too few steps to tell"
    assert last_tenth(curves(lambda t: 1 / t, name="model/kl")).why == "no loss was recorded"
    rising = last_tenth(curves(lambda t: t - 5))
    assert rising.why == "it has not fallen since the first tenth of training"


def test_parts_of_a_loss_do_not_count():
    frame = pd.concat([curves(lambda t: 1 / t), curves(lambda t: -t, name="model/kl")])
    assert last_tenth(frame).fall == pytest.approx(0.1)


def test_the_loss_of_held_out_images_tells_where_it_was_read():
    """The loss of training falls on while images are learnt by heart."""
    training = curves(lambda t: 1 / t)
    flat = pd.concat([training, curves(lambda t: 0 * t + 2, name="model/held_out_loss")])
    assert not last_tenth(flat).undertrained
    assert last_tenth(flat).quantity == "held-out loss"
    falling = pd.concat([training, curves(lambda t: t**-0.5, name="model/held_out_loss")])
    assert last_tenth(falling).fall == pytest.approx(1 - 0.9**0.5)


def test_a_falling_learning_rate_is_left_out():
    """The loss is flat at the full learning rate, and falls with the rate from 0.8 on."""
    loss = curves(lambda t: np.where(t > 0.8, 1 - 2 * (t - 0.8), 1.0))
    rate = curves(lambda t: np.where(t > 0.8, 5 * (1 - t), 1.0), name="model/learning_rate")
    assert last_tenth(loss).undertrained
    assert last_tenth(pd.concat([loss, rate])).fall == pytest.approx(0, abs=1e-9)


def test_a_fall_at_the_full_learning_rate_counts():
    loss = curves(lambda t: np.where(t > 0.8, 0.8**-0.4, t**-0.4))
    rate = curves(lambda t: np.where(t > 0.8, 5 * (1 - t), 1.0), name="model/learning_rate")
    assert last_tenth(pd.concat([loss, rate])).fall == pytest.approx(1 - 0.9**0.4, rel=0.02)


def test_where_the_learning_rate_falls_all_along_the_whole_curve_counts():
    loss = curves(lambda t: t**-0.4)
    rate = curves(lambda t: 1 - t, name="model/learning_rate")
    assert last_tenth(pd.concat([loss, rate])).fall == pytest.approx(1 - 0.9**0.4)


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.0), (0.0, 0.5)])
def test_of_phases_the_one_counts_whose_loss_falls_most(first, second):
    """The second phase begins after the images of the first."""
    early = curves(lambda t: t**-first, name="autoencoder/loss")
    late = curves(lambda t: 3 * t**-second, name="model/loss")
    late["images"] += early["images"].max()
    assert last_tenth(pd.concat([early, late])).fall == pytest.approx(1 - 0.9**0.5)
