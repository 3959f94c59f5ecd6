"""Means of losses between two readings, and what ends a training."""

from __future__ import annotations

import math

import pytest
import torch

from harness.training.losses import Diverged, LossMeans


def test_losses_are_means_over_their_updates_since_the_last_reading() -> None:
    means = LossMeans()
    one, two, three = (torch.tensor(float(value)) for value in (1, 2, 3))
    means.add(["critic", "critic", "generator"], [{"loss": one}, {"loss": two}, {"loss": three}])
    means.add(["critic"], [{"loss": three, "gap": one}])
    assert means.read(2) == {"critic/loss": 2, "generator/loss": 3, "critic/gap": 1}
    means.add(["critic"], [{"loss": three}])
    assert means.read(3) == {"critic/loss": 3}


def test_what_is_not_yet_read_is_restored() -> None:
    means, later = LossMeans(), LossMeans()
    for value in (1.0, 2.0, 6.0):
        means.add(["vae"], [{"loss": torch.tensor(value)}])
    assert {name: both.tolist() for name, both in means.tensors().items()} == {"vae/loss": [9, 3]}
    later.restore(means.tensors())
    later.add(["vae"], [{"loss": torch.tensor(7.0)}])
    assert later.read(4) == {"vae/loss": 4}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_training_by_its_players_name(value: float) -> None:
    means = LossMeans()
    means.add(["generator"], [{"loss": torch.tensor(1.0), "extra/path": torch.tensor(value)}])
    with pytest.raises(Diverged, match="the extra/path of generator was") as caught:
        means.read(5)
    assert (caught.value.step, caught.value.player) == (5, "generator")
    assert str(caught.value.value) == str(value)
