"""VQ-GAN: the weight of its game, when that begins, and what its images are judged by."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from ramps import Ramps

from harness.core.errors import BadInput
from harness.families import build_family
from harness.families.base import PROGRESS, ImageShape
from harness.families.vq_gan import VQGAN
from harness.objectives.adversarial import gradient_balance
from harness.objectives.reconstruction import absolute_error, perceptual_error
from harness.training.init import initialise

SMALL = {
    "width": 8, "entries": 16, "code_width": 4, "batch_size": 32, "prior": {"width": 8},
    "features": "classifier:digits", "discriminator": {"width": 4, "start": 0.5},
}  # fmt: skip


def built(size: int = 16, **settings: Any) -> VQGAN:
    shape = ImageShape(1, size, classes=4)
    family = initialise(lambda: build_family("vq-gan", SMALL | settings, shape), seed=0)
    assert isinstance(family, VQGAN)
    family.to("cpu")
    return family


def losses(family: VQGAN, progress: float) -> dict[str, torch.Tensor]:
    noise = {PROGRESS: torch.tensor(progress)}
    return dict(family.loss(family.networks, Ramps(False).batch(0), noise))


def test_the_weight_makes_both_gradients_as_long_at_the_layer() -> None:
    draws = torch.Generator().manual_seed(0)
    weights = torch.randn(5, generator=draws, dtype=torch.float64, requires_grad=True)
    a, b = torch.randn(2, 5, generator=draws, dtype=torch.float64)
    error, game = (a * weights).sum() ** 2, (b * weights).sin().sum()
    balance = gradient_balance(error, game, weights)
    assert not balance.requires_grad
    of_error, of_game = (torch.autograd.grad(x, weights)[0].norm() for x in (error, game))
    assert float(balance * of_game) == pytest.approx(float(of_error), rel=1e-4)
    still = (weights * 0).sum()
    assert float(gradient_balance((a * weights).sum(), still, weights)) == 1e4


def test_the_game_counts_from_its_start_on() -> None:
    family = built()
    before, after = losses(family, 0.49), losses(family, 0.5)
    game = float(after["adversarial_weight"] * after["adversarial"])
    assert game != 0
    assert float(after["loss"] - before["loss"]) == pytest.approx(game, rel=1e-4)
    rest = before["reconstruction"] + 0.25 * before["commitment"] + before["codebook"]
    assert float(before["loss"]) == pytest.approx(float(rest), rel=1e-6)


def test_images_are_compared_by_pixels_and_features() -> None:
    family, x = built(), Ramps(False).batch(0).x
    z, quantised = family.quantise(family.networks, x)
    made = family.networks["decoder"](quantised.straight)
    expected = absolute_error(x, made) + perceptual_error(family._features, x, made)
    assert float(losses(family, 0)["reconstruction"]) == pytest.approx(float(expected), rel=1e-6)
    assert z.shape == (32, 4, 4, 4)
    assert [network.name for network in family.frozen_networks()] == ["classifier:digits"]


def test_the_discriminator_alone_learns_from_its_loss() -> None:
    family, batch = built(), Ramps(False).batch(0)
    model, judge = family.phases()[0].players
    assert (model.reads_progress, judge.reads_progress) == (True, False)
    assert "discriminator" not in model.trains
    loss = judge.loss(family.networks, batch, {})["loss"]
    coders = [p for name in model.trains for p in family.networks[name].parameters()]
    assert all(slope is None for slope in torch.autograd.grad(loss, coders, allow_unused=True))


def test_samples_come_from_the_prior_and_its_phase_trains_nothing_else() -> None:
    family = built()
    assert [phase.name for phase in family.phases()] == ["autoencoder", "prior"]
    assert family.phases()[1].trains == {"prior"}
    assert family.sample(2, torch.Generator().manual_seed(0)).shape == (2, 1, 16, 16)


def test_a_codebook_of_averages_goes_with_it() -> None:
    family = built(codebook="average")
    model, _ = family.phases()[0].players
    assert model.after is not None
    assert "codebook" not in losses(family, 0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="classifier:digits"):
        built(size=32)
    with pytest.raises(ValidationError, match="features"):
        build_family("vq-gan", {**SMALL, "features": None}, ImageShape(1, 16))
    with pytest.raises(ValidationError, match="bce"):
        built(loss="bce")
