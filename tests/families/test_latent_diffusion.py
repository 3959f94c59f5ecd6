"""Diffusion in the codes of an autoencoder: its phases, and the scale of the codes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from pydantic import ValidationError
from ramps import Ramps
from torch import Tensor

from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import bounds_likelihood, has_density
from harness.families.latent_diffusion import CodeMoments, LatentDiffusion, posterior
from harness.training.checkpoint import Checkpoints
from harness.training.init import initialise
from harness.training.loop import train
from harness.training.stopping import Stopped

CPU = torch.device("cpu")
SMALL = {
    "width": 1, "batch_size": 32, "ema": 0.9, "optimizer": {"lr": 2e-3},
    "autoencoder": {"width": 8, "code_channels": 2, "share": 0.5},
    "sampling": {"steps": 3, "clip": False},
}  # fmt: skip
BUDGET = 32 * 12


def untrained(**settings: Any) -> LatentDiffusion:
    shape = ImageShape(1, 16)
    made = initialise(lambda: build_family("latent-diffusion", {**SMALL, **settings}, shape), 0)
    assert isinstance(made, LatentDiffusion)
    return made


def digest(family: LatentDiffusion, *names: str) -> str:
    """Of the weights and buffers of these networks."""
    sha = hashlib.sha256()
    for name in names:
        for key, tensor in family.networks[name].state_dict().items():
            sha.update(key.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


def test_the_latent_phase_leaves_the_autoencoder_as_it_was() -> None:
    family, before = untrained(), {}
    fit = family.fit_moments

    def fit_and_note(*arguments: Any) -> None:
        fit(*arguments)
        before["hash"] = digest(family, "encoder", "decoder", "moments")
        before["denoiser"] = digest(family, "denoiser")

    family.fit_moments = fit_and_note  # type: ignore[method-assign]
    train(family, Ramps(with_sources=False), BUDGET, 0, device=CPU)
    assert digest(family, "encoder", "decoder", "moments") == before["hash"]
    assert digest(family, "denoiser") != before["denoiser"]


def test_codes_have_unit_variance_under_the_weights_that_decode() -> None:
    family, ramps = untrained(), Ramps(with_sources=False)
    train(family, ramps, BUDGET, 0, device=CPU)
    assert family.raw is not None  # the averaged weights are others than the last ones
    assert not torch.equal(
        next(family.raw["denoiser"].parameters()), next(family.networks["denoiser"].parameters())
    )
    draws = torch.Generator().manual_seed(1)
    codes = torch.cat(
        [
            family.clean(family.networks, batch, family.noise(len(batch.x), draws))
            for _ in range(40)
            for batch in ramps.epoch()
        ]
    )
    assert codes.std(dim=(0, 2, 3)).numpy() == pytest.approx(1, abs=0.01)
    assert codes.mean(dim=(0, 2, 3)).numpy() == pytest.approx(0, abs=0.01)


def test_moments_are_those_of_codes_that_are_drawn() -> None:
    draws = torch.Generator().manual_seed(0)
    mean = 3 + 2 * torch.randn(500, 2, 4, 4, generator=draws)
    logvar = torch.full_like(mean, 1.0)
    moments = CodeMoments(2)
    moments.fit([(mean[:100], logvar[:100]), (mean[100:], logvar[100:])])
    codes = mean + (logvar / 2).exp() * torch.randn(mean.shape, generator=draws)
    scaled = moments.scaled(codes)
    assert scaled.std().item() == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(moments.restored(scaled), codes)


def test_the_first_phase_is_a_loose_variational_autoencoder() -> None:
    family = untrained()
    batch = Ramps(with_sources=False).batch(0)
    noise = {"code": torch.zeros(32, 2, 8, 8)}
    losses = family.coding_loss(family.networks, batch, noise)
    mean, logvar = posterior(family.networks, batch.x)
    made = family.networks["decoder"](mean)
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / batch.x.numel()
    expected = (made - batch.x).square().mean() + 1e-4 * kl
    torch.testing.assert_close(losses["loss"], expected)


@pytest.mark.parametrize("stop_at", [6, 9])
def test_a_kill_at_the_boundary_and_after_it_leaves_the_same_bits(
    stop_at: int, tmp_path: Path
) -> None:
    def weights(family: LatentDiffusion) -> dict[str, Tensor]:
        return cast(dict[str, Tensor], family.networks.state_dict())

    whole = untrained()
    train(whole, Ramps(with_sources=False), BUDGET, 0, device=CPU)
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_at

    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(Stopped):
        train(
            untrained(), Ramps(with_sources=False), BUDGET, 0, device=CPU,
            checkpoints=checkpoints, stop=stop,
        )  # fmt: skip
    resumed = untrained()
    train(
        resumed, Ramps(with_sources=False), BUDGET, 0, device=CPU,
        checkpoints=Checkpoints(tmp_path, every_seconds=0),
    )  # fmt: skip
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_it_has_no_density_of_images() -> None:
    assert not bounds_likelihood(untrained())
    assert not has_density(untrained())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"autoencoder": None}, "autoencoder is missing"),
        ({"sampling": {"clip": True}}, "codes have no bounds"),
        ({"network": "mlp", "depth": 2}, "go with network: conv"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        untrained(**settings)
