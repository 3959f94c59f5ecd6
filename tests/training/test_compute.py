"""In which precision and layout losses are computed, compiled or not, and that it repeats."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from test_accelerate import CPU, SMALL, Waves, interrupted, same, trained, untrained
from test_golden import GOLDEN, ramps_family
from torch import nn

from harness.data.batch import Batch
from harness.families.base import PROGRESS, FamilySettings
from harness.training.checkpoint import Checkpoints
from harness.training.compute import compute_loss
from harness.training.loop import train


@pytest.fixture
def strict() -> Iterator[None]:
    before = torch.is_deterministic_algorithms_warn_only_enabled()
    enabled = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(enabled, warn_only=before)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", GOLDEN)
def test_every_recipe_trains_repeatably_where_nothing_else_is_allowed(name: str) -> None:
    runs = []
    for _ in range(2):
        family, batches = ramps_family(name)
        images = 2 * 32 * max(player.updates for player in family.phases()[0].players)
        runs.append((family, train(family, batches, images, 0, device=CPU).curve))
    (first, curve), (again, same_curve) = runs
    assert same(first, again)
    assert same_curve == curve


WITH_PATH_LENGTHS = {"style/stylegan2-path-length", "style/stylegan2-residual"}
"""Their torch.func.grad has no rules for the device "meta"."""


@pytest.mark.parametrize("name", sorted(GOLDEN.keys() - WITH_PATH_LENGTHS))
def test_no_loss_waits_for_the_device(name: str) -> None:
    """Tensors of the device "meta" have no values, so that whatever reads one fails."""
    family, batches = ramps_family(name)
    networks = family.networks.to("meta")
    on_meta = {
        part: tensor.to("meta")
        for part, tensor in vars(batches.batch(0)).items()
        if tensor is not None
    }
    for player in family.phases()[0].players:
        noise = dict(player.noise(len(on_meta["x"]), torch.Generator()))
        if player.reads_progress:
            noise[PROGRESS] = torch.zeros(())
        inputs = Batch(**on_meta), {part: drawn.to("meta") for part, drawn in noise.items()}
        losses = player.loss(networks, *inputs)
        losses["loss"].backward()
        if player.after:
            with torch.no_grad():
                losses = {**losses, **(player.after(networks, *inputs) or {})}
        assert all(loss.is_meta for loss in losses.values())


@pytest.mark.parametrize("name", SMALL)
def test_bf16_trains_to_nearly_the_same_losses(name: str) -> None:
    _, exact = trained(name)
    family, rounded = trained(name, settings={"precision": "bf16"})
    assert rounded.curve != exact.curve
    for point, other in zip(exact.curve, rounded.curve, strict=True):
        assert other.losses == pytest.approx(point.losses, rel=0.05, abs=0.02)
    assert {p.dtype for p in family.networks.parameters()} == {torch.float32}


def test_channels_last_is_of_training_alone_and_resumes(tmp_path: Path) -> None:
    last = {"memory_format": "channels_last"}
    seen: list[bool] = []

    class Watched(Waves):
        def batch(self, index: int) -> Any:
            weight = family.networks["denoiser"].middle.first[2].weight
            seen.append(weight.is_contiguous(memory_format=torch.channels_last))
            return super().batch(index)

    family = untrained("diffusion", **last)
    train(family, Watched(CPU), 96, 0, device=CPU)
    assert all(seen)
    assert all(p.is_contiguous() for p in family.networks.parameters())
    plain, _ = trained("diffusion")
    for key, tensor in plain.networks.state_dict().items():
        torch.testing.assert_close(family.networks.state_dict()[key], tensor, rtol=0.02, atol=1e-3)
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained("diffusion", settings=last, checkpoints=checkpoints, report=interrupted)
    resumed, _ = trained("diffusion", settings=last, checkpoints=checkpoints)
    assert same(family, resumed)


def test_what_cannot_be_compiled_trains_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        def compiled(*_: object) -> None:
            raise RuntimeError("no such instruction\nand so on")

        return compiled

    monkeypatch.setattr(torch, "compile", broken)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        family, _ = trained("vae", accelerate="compile")
    assert [str(warning.message) for warning in caught] == [
        "runs without being compiled: no such instruction"
    ]
    assert same(family, trained("vae")[0])


@pytest.mark.slow
def test_a_compiled_gradient_penalty_is_that_of_the_formula() -> None:
    """D(x) = w·x + b, so that it is (‖w‖ − 1)²; it is a gradient of a gradient."""
    settings = {
        "network": "mlp", "depth": 0, "loss": "wasserstein",
        "penalties": [{"kind": "gradient", "weight": 10.0}],
    }  # fmt: skip
    gan = untrained("gan", **settings, ema=None)
    critic, _ = gan.phases()[0].players
    batch = Waves(CPU).batch(0)
    noise = critic.noise(8, torch.Generator().manual_seed(0))
    layer = gan.networks["discriminator"].body[0]
    assert isinstance(layer, nn.Linear)

    def gradients(accelerate: Any) -> list[torch.Tensor]:
        loss = compute_loss(critic.loss, FamilySettings(), CPU, accelerate)
        losses = loss(gan.networks, batch, noise)
        norm = layer.weight.norm().item()
        assert losses["penalty"].item() == pytest.approx((norm - 1) ** 2, rel=1e-4)
        return list(torch.autograd.grad(losses["loss"], list(layer.parameters())))

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="runs without")
        compiled = gradients("compile")
    for found, expected in zip(compiled, gradients("off"), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
