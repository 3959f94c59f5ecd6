import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from harness.metrics.modes import class_counts, mode_count, mode_kl
from harness.spec.errors import BadInput


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
