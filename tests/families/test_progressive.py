"""GANs that grow: fading in, phases, and what a training that stops on the way can do."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from ramps import Ramps
from torch import nn

from harness.core.errors import BadInput
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.progressive import ProgressiveGAN
from harness.networks.convnet import Decoder
from harness.networks.discriminator import ConvDiscriminator
from harness.networks.growing import (
    GrowingDiscriminator,
    GrowingGenerator,
    at_level,
    halve,
    image_sizes,
)
from harness.networks.sizes import double
from harness.training.loop import train

SMALL = {"width": 4, "latent": 3, "batch_size": 32}
OFF, ON = torch.zeros(()), torch.ones(())


def grown(**settings: Any) -> ProgressiveGAN:
    torch.manual_seed(0)
    family = build_family("progressive-gan", SMALL | settings, ImageShape(1, 16))
    assert isinstance(family, ProgressiveGAN)
    return family


def generator() -> GrowingGenerator:
    torch.manual_seed(0)
    return GrowingGenerator(3, 2, 32, 4, nn.ReLU(), nn.BatchNorm2d).eval()


def discriminator() -> GrowingDiscriminator:
    torch.manual_seed(0)
    leaky = nn.LeakyReLU(0.2)
    return GrowingDiscriminator(2, 32, 4, 1, activation=leaky, norm=nn.BatchNorm2d).eval()


@pytest.mark.parametrize("level", [1, 2])
def test_a_generator_fades_in_from_the_smaller_to_the_larger_to_the_bit(level: int) -> None:
    network, z = generator(), torch.randn(5, 3)
    assert torch.equal(network.grown(z, level, OFF), double(network.grown(z, level - 1)))
    assert torch.equal(network.grown(z, level, ON), network.grown(z, level))


@pytest.mark.parametrize("level", [1, 2])
def test_a_discriminator_fades_in_from_the_smaller_to_the_larger_to_the_bit(level: int) -> None:
    network = discriminator()
    x = torch.randn(5, 2, network.sizes[level], network.sizes[level])
    assert torch.equal(network.judged(x, level, OFF), network.judged(halve(x), level - 1))
    assert torch.equal(network.judged(x, level, ON), network.judged(x, level))


def test_half_way_images_are_the_mean_of_both() -> None:
    network, z = generator(), torch.randn(5, 3)
    mean = (network.grown(z, 2) + double(network.grown(z, 1))) / 2
    torch.testing.assert_close(network.grown(z, 2, torch.tensor(0.5)), mean)


def test_the_grown_networks_are_those_of_dcgan() -> None:
    network, z = generator(), torch.randn(5, 3)
    plain = Decoder(3, 2, 32, 4, nn.ReLU()).eval()
    _copy([network.head, network.first, *network.blocks, network.images[2]], plain)
    assert torch.equal(network(z), plain(z))
    judge, x = discriminator(), torch.randn(5, 2, 32, 32)
    leaky = nn.LeakyReLU(0.2)
    other = ConvDiscriminator(2, 32, 4, 1, activation=leaky, norm=nn.BatchNorm2d).eval()
    _copy([judge.images[2], *list(judge.blocks)[::-1], judge.head], other)
    assert torch.equal(judge(x), other(x))


def _copy(parts: list[nn.Module], into: nn.Module) -> None:
    values = [value for part in parts for value in part.state_dict().values()]
    names = into.state_dict()
    order = [n for n in names if n.startswith("head") == isinstance(into, Decoder)]
    order += [n for n in names if n not in order]
    into.load_state_dict(dict(zip(order, values, strict=True)))


def test_images_at_a_level_are_means_of_their_pixels() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    means = torch.tensor([[2.5, 4.5], [10.5, 12.5]])
    assert torch.equal(at_level(x, 2, None)[0, 0], means)
    assert torch.equal(at_level(x, 4, OFF), double(means[None, None]))
    assert torch.equal(at_level(x, 4, ON), x)


def test_it_is_trained_in_a_phase_for_each_size() -> None:
    family = grown()
    phases = family.phases()
    assert [phase.name for phase in phases] == ["8x8", "16x16"]
    assert math.isclose(sum(phase.share for phase in phases), 1)
    assert [p.reads_progress for phase in phases for p in phase.players] == [False] * 2 + [True] * 2


def test_a_training_that_stops_on_the_way_samples_what_it_has_learnt() -> None:
    family = grown()
    cpu = torch.device("cpu")
    train(family, Ramps(with_sources=False), 64, seed=0, device=cpu, horizon_images=256)
    images = family.sample(4, torch.Generator().manual_seed(0))
    assert images.shape == (4, 1, 16, 16)
    assert torch.equal(images, double(halve(images)))
    assert int(family.networks["generator"].level) == 0
    assert family.discriminate(images).shape == (4,)


def test_what_a_level_does_not_use_stays() -> None:
    family = grown()
    before = [p.clone() for p in family.networks["generator"].images[1].parameters()]
    cpu = torch.device("cpu")
    train(family, Ramps(with_sources=False), 128, seed=0, device=cpu, horizon_images=256)
    after = [*family.networks["generator"].images[1].parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_image_sizes_double() -> None:
    assert image_sizes(64) == (8, 16, 32, 64)
    with pytest.raises(BadInput, match="from 8×8 does not reach images of 28×28"):
        build_family("progressive-gan", SMALL | {"start": 8}, ImageShape(1, 28))
    build_family("progressive-gan", SMALL | {"start": 14}, ImageShape(1, 28))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"conditional": True}, "no conditional"),
        ({"generator": {"attention": True}}, "no attention"),
        ({"discriminator": {"blocks": "residual", "norm": "none", "activation": "relu"}}, "blocks"),
        ({"dynamics": {"kind": "simultaneous"}}, "dynamics"),
        ({"discriminator": {"augment": ["brightness"]}}, "augment"),
    ],
)
def test_what_does_not_grow_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        grown(**settings)


def test_penalties_go_along() -> None:
    family = grown(discriminator={"norm": "none"}, penalties=[{"kind": "gradient", "weight": 10}])
    result = train(family, Ramps(with_sources=False), 128, seed=0, device=torch.device("cpu"))
    assert "discriminator/penalty" in result.curve[-1].losses
