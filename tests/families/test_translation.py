"""Images from other images: the U-Net of the translation family, and the denoising autoencoder."""

import pytest
import torch
from torch import nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape

LABELS = torch.zeros(4, dtype=torch.int64)


def images(channels: int, n: int = 4) -> torch.Tensor:
    return torch.rand(n, channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_before_training_a_damaged_image_is_left_as_it_is():
    family = build_family("translation", {}, ImageShape(1, 8, source_channels=1))
    source = images(1)
    assert torch.equal(family.restore(source, None), source)


@pytest.mark.parametrize(("loss", "expected"), [("l1", 0.5), ("l2", 0.25)])
def test_the_loss_is_the_mean_error(loss: str, expected: float):
    family = build_family("translation", {"loss": loss}, ImageShape(1, 8, source_channels=1))
    x = images(1)
    (player,) = family.phases()[0].players
    batch = Batch(x, LABELS, source=x + 0.5)
    assert player.loss(family.networks, batch, {})["loss"].item() == pytest.approx(expected)


def test_pairs_may_differ_in_channels_and_masks_are_seen():
    shape = ImageShape(3, 8, source_channels=1, masked=True)
    family = build_family("translation", {}, shape)
    nn.init.normal_(family.networks["unet"].last[-1].weight)
    source, mask = images(1), torch.ones(4, 1, 8, 8)
    made = family.restore(source, mask)
    assert made.shape == (4, 3, 8, 8)
    assert made.abs().max() <= 1
    assert not torch.equal(made, family.restore(source, 0 * mask))


def test_an_autoencoder_that_is_shown_damage_learns_the_clean_image():
    family = build_family("autoencoder", {"width": 4}, ImageShape(1, 8, source_channels=1))
    (player,) = family.phases()[0].players
    x = images(1)
    rebuilt = family.networks.train()["decoder"](family.networks["encoder"](-x))
    loss = player.loss(family.networks, Batch(x, LABELS, source=-x), {})["loss"]
    assert loss.item() == pytest.approx((rebuilt - x).square().mean().item())


def test_what_cannot_be_built_says_what_would_be_right():
    with pytest.raises(BadInput, match=r"digits\[denoise=gaussian-0.1\]"):
        build_family("translation", {}, ImageShape(1, 8))
    with pytest.raises(BadInput, match="a translation does"):
        build_family("autoencoder", {}, ImageShape(3, 8, source_channels=1))
