import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from harness.core.errors import BadInput
from harness.metrics import METRICS, log_sharpness_ratio, sharpness_ratio


def textures(n: int = 40, channels: int = 1, size: int = 24, seed: int = 0) -> torch.Tensor:
    """Smoothed noise: power falls with frequency, as in photographs."""
    noise = np.random.default_rng(seed).normal(size=(n, channels, size, size))
    smooth = gaussian_filter(noise, (0, 0, 1, 1)) + 0.1 * noise
    return torch.from_numpy((128 + 200 * smooth).clip(0, 255)).byte()


def blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    return torch.from_numpy(gaussian_filter(images.double(), (0, 0, sigma, sigma))).byte()


def noisy(images: torch.Tensor, scale: float) -> torch.Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + scale * noise).clamp(0, 255).byte()


def test_blur_lowers_and_noise_raises_it_by_degrees():
    data = textures()
    ladder = [blurred(data, 1.5), blurred(data, 0.7), data, noisy(data, 10), noisy(data, 30)]
    ratios = [sharpness_ratio(x, data).value for x in ladder]
    assert ratios == sorted(ratios)
    assert len(set(ratios)) == 5
    assert ratios[2] == 1


def test_low_frequencies_dilute_by_their_power():
    """Waves of eight pixels have nothing above a quarter of a cycle per pixel: the share of high
    frequencies among them and white noise is the noise's, times its part of the power.
    """
    white = torch.randint(
        0, 256, (40, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    wave = 128 + 100 * torch.cos(2 * math.pi * torch.arange(32) / 8)
    waves = wave.byte().expand(5, 1, 32, 32)
    taper = np.outer(np.hanning(34)[1:-1], np.hanning(34)[1:-1])

    def power(images: torch.Tensor) -> float:
        values = images[:, 0].double().numpy()
        mean = np.average(values, axis=(1, 2), weights=np.broadcast_to(taper, values.shape))
        return float((taper**2 * (values - mean[:, None, None]) ** 2).sum())

    expected = power(white) / (power(white) + power(waves))
    assert 0.3 < expected < 0.95
    assert sharpness_ratio(torch.cat([white, waves]), white).value == pytest.approx(
        expected, rel=1e-3
    )


@pytest.mark.parametrize(("fx", "fy"), [(1, 0), (0, 1), (math.sqrt(0.5), math.sqrt(0.5))])
def test_high_frequencies_begin_at_a_quarter_of_a_cycle_per_pixel(fx: float, fy: float):
    """Waves of 0.26 cycles per pixel in any direction are fine detail, waves of 0.24 are not: the
    share of detail is the share of images with 0.26. Waves of one size have one power.
    """
    y, x = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    low, high = (
        (128 + 100 * torch.cos(2 * math.pi * cycles * (fx * x + fy * y))).round().byte()[None]
        for cycles in (0.24, 0.26)
    )
    mostly_low, mostly_high = torch.stack([low, low, low, high]), torch.stack([high, high, low])
    ratio = sharpness_ratio(mostly_low, mostly_high).value
    assert ratio == pytest.approx((1 / 4) / (2 / 3), rel=5e-3)


def test_contrast_and_brightness_do_not_matter():
    data = (textures() // 4) * 2
    assert sharpness_ratio(data // 2, data).value == pytest.approx(1, abs=1e-12)
    assert sharpness_ratio(data + 50, data).value == pytest.approx(1, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(8, 17))
def test_inverse_where_the_sets_change_places(seed, channels, size):
    a = textures(3, channels, size, seed)
    b = noisy(a, 20)
    ab, ba = log_sharpness_ratio(a, b), log_sharpness_ratio(b, a)
    assert ab.value == pytest.approx(-ba.value, abs=1e-12)
    assert ab.stderr == pytest.approx(ba.stderr)
    turned = log_sharpness_ratio(a.mT, b.mT)
    assert turned.value == pytest.approx(ab.value, abs=1e-9)


def test_flat_images_weigh_nothing():
    data = textures()
    flat = torch.full((10, 1, 24, 24), 77, dtype=torch.uint8)
    assert sharpness_ratio(torch.cat([data, flat]), data).value == pytest.approx(1, abs=1e-12)


def test_error_is_the_spread_over_repeated_experiments():
    """Of sets of images that differ in how sharp they are."""
    pool = torch.cat([blurred(textures(200, seed=1), 0.8), noisy(textures(200, seed=2), 15)])
    random = np.random.default_rng(0)
    draws = [[pool[random.integers(0, 400, 60)] for _ in range(2)] for _ in range(200)]
    estimates = [log_sharpness_ratio(*draw) for draw in draws]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.15)


def test_metric_has_the_sign_of_the_direction():
    """Noise is no sharpness to be proud of, and not the same as blur of the same strength."""
    data, metric = textures(), METRICS["sharpness"]
    assert metric.compute(blurred(data, 1), data).value < -0.1
    assert metric.compute(noisy(data, 20), data).value > 0.1
    assert metric.compute(data, data).value == metric.ideal == 0
    for samples in (blurred(data, 1), noisy(data, 20)):
        signed = log_sharpness_ratio(samples, data)
        assert metric.compute(samples, data) == signed
        ratio = sharpness_ratio(samples, data)
        assert ratio.value == pytest.approx(math.exp(signed.value))
        assert ratio.stderr == pytest.approx(ratio.value * signed.stderr)
    assert log_sharpness_ratio(data[:1], data).stderr is None


def test_errors_of_pairs_are_those_of_their_differences():
    """Blurred images differ from their originals alike, however much these differ."""
    data = torch.cat([blurred(textures(40, seed=1), 0.8), noisy(textures(40, seed=2), 15)])
    metric = METRICS["reconstruction_sharpness"]
    softer = blurred(data, 0.4)
    both = metric.compute(softer, data), log_sharpness_ratio(softer, data)
    assert both[0].value == both[1].value < 0
    assert both[0].stderr < both[1].stderr / 3
    assert metric.compute(data, data).stderr == 0
    random = np.random.default_rng(0)
    chosen = [random.integers(0, 80, 80) for _ in range(200)]
    spread = np.std([metric.compute(softer[rows], data[rows]).value for rows in chosen])
    assert both[0].stderr == pytest.approx(spread, rel=0.2)


def test_bad_images_are_refused():
    data = textures()
    flat = torch.full_like(data, 3)
    with pytest.raises(BadInput, match="all samples are constant"):
        sharpness_ratio(flat, data)
    with pytest.raises(BadInput, match="all reference images are constant"):
        sharpness_ratio(data, flat)
    with pytest.raises(BadInput, match="one C×H×W is needed"):
        sharpness_ratio(data, data[..., :20])
    with pytest.raises(BadInput, match="at least 8 pixels a side, not 7×24"):
        sharpness_ratio(data[..., :7, :], data[..., :7, :])
    with pytest.raises(BadInput, match="uint8"):
        sharpness_ratio(data.float(), data)
