import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.data.pixels import to_float, to_uint8
from harness.metrics import METRICS
from harness.metrics.likelihood import bits_per_dimension, dequantise


def images(n: int = 50) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 2, 8, 8), generator=random, dtype=torch.uint8)


@given(st.integers(1, 10_000))
def test_a_uniform_density_needs_eight_bits(values):
    """256 grey levels, each 1/127.5 wide: the density is 127.5 / 256 for every value."""
    nats = torch.full((3,), values * math.log(127.5 / 256), dtype=torch.float64)
    assert bits_per_dimension(nats, values).tolist() == pytest.approx([8] * 3, abs=1e-12)


def test_bits_are_those_of_the_discrete_probabilities():
    """A density that is constant within each grey level is a table of probabilities: its bits are
    their cross-entropy, exactly, whatever the noise.
    """
    pixels = images()
    table = torch.rand(256, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    probabilities = table / table.sum()
    noisy = dequantise(pixels, torch.Generator().manual_seed(2))
    density = probabilities[to_uint8(noisy).long()] * 127.5
    found = bits_per_dimension(density.log().flatten(1).sum(dim=1), 128)
    expected = -probabilities[pixels.long()].log2().flatten(1).mean(dim=1)
    torch.testing.assert_close(found, expected)


def test_dequantised_pixels_round_to_what_they_were():
    pixels = images()
    noisy = dequantise(pixels, torch.Generator().manual_seed(0))
    assert noisy.dtype == torch.float32
    assert torch.equal(to_uint8(noisy), pixels)


def test_the_noise_is_uniform_over_a_grey_level_and_the_generators_own():
    before = torch.random.get_rng_state()
    pixels = images(400)
    noisy, again, other = (dequantise(pixels, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(noisy, again)
    assert not torch.equal(noisy, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    levels = (noisy.double() - to_float(pixels)) * 127.5
    assert levels.abs().max() < 0.5 + 1e-4
    assert float(levels.mean()) == pytest.approx(0, abs=0.005)
    assert float(levels.var()) == pytest.approx(1 / 12, rel=0.02)


def test_peaks_on_the_grid_gain_nothing_from_dequantised_images():
    """A density of ever narrower Gaussians on the grid scores without bound on 8-bit values."""
    pixels = images(20)
    noisy = dequantise(pixels, torch.Generator().manual_seed(0)).double()

    def bits(x: torch.Tensor, sigma: float) -> float:
        normal = torch.distributions.Normal(to_float(pixels).double(), sigma / 127.5)
        nats = (normal.log_prob(x) - math.log(256)).flatten(1).sum(dim=1)
        return float(bits_per_dimension(nats, 128).mean())

    grid = to_float(pixels).double()
    assert bits(grid, 1e-3) < bits(grid, 1e-2) < 4
    assert bits(noisy, 0.3) > 8  # each level has 1/256 of the mass: 8 bits is the best there is
    assert bits(noisy, 1e-2) > bits(noisy, 1e-1) > bits(noisy, 0.3)


def test_records():
    nats = torch.tensor([-10.0, -20.0])
    assert METRICS["elbo"].compute(nats).value == -15
    assert METRICS["elbo"].compute(nats).stderr == pytest.approx(5)
    assert METRICS["importance_bound"].compute(nats).value == -15
    bits = METRICS["bits_per_dim"].compute(nats, 10)
    assert bits.value == pytest.approx(math.log2(127.5) + 1.5 / math.log(2))
    assert bits.stderr == pytest.approx(0.5 / math.log(2))


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="log likelihoods of 1 of 2 images are NaN"):
        bits_per_dimension(torch.tensor([1.0, -torch.inf]), 10)
    with pytest.raises(BadInput, match="0 values"):
        bits_per_dimension(torch.tensor([1.0]), 0)
    with pytest.raises(BadInput, match="uint8 N×C×H×W"):
        dequantise(torch.zeros(2, 1, 8, 8), torch.Generator())
