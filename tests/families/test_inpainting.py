"""Autoencoders that fill in hidden pixels: masks of training, masks of the data, and turns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.inpainting import Inpainting
from harness.objectives.reconstruction import HOLE_WEIGHT, hole_weighted_error

SMALL = {"width": 4}


def built(shape: ImageShape | None = None, **settings: Any) -> Inpainting:
    torch.manual_seed(0)
    family = build_family("inpainting", SMALL | settings, shape or ImageShape(1, 16))
    assert isinstance(family, Inpainting)
    return family


def images(n: int = 4, size: int = 16) -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.rand(n, 1, size, size, generator=draws) * 2 - 1


class Remembers(nn.Module):
    """A network that gives 0.5, and keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        self.shown.append((x, known))
        return torch.full_like(x, 0.5)


def test_squares_are_hidden_with_their_probability_and_others_each_time() -> None:
    family = built(hidden=0.25)
    known = family.noise(2000, torch.Generator().manual_seed(0))["known"]
    assert known.shape == (2000, 1, 16, 16)
    assert set(known.unique().tolist()) == {0.0, 1.0}
    assert float(known.mean()) == pytest.approx(0.75, abs=0.01)
    squares = known.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert bool((squares == squares[..., :1]).all())
    assert not torch.equal(known, family.noise(2000, torch.Generator().manual_seed(1))["known"])


def test_training_takes_the_masks_of_the_data_where_there_are_any() -> None:
    family, x = built(ImageShape(1, 16, source_channels=1, masked=True)), images()
    mask = torch.ones(4, 1, 16, 16)
    mask[:, :, 4:9, 4:9] = 0
    source = x * mask
    family.networks["unet"] = net = Remembers()
    noise = family.noise(4, torch.Generator().manual_seed(0))
    loss = family.loss(family.networks, Batch(x, torch.zeros(4), source, mask), noise)["loss"]
    assert torch.equal(net.shown[0][0], source)
    assert torch.equal(net.shown[0][1], mask)
    assert float(loss) == float(hole_weighted_error(x, torch.full_like(x, 0.5), mask))
    family.loss(family.networks, Batch(x, torch.zeros(4)), noise)
    assert torch.equal(net.shown[1][0], x)
    assert torch.equal(net.shown[1][1], noise["known"])


def test_hidden_pixels_count_six_times() -> None:
    x = images()
    known = (torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(2)) < 0.5).float()
    made = x + 0.25
    share = float(known.mean())
    expected = 0.25 * (share + HOLE_WEIGHT * (1 - share))
    assert float(hole_weighted_error(x, made, known)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("hidden", [0.25, 0.3, 0.9])
def test_a_reconstruction_has_each_pixel_as_it_is_filled_in_once(hidden: float) -> None:
    family, x = built(hidden=hidden), images()
    family.networks["unet"] = net = Remembers()
    assert torch.equal(family.reconstruct(x), torch.full_like(x, 0.5))
    total = torch.stack([1 - known for _, known in net.shown]).sum(dim=0)
    assert torch.equal(total, torch.ones_like(x)), "each pixel is hidden at one turn"
    assert len(net.shown) == -(-1 // hidden)
    assert torch.equal(family.fill_in(x, torch.Generator()), family.reconstruct(x))


def test_a_pixel_has_no_part_in_how_its_square_is_filled_in() -> None:
    family, x = built(), images()
    family.networks.eval()
    changed = x.clone()
    changed[:, :, :4, :4] = torch.randn(4, 1, 4, 4)
    before, after = family.reconstruct(x), family.reconstruct(changed)
    assert torch.equal(before[:, :, :4, :4], after[:, :, :4, :4])
    assert not torch.equal(before, after)


def test_without_a_mask_all_is_known() -> None:
    family, x = built(), images()
    family.networks.eval()
    assert torch.equal(family.restore(x, None), family.restore(x, torch.ones_like(x)))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="no masks say where"):
        built(ImageShape(1, 16, source_channels=1))
    with pytest.raises(BadInput, match="squares of 5 pixels do not tile images of 16×16"):
        built(patch=5)
    with pytest.raises(BadInput, match="squares of 16 pixels do not tile"):
        built(patch=16)
    with pytest.raises(ValidationError, match="gated"):
        built(convolution="gated")
