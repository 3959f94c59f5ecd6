import math

import pytest
import torch
from scipy import stats

from harness.core.errors import BadInput
from harness.metrics.adversary import (
    confidence,
    critic_distance,
    jensen_shannon_bound,
    mean_probability,
)


def test_the_distance_is_the_difference_of_means_with_the_error_of_welch():
    generator = torch.Generator().manual_seed(0)
    real, samples = torch.randn(50, generator=generator) + 2, torch.randn(80, generator=generator)
    found = critic_distance(real, samples)
    t = stats.ttest_ind(real.double(), samples.double(), equal_var=False).statistic
    assert found.value == pytest.approx(float(real.double().mean() - samples.double().mean()))
    assert found.stderr == pytest.approx(found.value / t)
    assert found.over == "images"


def test_the_best_discriminator_of_two_gaussians_sees_their_divergence():
    """Its log odds are the log ratio of the densities; the divergence is integrated on a grid."""
    n, shift = 200_000, 1.5
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(n, generator=generator, dtype=torch.float64) + shift
    samples = torch.randn(n, generator=generator, dtype=torch.float64)
    x = torch.linspace(-10, 12, 100_001, dtype=torch.float64)
    p, q = (torch.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (shift, 0.0))
    middle = (p + q) / 2
    exact = float(torch.trapezoid((p * (p / middle).log() + q * (q / middle).log()) / 2, x))
    odds = [shift * each - shift**2 / 2 for each in (real, samples)]
    found = jensen_shannon_bound(*odds)
    assert found.stderr is not None
    assert found.value == pytest.approx(exact, abs=4 * found.stderr)
    # Any other discriminator sees less.
    assert jensen_shannon_bound(odds[0] + 0.5, odds[1] + 0.5).value < found.value


def test_a_discriminator_that_cannot_tell_sees_nothing_and_is_not_confident():
    even = torch.zeros(10)
    assert jensen_shannon_bound(even, even).value == pytest.approx(0, abs=1e-15)
    assert confidence(even, even).value == 0
    assert mean_probability(even).value == 0.5


def test_one_that_is_sure_sees_log_2_and_is_confident():
    sure = torch.full((10,), 100.0)
    assert jensen_shannon_bound(sure, -sure).value == pytest.approx(math.log(2))
    assert confidence(sure, -sure).value == pytest.approx(0.5)
    assert math.isfinite(jensen_shannon_bound(-100 * sure, 100 * sure).value), "wrong, but finite"


def test_either_kind_counts_as_half_whatever_its_number():
    assert confidence(torch.full((1,), 100.0), torch.zeros(99)).value == pytest.approx(0.25)


def test_outputs_must_be_finite_and_one_for_each_image():
    with pytest.raises(BadInput, match="one value per image"):
        critic_distance(torch.zeros(5, 1), torch.zeros(5))
    with pytest.raises(BadInput, match="outputs on samples"):
        critic_distance(torch.zeros(5), torch.tensor([math.nan]))
