"""Convolutions of images with hidden pixels: their equations, and what never enters them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.masked_convolutions import (
    MASKED_CONVOLUTIONS,
    InpaintingUNet,
    PartialConvolution,
)


def images(n: int = 3, channels: int = 2, size: int = 8) -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.rand(n, channels, size, size, dtype=torch.float64, generator=draws) * 2 - 1


def squares(n: int = 3, size: int = 8) -> Tensor:
    """Masks of known pixels with a hole, larger from image to image."""
    known = torch.ones(n, 1, size, size, dtype=torch.float64)
    for number in range(n):
        known[number, :, 1 : 3 + 2 * number, 1 : 3 + 2 * number] = 0
    return known


def partial(stride: int = 1) -> PartialConvolution:
    torch.manual_seed(0)
    return PartialConvolution(2, 4, stride).double()


@pytest.mark.parametrize("stride", [1, 2])
def test_a_partial_convolution_is_its_equation_at_every_position(stride: int) -> None:
    net, x = partial(stride), images()
    known = squares().expand_as(x)
    made, after = net(x, known)
    weight, bias = net.convolution.weight, net.convolution.bias
    padded, mask = F.pad(x, (1, 1, 1, 1)), F.pad(known, (1, 1, 1, 1))
    for row in range(made.shape[2]):
        for column in range(made.shape[3]):
            at = (slice(None), slice(None), slice(stride * row, stride * row + 3),
                  slice(stride * column, stride * column + 3))  # fmt: skip
            seen = mask[at].sum(dim=(1, 2, 3))
            total = torch.einsum("nchw,ochw->no", padded[at] * mask[at], weight)
            expected = total * (18 / seen.clamp(min=1))[:, None] + bias
            expected[seen == 0] = 0
            torch.testing.assert_close(made[:, :, row, column], expected)
            assert torch.equal(after[:, 0, row, column], (seen > 0).double())


def test_inside_a_whole_image_it_is_a_convolution() -> None:
    net, x = partial(), images()
    made, after = net(x, torch.ones_like(x))
    torch.testing.assert_close(made[:, :, 1:-1, 1:-1], net.convolution(x)[:, :, 1:-1, 1:-1])
    assert bool(after.all())


def test_a_hole_is_closed_from_its_edge() -> None:
    x = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    known = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    known[:, :, 1:7, 1:7] = 0
    _, after = partial()(x, known.expand_as(x))
    hidden = torch.zeros(8, 8)
    hidden[2:6, 2:6] = 1
    assert torch.equal(after[0, 0] == 0, hidden.bool())


@pytest.mark.parametrize("kind", MASKED_CONVOLUTIONS)
@pytest.mark.parametrize("training", [False, True])
def test_nothing_of_hidden_pixels_enters_the_network(kind: str, training: bool) -> None:
    torch.manual_seed(0)
    net = InpaintingUNet(2, 8, 4, MASKED_CONVOLUTIONS[kind]).double().train(training)
    x, known = images(), squares()
    changed = torch.where(known.bool(), x, torch.randn_like(x))
    assert torch.equal(net(x, known), net(changed, known))
    other = torch.where(known.bool(), x + 0.1, x)
    assert not torch.equal(net(x, known), net(other, known))
    assert net(x, known).shape == x.shape
    assert net(x, known).abs().max() <= 1


def test_the_two_kinds_have_one_architecture() -> None:
    plain, masked = (InpaintingUNet(1, 28, 16, kind) for kind in MASKED_CONVOLUTIONS.values())
    extra = 16 * 9 + 9  # the mask as a channel of the first layer and of the last
    counts = [sum(p.numel() for p in net.parameters()) for net in (plain, masked)]
    assert counts[0] - counts[1] == extra


def test_every_weight_has_a_gradient_where_images_have_holes() -> None:
    for kind in MASKED_CONVOLUTIONS.values():
        torch.manual_seed(0)
        net = InpaintingUNet(2, 8, 4, kind).double()
        loss = net(images(), squares()).square().mean()
        slopes = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        assert all(slope is not None for slope in slopes)
