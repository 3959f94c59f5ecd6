"""Masked autoencoders: the encoder sees nothing of what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.masked_autoencoder import MaskedAutoencoder

SMALL = {"width": 8, "depth": 2, "heads": 2, "decoder_width": 8}


def built(size: int = 16, channels: int = 2, **settings: Any) -> MaskedAutoencoder:
    torch.manual_seed(0)
    family = build_family("masked-autoencoder", SMALL | settings, ImageShape(channels, size))
    assert isinstance(family, MaskedAutoencoder)
    return family


def images(n: int = 5, size: int = 16, channels: int = 2) -> torch.Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.rand(n, channels, size, size, generator=draws) * 2 - 1


def visible(family: MaskedAutoencoder, n: int = 5, seed: int = 0) -> torch.Tensor:
    return family.noise(n, torch.Generator().manual_seed(seed))["visible"]


def test_the_encoders_output_has_the_same_bits_whatever_is_hidden() -> None:
    family, x = built(), images()
    seen = visible(family)
    changed = torch.where(family._hidden(seen) > 0, torch.randn_like(x), x)
    assert not torch.equal(changed, x)
    encoder = family.networks["encoder"]
    assert torch.equal(encoder(x, seen), encoder(changed, seen))
    other = torch.where(family._hidden(seen) > 0, x, x + 0.1)
    assert not torch.equal(encoder(x, seen), encoder(other, seen))


def test_a_quarter_of_the_patches_is_seen_and_others_each_time() -> None:
    family = built()
    seen = visible(family)
    assert seen.shape == (5, 4)  # of 16
    assert all(len(set(row.tolist())) == 4 for row in seen)
    assert float(family._hidden(seen).mean()) == pytest.approx(0.75)
    assert not torch.equal(seen, visible(family, seed=1))


def test_the_loss_is_the_error_of_hidden_pixels_alone() -> None:
    family, x = built(), images()
    seen = visible(family)
    made = family.networks["decoder"](family.networks["encoder"](x, seen), seen)
    hidden = family._hidden(seen).bool().expand_as(x)
    expected = (made - x)[hidden].square().mean()
    batch = Batch(x, torch.zeros(5, dtype=torch.int64))
    loss = family.loss(family.networks, batch, {"visible": seen})["loss"]
    torch.testing.assert_close(loss, expected)


def test_each_patch_is_reconstructed_from_the_others() -> None:
    family = built()
    family.networks.eval()
    x = images(1)
    slope = torch.autograd.functional.jacobian(
        lambda image: _reconstructed(family, image)[0, 0, :4, :4].sum(), x
    )
    assert slope[0, :, :4, :4].abs().max() == 0
    assert slope[0, :, 4:, 4:].abs().max() > 0
    assert torch.equal(family.reconstruct(x), family.reconstruct(x))


def _reconstructed(family: MaskedAutoencoder, x: torch.Tensor) -> torch.Tensor:
    """`reconstruct` without its no_grad."""
    method = MaskedAutoencoder.reconstruct.__wrapped__  # type: ignore[attr-defined]
    images: torch.Tensor = method(family, x)
    return images


def test_what_does_not_tile_the_images_is_refused() -> None:
    with pytest.raises(BadInput, match="patches of 5 pixels with 75% hidden"):
        built(patch=5)
    with pytest.raises(BadInput, match="some seen and some not"):
        built(patch=16)
    with pytest.raises(ValidationError, match="heads divide width"):
        built(heads=3)
