"""One-sided tests of paired differences."""

import numpy as np
import pytest
from scipy import stats

from harness.statistics.paired_mean import PairedMean


def test_many_differences_are_tested_as_scipy_does():
    values = np.random.default_rng(0).normal(0.3, 1, 50)
    p = stats.ttest_1samp(values, 0.1, alternative="greater").pvalue
    mean = PairedMean.of(values.tolist())
    assert mean.mean == pytest.approx(values.mean())
    assert mean.is_above(0.1, p * 1.001)
    assert not mean.is_above(0.1, p * 0.999)
    p = stats.ttest_1samp(values, 0.5, alternative="less").pvalue
    assert mean.is_below(0.5, p * 1.001)
    assert not mean.is_below(0.5, p * 0.999)


@pytest.mark.parametrize(("n", "decides"), [(5, False), (6, True)])
def test_few_differences_are_tested_by_their_signs(n: int, decides: bool):
    assert PairedMean.of([1.0 + i / 10 for i in range(n)]).is_above(0, 1 / 60) is decides


def test_differences_that_are_all_equal():
    zeros = PairedMean.of([0.0] * 100)
    assert (zeros.is_above(0.1, 0.01), zeros.is_below(0.1, 0.01)) == (False, True)
    assert zeros.detects(0.01) == 0
    assert PairedMean.of([2.0] * 100).is_above(1, 1e-6)


def test_what_is_detected_is_found_in_eight_of_ten_cases():
    random = np.random.default_rng(1)
    shift = PairedMean.of(random.normal(0, 1, 40).tolist()).detects(0.02)
    rates = [
        PairedMean.of(random.normal(shift, 1, 40).tolist()).is_above(0, 0.02) for _ in range(400)
    ]
    assert 0.65 < np.mean(rates) < 0.92
