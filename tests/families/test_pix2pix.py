"""pix2pix: the losses of both players, by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.pix2pix import Pix2Pix

SHAPE = ImageShape(3, 16, source_channels=1, masked=True)


def pix2pix(**settings: Any) -> Pix2Pix:
    torch.manual_seed(0)
    small = {"batch_size": 4, "discriminator": {"width": 4}}
    family = build_family("pix2pix", small | settings, SHAPE)
    assert isinstance(family, Pix2Pix)
    nn.init.normal_(family.networks["unet"].last[-1].weight)
    return family


def batch() -> Batch:
    draws = torch.Generator().manual_seed(0)
    x, source = (torch.rand(4, c, 16, 16, generator=draws) * 2 - 1 for c in (3, 1))
    return Batch(x, torch.zeros(4, dtype=torch.int64), source=source, mask=torch.ones(4, 1, 16, 16))


def patches(family: Pix2Pix, images: Tensor) -> Tensor:
    given = batch()
    out: Tensor = family.networks["discriminator"](torch.cat([given.source, given.mask, images], 1))
    return out


def test_the_losses_are_those_of_the_paper():
    family = pix2pix(weight=100.0)
    discriminator, generator = family.phases()[0].players
    given = batch()
    made = family.networks["unet"](torch.cat([given.source, given.mask], 1), torch.zeros(4))
    real, fake = patches(family, given.x), patches(family, made)
    labels = [F.binary_cross_entropy_with_logits(o, torch.full_like(o, y))
              for o, y in ((real, 1.0), (fake, 0.0))]  # fmt: skip
    half = discriminator.loss(family.networks, given, {})["loss"]
    torch.testing.assert_close(half, (labels[0] + labels[1]) / 2)
    losses = generator.loss(family.networks, given, {})
    adversary = F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    torch.testing.assert_close(losses["adversarial"], adversary)
    error = (made - given.x).abs().mean()
    torch.testing.assert_close(losses["loss"], adversary + 100 * error)


def test_each_player_trains_its_own_network():
    family = pix2pix()
    discriminator, generator = family.phases()[0].players
    assert (discriminator.trains, generator.trains) == (("discriminator",), ("unet",))
    discriminator.loss(family.networks, batch(), {})["loss"].backward()
    assert all(p.grad is None for p in family.networks["unet"].parameters())


def test_it_restores_as_its_control_does_with_the_same_weights():
    family = pix2pix()
    control = build_family("translation", {}, SHAPE)
    control.networks["unet"].load_state_dict(family.networks["unet"].state_dict())
    given = batch()
    restored = family.restore(given.source, given.mask)
    assert torch.equal(restored, control.restore(given.source, given.mask))


def test_the_discriminator_looks_at_patches_beside_their_source():
    family = pix2pix()
    out = patches(family, batch().x)
    assert out.shape[1] == 1
    assert out.shape[2] > 1
    other = batch().source.flip(0)
    beside = torch.cat([other, batch().mask, batch().x], 1)
    assert not torch.equal(family.networks["discriminator"](beside), out)


def test_a_loss_that_compares_with_real_images_is_refused():
    with pytest.raises(ValidationError, match="compares made images with real ones"):
        pix2pix(discriminator={"loss": "relativistic-average"})
