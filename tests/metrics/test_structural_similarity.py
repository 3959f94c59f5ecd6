import math

import numpy as np
import piq
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure as torchmetrics_ms_ssim,
)
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

from harness.core.errors import BadInput
from harness.metrics import METRICS, ms_ssim, ssim
from harness.metrics.structural_similarity import SCALE_WEIGHTS

GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)


def noisy_pair(n: int, channels: int, h: int, w: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with structure at every scale, and the same with noise."""
    coarse = images(n, channels, 12, 12).float()
    a = F.interpolate(coarse, (h, w), mode="bilinear").round().byte()
    noise = torch.randint(-40, 41, a.shape, generator=torch.Generator().manual_seed(1))
    return a, (a.int() + noise).clamp(0, 255).byte()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(11, 12), (19, 32), (80, 150)])
@pytest.mark.parametrize(
    ("window", "options"), [("gaussian", GAUSSIAN), ("uniform", {"win_size": 7})]
)
def test_ssim_equals_scikit_image(channels, size, window, options):
    """Sizes on both sides of the one at which the window's matrix is cut into tiles."""
    a, b = noisy_pair(3, channels, *size)
    ours = ssim(a, b, window)
    for mine, x, y in zip(ours, a.numpy(), b.numpy(), strict=True):
        theirs = structural_similarity(x, y, channel_axis=0, data_range=255, **options)
        assert float(mine) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_sums_of_the_uniform_window_are_exact_at_their_largest(precision: str):
    """White images but for a pixel; also where products of float32 may be of fewer digits."""
    a = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    b = a.clone()
    b[:, :, ::9, ::7] = 254
    expected = [
        structural_similarity(x, y, channel_axis=0, data_range=255)
        for x, y in zip(a.numpy(), b.numpy(), strict=True)
    ]
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(precision)
        found = ssim(a, b, "uniform").tolist()
    finally:
        torch.set_float32_matmul_precision(before)
    assert found == pytest.approx(expected, abs=1e-12)


def test_ssim_does_not_depend_on_the_batch():
    a, b = images(600, 1, 16, 16), images(600, 1, 16, 16, seed=1)
    assert torch.equal(ssim(a, b)[599:], ssim(a[599:], b[599:]))


@pytest.mark.parametrize("channels", [1, 3])
def test_ms_ssim_equals_piq_where_no_side_is_odd_on_the_way(channels):
    a, b = noisy_pair(2, channels, 176, 208)
    theirs = piq.multi_scale_ssim(a.double(), b.double(), data_range=255, reduction="none")
    assert ms_ssim(a, b).numpy() == pytest.approx(theirs.numpy(), abs=1e-12)


def test_ms_ssim_is_torchmetrics_but_for_its_mirrored_border():
    """torchmetrics takes the coarsest scale over a mirrored border; with that factor exchanged for
    the one inside the image, in which scikit-image agrees, the rest of the product is the same.
    """
    a, b = noisy_pair(1, 1, 192, 208)
    theirs = torchmetrics_ms_ssim(a.double(), b.double(), data_range=255.0)
    coarse_a, coarse_b = F.avg_pool2d(a.double(), 16), F.avg_pool2d(b.double(), 16)
    mirrored = torchmetrics_ssim(coarse_a, coarse_b, data_range=255.0)
    inside = structural_similarity(
        coarse_a[0, 0].numpy(), coarse_b[0, 0].numpy(), data_range=255, **GAUSSIAN
    )
    exchanged = float(theirs) * (inside / float(mirrored)) ** SCALE_WEIGHTS[-1]
    # torchmetrics keeps the exponents in single precision.
    assert float(ms_ssim(a, b)) == pytest.approx(exchanged, rel=1e-6)


def test_constant_images_differ_in_luminance_alone():
    """Only the coarsest scale sees it: ((2 x y + C1) / (x² + y² + C1)) to its exponent."""
    a, b = torch.full((2, 1, 1, 176, 176), 1, dtype=torch.uint8) * torch.tensor(
        [100, 150], dtype=torch.uint8
    ).view(2, 1, 1, 1, 1)
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert float(ssim(a, b)) == pytest.approx(luminance, abs=1e-12)
    assert float(ms_ssim(a, b)) == pytest.approx(luminance ** SCALE_WEIGHTS[-1], abs=1e-12)


def test_an_odd_last_row_and_column_are_left_out_of_the_coarser_scales():
    """They change the finest scale alone."""
    a, b = noisy_pair(1, 1, 177, 177)
    changed = b.clone()
    changed[..., -1, :] = a[..., -1, :]
    fine = [
        piq.ssim(a.double(), x.double(), data_range=255, downsample=False, full=True)[1]
        for x in (b, changed)
    ]
    expected = float(ms_ssim(a, b)) * float(fine[1] / fine[0]) ** SCALE_WEIGHTS[0]
    assert float(ms_ssim(a, changed)) == pytest.approx(expected, abs=1e-12)


def test_a_negative_term_counts_as_zero():
    a = images(1, 1, 176, 176)
    assert float(ssim(a, 255 - a)) < 0
    assert ms_ssim(a, 255 - a).tolist() == [0.0]


def test_equal_images_score_one():
    a = images(3, 1, 16, 16)
    assert ssim(a, a).numpy() == pytest.approx(np.ones(3), abs=1e-15)
    large = images(1, 3, 180, 177)
    assert ms_ssim(large, large).tolist() == [pytest.approx(1, abs=1e-15)]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31))
def test_pairs_are_symmetric_and_independent(seed):
    a, b = images(3, 1, 11, 11, seed=seed), images(3, 1, 11, 11, seed=seed + 1)
    order = torch.tensor([2, 0, 1])
    assert ssim(a, b).numpy() == pytest.approx(ssim(b, a).numpy(), rel=1e-12)
    assert ssim(a[order], b[order]).numpy() == pytest.approx(ssim(a, b)[order].numpy(), rel=1e-12)


def test_the_metrics_average_over_images():
    a, b = noisy_pair(3, 1, 176, 176)
    estimate = METRICS["ms_ssim"].compute(a, b)
    values = ms_ssim(a, b)
    assert estimate.value == pytest.approx(float(values.mean()))
    assert estimate.stderr == pytest.approx(float(values.std()) / math.sqrt(3))


def test_small_images_are_refused():
    a = images(2, 1, 200, 200)
    with pytest.raises(BadInput, match="at least 11 pixels a side, not 8×200"):
        ssim(a[..., :8, :], a[..., :8, :])
    with pytest.raises(BadInput, match="at least 176 pixels a side, not 200×175"):
        ms_ssim(a[..., :175], a[..., :175])
