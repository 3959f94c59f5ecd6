import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from sklearn.metrics import mean_absolute_error

from harness.core.errors import BadInput
from harness.metrics import METRICS, mae, mse, psnr


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)


def similar_pair(n: int, channels: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    a = images(n, channels, size, size)
    noise = torch.randint(-40, 41, a.shape, generator=torch.Generator().manual_seed(1))
    return a, (a.int() + noise).clamp(0, 255).byte()


@pytest.mark.parametrize("channels", [1, 3])
def test_errors_equal_the_libraries(channels):
    a, b = similar_pair(4, channels, 13)
    for i, (x, y) in enumerate(zip(a.numpy(), b.numpy(), strict=True)):
        assert float(psnr(a, b)[i]) == pytest.approx(
            peak_signal_noise_ratio(x, y, data_range=255), rel=1e-13
        )
        assert float(mse(a, b)[i]) == pytest.approx(
            mean_squared_error(x / 255.0, y / 255.0), rel=1e-12
        )
        assert float(mae(a, b)[i]) == pytest.approx(
            mean_absolute_error(x.ravel() / 255.0, y.ravel() / 255.0), rel=1e-12
        )


def test_equal_images():
    a = images(3, 1, 16, 16)
    assert torch.equal(mse(a, a), torch.zeros(3, dtype=torch.float64))
    assert torch.equal(psnr(a, a), torch.full((3,), math.inf, dtype=torch.float64))
    assert torch.equal(mae(a, a), torch.zeros(3, dtype=torch.float64))


def test_mse_of_black_and_white_is_one():
    black = torch.zeros(1, 3, 11, 11, dtype=torch.uint8)
    assert mse(black, black + 255).tolist() == [1.0]
    assert mae(black, black + 255).tolist() == [1.0]
    assert psnr(black, black + 255).tolist() == [0.0]


def test_mean_psnr_counts_an_exact_image_as_one_value_off():
    a = images(1, 1, 16, 16)
    nearly = a.clone()
    nearly[0, 0, 0, 0] ^= 1
    assert METRICS["psnr"].compute(a, a).value == pytest.approx(float(psnr(a, nearly)))


@settings(deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([mse, mae, psnr]))
def test_pairs_are_symmetric_and_independent(seed, metric):
    a, b = images(3, 1, 11, 11, seed=seed), images(3, 1, 11, 11, seed=seed + 1)
    order = torch.tensor([2, 0, 1])
    assert metric(a, b).numpy() == pytest.approx(metric(b, a).numpy(), rel=1e-12)
    assert metric(a[order], b[order]).numpy() == pytest.approx(
        metric(a, b)[order].numpy(), rel=1e-12
    )


def test_bad_pairs_are_refused():
    a = images(2, 1, 16, 16)
    with pytest.raises(BadInput, match="float32; uint8"):
        mse(a.float(), a)
    with pytest.raises(BadInput, match="differ in shape"):
        psnr(a, a[:1])
    with pytest.raises(BadInput, match="float32; uint8"):
        mae(a, a.float())
    with pytest.raises(BadInput, match="N×C×H×W"):
        mse(a[:0], a[:0])


@pytest.mark.parametrize("metric", [mse, mae])
@pytest.mark.parametrize("side", [0, 1])
def test_floats_of_another_range_are_refused(metric, side):
    pair = [images(2, 1, 8, 8) / 127.5 - 1 for _ in range(2)]
    pair[side] = images(2, 1, 8, 8).float()
    with pytest.raises(BadInput, match=r"reach 2\d\d; values from -1 to 1 are needed"):
        metric(*pair)
    pair[side] = torch.full((2, 1, 8, 8), -1.01)
    with pytest.raises(BadInput, match=r"reach 1.01"):
        metric(*pair)


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_points_may_lie_anywhere(name):
    points = torch.tensor([[3.0, -2.0], [0.5, 0.0]])[:, :, None, None]
    found = METRICS[name].compute(points + 0.5, points)
    assert found.value == {"mse": 0.0625, "mae": 0.25}[name]


def test_numbers_that_are_no_pixels_have_the_errors_of_as_large_ones():
    a, b = similar_pair(4, 1, 13)
    x, y = (image / 127.5 - 1 for image in (a, b))
    for error in (mse, mae):
        assert error(x, y).numpy() == pytest.approx(error(a, b).numpy(), rel=1e-5)
    with pytest.raises(BadInput, match="NaN or infinite"):
        mse(x, y * torch.nan)
    with pytest.raises(BadInput, match="of one shape"):
        mae(x, y[:1])
