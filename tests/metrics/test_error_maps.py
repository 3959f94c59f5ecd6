"""Maps of differences against scikit-image and piq, and in closed form."""

import numpy as np
import piq.functional
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from harness.metrics.error_maps import (
    GRADIENT_CONSTANT,
    gradient_error_map,
    multiscale_gradient_error_map,
    similarity_error_map,
    squared_error_map,
)

MAPS = (
    squared_error_map, similarity_error_map, gradient_error_map, multiscale_gradient_error_map,
)  # fmt: skip


def pairs(channels: int = 3, height: int = 20, width: int = 24) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    shape = (2, channels, height, width)
    a = 255 * torch.rand(shape, generator=draws, dtype=torch.float64)
    noise = torch.randn(shape, generator=draws, dtype=torch.float64)
    return a, (a + 30 * noise).clamp(0, 255)


@pytest.mark.parametrize("error", MAPS)
def test_equal_images_differ_nowhere_and_maps_have_their_size(error):
    a, b = pairs()
    assert error(a, a).abs().max() < 1e-12
    assert error(a, b).shape == (2, 20, 24)
    assert error(a, b).min() >= 0
    torch.testing.assert_close(error(a, b), error(b, a))


@pytest.mark.parametrize("error", MAPS)
def test_a_map_is_that_of_each_image_alone_and_turns_with_it(error):
    a, b = pairs(height=16, width=16)
    torch.testing.assert_close(error(a, b)[1:], error(a[1:], b[1:]))
    torch.testing.assert_close(error(a, b).mT, error(a.mT, b.mT))


def test_squared_errors_are_of_white_as_1():
    a = torch.tensor([0.0, 255.0, 51.0]).view(1, 1, 1, 3)
    assert squared_error_map(a, torch.zeros_like(a)).flatten().tolist() == pytest.approx(
        [0, 1, 0.04]
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_similarity_is_scikit_images_at_every_pixel(channels):
    a, b = pairs(channels)
    found = similarity_error_map(a, b)
    for i in range(len(a)):
        whole = structural_similarity(
            a[i].numpy(), b[i].numpy(), data_range=255, channel_axis=0, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False, full=True,
        )[1]  # fmt: skip
        np.testing.assert_allclose(found[i], 1 - whole.mean(axis=0), atol=1e-12)


def test_gradients_are_piqs_inside_the_border():
    a, b = pairs()
    prewitt = piq.functional.prewitt_filter().double()
    filters = torch.stack([prewitt, prewitt.mT])
    gradients = [
        piq.functional.gradient_map(x.mean(dim=1, keepdim=True) / 255, filters) for x in (a, b)
    ]
    alike = piq.functional.similarity_map(*gradients, GRADIENT_CONSTANT / 255**2)
    inside = (slice(None), slice(1, -1), slice(1, -1))
    torch.testing.assert_close(
        gradient_error_map(a, b)[inside], 1 - alike[:, 0][inside], atol=1e-7, rtol=0
    )


def test_a_ramp_has_the_gradient_of_its_steepness_against_a_plane():
    ramp = (6.0 * torch.arange(8)).expand(1, 1, 8, 8).double()
    found = gradient_error_map(ramp, torch.full_like(ramp, 20))[0, :, 1:-1]
    # Prewitt's filter over two pixels: 12 a pixel, so 1 − c / (12² + c).
    torch.testing.assert_close(found, torch.full_like(found, 144 / (144 + GRADIENT_CONSTANT)))


def test_several_scales_are_the_mean_of_those_that_have_eight_pixels():
    a, b = pairs(height=16, width=16)
    half = [torch.nn.functional.avg_pool2d(x, 2) for x in (a, b)]
    coarse = torch.nn.functional.interpolate(
        gradient_error_map(*half)[:, None], size=16, mode="bilinear", align_corners=False
    )[:, 0]
    expected = (gradient_error_map(a, b) + coarse) / 2
    torch.testing.assert_close(multiscale_gradient_error_map(a, b), expected)
    small = [x[..., :12, :12] for x in (a, b)]
    torch.testing.assert_close(multiscale_gradient_error_map(*small), gradient_error_map(*small))
