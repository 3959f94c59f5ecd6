import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from harness.core.errors import BadInput
from harness.metrics.modes import (
    class_counts,
    commonest_class,
    confident_share,
    exact_mode_kl,
    high_quality,
    mode_count,
    mode_kl,
    modes_covered,
    rarest_class,
)


def logits(counts: list[int]) -> torch.Tensor:
    """Logits of which so many predict each class."""
    classes = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return 5.0 * F.one_hot(classes, len(counts))


def drawn(p: np.ndarray, n: int, seed: int) -> torch.Tensor:
    return logits(np.random.RandomState(seed).multinomial(n, p).tolist())


def test_counts_are_those_of_the_greatest_logit():
    x = torch.tensor([[0.1, 0.3, -1], [2, 1, 0], [-3, -2, -2.5], [0, 0, 0]])
    assert class_counts(x).tolist() == [2, 2, 0]


def test_modes_are_classes_with_enough_samples():
    x = logits([5, 0, 1, 2, 1])
    assert [mode_count(x, k).value for k in (1, 2, 3, 6)] == [4, 2, 1, 0]


def test_confident_is_a_probability_of_nine_tenths():
    """Of two classes at odds of 9 it is 0.9, at odds of 8 it is 8/9."""
    x = torch.tensor([[math.log(9.001), 0.0], [0.0, math.log(8)], [0.0, 30.0], [0.0, 0.0]])
    estimate = confident_share(x)
    assert estimate.value == 0.5
    assert estimate.stderr == pytest.approx(0.25)


def test_classes_have_a_rarest_and_a_commonest_share():
    x = logits([6, 1, 3])
    assert (rarest_class(x).value, commonest_class(x).value) == (0.1, 0.6)
    assert rarest_class(x).stderr == pytest.approx(math.sqrt(0.1 * 0.9 / 10))
    assert rarest_class(logits([5, 0, 5])).value == 0


@pytest.mark.parametrize("at_least", [1, 2])
def test_stderr_of_the_count_is_the_jackknife_by_leaving_out(at_least):
    x = logits([5, 0, 1, 2, 1, 2])
    n = len(x)
    values = [mode_count(x[torch.arange(n) != i], at_least).value for i in range(n)]
    expected = math.sqrt((n - 1) * np.var(values))
    assert mode_count(x, at_least).stderr == pytest.approx(expected)
    assert mode_count(logits([5, 0, 7]), at_least).stderr == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=8))
def test_kl_equals_the_definition(pairs):
    a, b = ([pair[i] for pair in pairs] for i in (0, 1))
    if not (sum(a) and sum(b)):
        return
    smoothed = np.array(b) + 0.5
    estimate = mode_kl(logits(a), logits(b))
    assert estimate.value == pytest.approx(entropy(a, smoothed), abs=1e-12)
    assert math.isfinite(estimate.stderr)
    assert estimate.stderr > 0


def test_half_the_classes_missing_costs_the_logarithm_of_two():
    reference = logits([10**5] * 4)
    assert mode_kl(logits([50, 50, 0, 0]), reference).value == pytest.approx(math.log(2), rel=1e-5)
    assert mode_kl(reference, reference).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("p", [np.ones(10) / 10, np.arange(1, 11) / 55])
def test_stderr_of_kl_is_the_spread_over_fresh_sets(p):
    """Where the distributions are equal, and where they differ."""
    uniform = np.ones(10) / 10
    estimates = [mode_kl(drawn(p, 500, s), drawn(uniform, 600, 999 + s)) for s in range(120)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.3)
    bias = np.mean([e.value for e in estimates]) - entropy(p, uniform)
    assert bias == pytest.approx(4.5 * (1 / 500 + 1 / 600), rel=0.3)


def test_bad_input_is_refused():
    x = logits([3, 2, 1])
    with pytest.raises(BadInput, match="differ in classes: 3 and 2"):
        mode_kl(x, x[:, :2])
    with pytest.raises(BadInput, match="one column"):
        mode_count(x[:, :1])
    with pytest.raises(BadInput, match="at least one sample"):
        mode_count(x, 0)
    with pytest.raises(BadInput, match="NaN"):
        mode_kl(x, x * torch.nan)
    with pytest.raises(BadInput, match="0 images are too few"):
        mode_count(x[:0])


def modes(counts: list[int]) -> torch.Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def test_only_samples_of_high_quality_cover_a_mode():
    nearest = torch.tensor([0, 0, 1, 2, 3])
    deviations = torch.tensor([0.5, 9.0, 3.0, 3.01, 2.9])
    assert modes_covered(nearest, deviations, mode_total=5).value == 3
    assert modes_covered(nearest, deviations, mode_total=5, at_least=2).value == 0
    assert high_quality(deviations).value == pytest.approx(0.6)
    assert high_quality(deviations).stderr == pytest.approx(math.sqrt(0.6 * 0.4 / 5))
    assert modes_covered(nearest, deviations + 9, mode_total=5).value == 0


def test_stderr_of_modes_covered_is_the_jackknife_by_leaving_out():
    nearest = modes([5, 0, 1, 2, 1, 2])
    deviations = torch.where(torch.arange(len(nearest)) % 4 == 0, 5.0, 1.0)
    n = len(nearest)
    rest = [torch.arange(n) != i for i in range(n)]
    values = [modes_covered(nearest[r], deviations[r], 6).value for r in rest]
    found = modes_covered(nearest, deviations, 6)
    assert found.stderr == pytest.approx(math.sqrt((n - 1) * np.var(values)))
    assert found.stderr > 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=8).filter(any))
def test_exact_kl_equals_the_definition(counts):
    estimate = exact_mode_kl(modes(counts), len(counts))
    assert estimate.value == pytest.approx(entropy(counts, [1] * len(counts)), abs=1e-12)
    assert estimate.stderr > 0


def test_exact_kl_is_that_from_endlessly_many_reference_images():
    counts = [50, 20, 0, 30]
    estimate = mode_kl(logits(counts), logits([10**6] * 4))
    exact = exact_mode_kl(modes(counts), 4)
    assert exact.value == pytest.approx(estimate.value, rel=1e-5)
    assert exact.stderr == pytest.approx(estimate.stderr, rel=1e-3)
    assert exact_mode_kl(modes([0, 7]), 2).value == pytest.approx(math.log(2))


@pytest.mark.parametrize("p", [np.ones(10) / 10, np.arange(1, 11) / 55])
def test_stderr_of_exact_kl_is_the_spread_over_fresh_sets(p):
    draws = [np.random.RandomState(s).multinomial(500, p).tolist() for s in range(150)]
    estimates = [exact_mode_kl(modes(counts), 10) for counts in draws]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.3)
    bias = np.mean([e.value for e in estimates]) - entropy(p, np.ones(10) / 10)
    assert bias == pytest.approx(4.5 / 500, rel=0.35)


def test_wrong_modes_are_refused():
    with pytest.raises(BadInput, match="0 to 4, not 0 to 3"):
        exact_mode_kl(torch.arange(5), 4)
    with pytest.raises(BadInput, match="int64"):
        exact_mode_kl(torch.rand(5), 4)
    with pytest.raises(BadInput, match="NaN"):
        high_quality(torch.tensor([1.0, torch.nan]))
