"""What every family promises, on every image size."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import (
    Decodes,
    Encodes,
    ImportanceBound,
    Likelihood,
    Posterior,
    Reconstructs,
    Restores,
    Samples,
)

SMALL = {
    "autoencoder": {"width": 4, "latent": 8},
    "vae": {"width": 4, "latent": 8},
    "gan": {"width": 4, "latent": 8, "ema": 0.9},
    "diffusion": {"width": 1, "ema": 0.9, "sampling": {"steps": 3}},
    "translation": {"ema": 0.9},
}
FULLY_CONNECTED = [name for name in SMALL if name != "translation"]
CAPABILITIES = {
    "autoencoder": {Reconstructs, Restores, Encodes, Decodes},
    "vae": {Reconstructs, Encodes, Decodes, Samples, Posterior, Likelihood, ImportanceBound},
    "gan": {Decodes, Samples},
    "diffusion": {Samples, Likelihood},
    "translation": {Restores},
}
KINDS = (Reconstructs, Restores, Encodes, Decodes, Samples, Posterior, Likelihood, ImportanceBound)
SIZES = [(1, 8), (1, 12), (1, 16), (1, 28), (3, 32), (3, 36), (3, 64)]


def built(name: str, channels: int = 1, size: int = 16) -> Family:
    torch.manual_seed(0)
    with_sources = channels if name == "translation" else 0
    return build_family(name, SMALL[name], ImageShape(channels, size, source_channels=with_sources))


def random_batch(channels: int = 1, size: int = 16, n: int = 4) -> Batch:
    x = torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(x, torch.zeros(n, dtype=torch.int64), source=x.flip(3))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("channels", "size"), SIZES)
def test_takes_every_size_and_gives_images_of_it(name: str, channels: int, size: int) -> None:
    family = built(name, channels, size)
    batch = random_batch(channels, size)
    generator = torch.Generator().manual_seed(0)
    for player in family.phases()[0].players:
        losses = player.loss(family.networks, batch, player.noise(4, generator))
        assert losses["loss"].shape == ()
    family.networks.eval()
    if isinstance(family, Samples):
        _check_images(family.sample(4, generator), batch.x.shape)
    if isinstance(family, Reconstructs):
        _check_images(family.reconstruct(batch.x), batch.x.shape)
    if isinstance(family, Restores):
        _check_images(family.restore(batch.x, None), batch.x.shape)
    if isinstance(family, Encodes) and isinstance(family, Decodes):
        assert torch.equal(family.decode(family.encode(batch.x)), family.reconstruct(batch.x))


def _check_images(images: Tensor, shape: torch.Size) -> None:
    assert images.shape == shape
    assert images.dtype == torch.float32
    assert not images.requires_grad
    assert images.abs().max() <= 1


@pytest.mark.parametrize("name", FULLY_CONNECTED)
@pytest.mark.parametrize(("channels", "size"), [(2, 1), (1, 5), (3, 8)])
def test_fully_connected_it_takes_points_and_images_of_any_size(
    name: str, channels: int, size: int
) -> None:
    settings = SMALL[name] | {"network": "mlp", "width": 6, "depth": 1}
    family = build_family(name, settings, ImageShape(channels, size))
    batch, generator = random_batch(channels, size), torch.Generator().manual_seed(0)
    for player in family.phases()[0].players:
        losses = player.loss(family.networks, batch, player.noise(4, generator))
        assert losses["loss"].shape == ()
    assert not any(isinstance(m, torch.nn.Conv2d) for m in family.networks.modules())
    family.networks.eval()
    if isinstance(family, Samples):
        assert family.sample(4, generator).shape == batch.x.shape
    if isinstance(family, Reconstructs):
        assert family.reconstruct(batch.x).shape == batch.x.shape


@pytest.mark.parametrize("name", FULLY_CONNECTED)
def test_the_settings_of_networks_go_together(name: str) -> None:
    with pytest.raises(BadInput, match="take the recipe of an MLP: vae/mlp"):
        build_family(name, SMALL[name], ImageShape(2, 1))
    with pytest.raises(ValidationError, match="is missing: network is mlp"):
        build_family(name, SMALL[name] | {"network": "mlp"}, ImageShape(2, 1))
    with pytest.raises(ValidationError, match="depth goes with network: mlp"):
        build_family(name, SMALL[name] | {"depth": 2}, ImageShape(1, 8))


@pytest.mark.parametrize("name", SMALL)
def test_has_the_capabilities_of_its_kind_and_no_others(name: str) -> None:
    family = built(name)
    found = {kind for kind in KINDS if isinstance(family, kind)}
    assert found == CAPABILITIES[name]


@pytest.mark.parametrize("name", SMALL)
def test_randomness_comes_from_the_given_generator_alone(name: str) -> None:
    family, batch = built(name), random_batch()
    before = torch.random.get_rng_state()
    for player in family.phases()[0].players:
        noise = player.noise(4, torch.Generator().manual_seed(0))
        first = player.loss(family.networks, batch, noise)["loss"]
        again = player.loss(family.networks, batch, noise)["loss"]
        assert torch.equal(first, again)
    family.networks.eval()
    if isinstance(family, Samples):
        seeds = [family.sample(2, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
        assert torch.equal(seeds[0], seeds[1])
        assert not torch.equal(seeds[0], seeds[2])
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", SMALL)
def test_a_loss_has_gradients_for_all_that_its_player_trains(name: str) -> None:
    family, batch = built(name), random_batch()
    for player in family.phases()[0].players:
        parameters = [p for n in player.trains for p in family.networks[n].parameters()]
        noise = player.noise(4, torch.Generator().manual_seed(0))
        loss = player.loss(family.networks, batch, noise)["loss"]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        assert all(gradient is not None for gradient in gradients)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("size", "right"), [(30, "32×32"), (4, "8×8"), (17, "16×16")])
def test_other_sizes_say_what_would_be_right(name: str, size: int, right: str) -> None:
    with pytest.raises(BadInput, match=right):
        built(name, size=size)


def test_unknown_family_and_wrong_settings() -> None:
    with pytest.raises(BadInput, match="did you mean 'diffusion'"):
        build_family("difusion", {}, ImageShape(1, 16))
    with pytest.raises(ValidationError, match="widht"):
        build_family("vae", {"widht": 3}, ImageShape(1, 16))
    with pytest.raises(ValidationError, match="at most timesteps"):
        build_family("diffusion", {"timesteps": 20, "sampling": {"steps": 21}}, ImageShape(1, 16))
