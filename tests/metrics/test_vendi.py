import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.metrics.vendi import vendi_score


def features(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def by_definition(x: torch.Tensor, q: float) -> float:
    x = x / x.norm(dim=1, keepdim=True)
    values = np.linalg.eigvalsh((x @ x.T / len(x)).numpy())
    values = values[values > 1e-12]
    if q == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    return float((values**q).sum() ** (1 / (1 - q)))


@pytest.mark.parametrize("shape", [(80, 12), (12, 80)])
@pytest.mark.parametrize("q", [0.5, 1, 2])
def test_equals_the_definition_on_either_side(shape, q):
    x = features(*shape) + 0.3
    assert vendi_score(x, q).value == pytest.approx(by_definition(x, q), rel=1e-9)


@pytest.mark.parametrize("q", [0.5, 1, 2])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_equal_groups_of_equal_images_count_one_each(groups, q):
    x = torch.eye(8)[:groups].repeat_interleave(5, dim=0)
    assert vendi_score(x, q).value == pytest.approx(groups)
    assert vendi_score(x[:, :groups], q).value == pytest.approx(groups)


def test_unequal_groups_count_by_the_entropy_of_their_shares():
    x = torch.eye(4)[:2].repeat_interleave(torch.tensor([9, 1]), dim=0)
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert vendi_score(x).value == pytest.approx(math.exp(entropy))
    assert vendi_score(x, 2).value == pytest.approx(1 / (0.81 + 0.01))


@pytest.mark.parametrize("q", [0.5, 1, 2])
@pytest.mark.parametrize("shape", [(60, 6), (20, 30)])
def test_stderr_is_that_of_weights_on_images(shape, q):
    """Against numerical derivatives of the score by the weight of each image."""
    x = features(*shape) + 0.5
    n, step = len(x), 1e-5
    derivatives = []
    for i in range(n):
        scores = []
        for sign in (1, -1):
            p = torch.full((n,), (1 - sign * step) / n).double()
            p[i] += sign * step
            unit = x / x.norm(dim=1, keepdim=True)
            values = torch.linalg.eigvalsh((unit @ unit.T) * (p[:, None] * p).sqrt())
            values = values[values > 1e-9]
            entropy = -(values * values.log()).sum() if q == 1 else None
            power = (values**q).sum() ** (1 / (1 - q)) if q != 1 else None
            scores.append(float(entropy.exp() if q == 1 else power))
        derivatives.append((scores[0] - scores[1]) / (2 * step))
    expected = np.std(derivatives, ddof=1) / math.sqrt(n)
    assert vendi_score(x, q).stderr == pytest.approx(expected, rel=1e-4)


def test_stderr_is_the_spread_over_fresh_sets():
    estimates = [vendi_score(features(200, 8, seed) + 1) for seed in range(80)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.25)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 15), st.integers(1, 15), st.floats(0.2, 3))
def test_bounds_and_invariances(seed, n, d, q):
    x = features(n, d, seed)
    score = vendi_score(x, q).value
    assert 1 - 1e-9 <= score <= min(n, d) + 1e-9
    assert vendi_score(7 * x.flip(0), q).value == pytest.approx(score)
    assert vendi_score(x.repeat(3, 1), q).value == pytest.approx(score), "copies add nothing"


def test_bad_input_is_refused():
    x = features(4, 3)
    with pytest.raises(BadInput, match="features of 4 of 4 images are all zero"):
        vendi_score(0 * x)
    with pytest.raises(BadInput, match="NaN"):
        vendi_score(x / 0)
    with pytest.raises(BadInput, match="1 image are too few"):
        vendi_score(x[:1])
    for q in (0, -1, math.inf, math.nan):
        with pytest.raises(BadInput, match="order q"):
            vendi_score(x, q)
