import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.metrics.cmmd import cmmd


def embeddings(n: int, d: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def by_definition(a: torch.Tensor, b: torch.Tensor, biased: bool) -> float:
    """The two estimators of Gretton et al. 2012, of the kernel's values themselves."""
    a, b = (x / x.norm(dim=1, keepdim=True) for x in (a, b))
    aa, bb, ab = (
        torch.exp(-(torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2) / 200)
        for x, y in ((a, a), (b, b), (a, b))
    )
    if biased:
        return 1000 * float(aa.mean() + bb.mean() - 2 * ab.mean())
    means = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (aa, bb)]
    return 1000 * float(means[0] + means[1] - 2 * ab.mean())


@pytest.mark.parametrize("biased", [True, False])
def test_equals_the_definition_over_several_blocks(biased):
    a, b = embeddings(1100), embeddings(60, seed=1) + 0.5
    assert cmmd(a, b, biased=biased).value == pytest.approx(by_definition(a, b, biased), rel=1e-8)
    assert cmmd(b, a, biased=biased).value == pytest.approx(by_definition(a, b, biased), rel=1e-8)


def test_opposite_points():
    """Three copies of e and three of −e: every k across is exp(−4/200), every other one 1."""
    e = torch.eye(4)[:1].repeat(3, 1)
    expected = 2000 * (1 - np.exp(-4 / 200))
    for biased in (True, False):
        estimate = cmmd(e, -5 * e, biased=biased)
        assert estimate.value == pytest.approx(expected)
        assert estimate.stderr == pytest.approx(0, abs=1e-9)


def test_stderr_is_the_jackknife_by_leaving_out():
    a, b = embeddings(12), embeddings(9, seed=1) + 1
    for biased in (True, False):
        variance = 0.0
        for left, right in ((a, b), (b, a)):
            n = len(left)
            values = [by_definition(left[torch.arange(n) != i], right, biased) for i in range(n)]
            variance += (n - 1) * float(np.var(values))
        assert cmmd(a, b, biased=biased).stderr == pytest.approx(variance**0.5, rel=1e-6)


def test_stderr_is_the_spread_over_fresh_sets():
    estimates = [cmmd(embeddings(60, 8, s), embeddings(70, 8, 999 + s) + 0.5) for s in range(80)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.25)


def test_unbiased_for_equal_distributions():
    values = [cmmd(embeddings(30, 4, s), embeddings(30, 4, 999 + s)).value for s in range(80)]
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5
    assert min(values) < 0 < max(values)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.integers(3, 9), st.floats(0.1, 100))
def test_identities(seed, n, scale):
    a, b = embeddings(n, 5, seed), embeddings(7, 5, seed + 1)
    biased = cmmd(a, b, biased=True).value
    assert biased >= cmmd(a, b).value
    assert biased - cmmd(a, b).value < 2 * 1000 / 10**2 / min(n, 7) * 2
    assert cmmd(a, a.flip(0), biased=True).value == pytest.approx(0, abs=1e-9)
    assert cmmd(scale * a, b).value == pytest.approx(cmmd(a, b).value, abs=1e-9)


def test_bad_input_is_refused():
    a = embeddings(5)
    with pytest.raises(BadInput, match="embeddings of 1 of 5 images are all zero"):
        cmmd(a, a * torch.tensor([1, 1, 0, 1, 1])[:, None])
    with pytest.raises(BadInput, match="2 images are too few; at least 3"):
        cmmd(a[:2], a)
    with pytest.raises(BadInput, match="sigma must be positive"):
        cmmd(a, a, sigma=0)
    with pytest.raises(BadInput, match="NaN"):
        cmmd(a, a * torch.nan)
