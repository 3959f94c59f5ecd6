import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from harness.core.errors import BadInput
from harness.metrics import METRICS, PolynomialKernel, Subsets, kernel_distance, kernel_distances
from harness.metrics.kernel import RbfKernel


def features(n: int, d: int = 12, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture
def in_float64(monkeypatch):
    """All products in float64, as on a GPU."""
    monkeypatch.setattr("harness.metrics.kernel.block_dtype", lambda device: torch.float64)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(
    "kernel", [{}, {"degree": 2, "gamma": 0.3, "coef0": 0.5}, {"degree": 1, "coef0": 0.0}]
)
def test_equals_torch_fidelity_draw_for_draw(kernel):
    a, b = features(150), 0.3 + 1.2 * features(120, seed=1)
    ours = kernel_distances(a, b, Subsets(20, 50), PolynomialKernel(**kernel))
    named = {f"kid_kernel_poly_{name}": value for name, value in kernel.items()}
    theirs = kid_features_to_metric(
        a, b, kid_subsets=20, kid_subset_size=50, verbose=False, **named
    )
    assert float(ours.mean()) == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-10, abs=1e-13
    )
    assert float(ours.std(correction=0)) == pytest.approx(
        theirs["kernel_inception_distance_std"], rel=1e-8
    )


@pytest.mark.usefixtures("in_float64")
def test_rbf_equals_torch_fidelity_draw_for_draw():
    a, b = features(150), 0.3 + 1.2 * features(120, seed=1)
    ours = kernel_distances(a, b, Subsets(20, 50), RbfKernel(3.0))
    theirs = kid_features_to_metric(
        a, b, kid_subsets=20, kid_subset_size=50, verbose=False,
        kid_kernel="rbf", kid_kernel_rbf_sigma=3.0,
    )  # fmt: skip
    # Theirs sums the diagonal as it comes out; ours leaves it out.
    assert float(ours.mean()) == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-10, abs=1e-13
    )


@pytest.mark.parametrize("kernel", [PolynomialKernel(), RbfKernel(20.0)])
@pytest.mark.parametrize("shift", [0, 100])
def test_float32_products_are_within_a_millionth(monkeypatch, kernel, shift):
    """Also far from the origin, where float32 itself has few digits left."""
    a, b = shift + features(300, 256), shift + 0.1 + 1.1 * features(300, 256, seed=1)
    ours = kernel_distances(a, b, Subsets(20, 150), kernel)
    monkeypatch.setattr("harness.metrics.kernel.block_dtype", lambda device: torch.float64)
    exact = kernel_distances(a, b, Subsets(20, 150), kernel)
    assert not torch.equal(ours, exact)
    assert float(ours.mean()) == pytest.approx(float(exact.mean()), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_values_beyond_the_range_of_float32(scale):
    """Cubes of such products are below or above all that float32 holds."""
    a, b = features(100), 0.5 + features(100, seed=1)
    cubic = PolynomialKernel(coef0=0.0)
    expected = kernel_distances(a, b, Subsets(5, 50), cubic)
    scaled = kernel_distances(scale * a, scale * b, Subsets(5, 50), cubic)
    torch.testing.assert_close(scaled / scale**6, expected, rtol=1e-6, atol=0)


def test_a_wide_rbf_kernel_keeps_its_digits():
    """It is nearly 1 for all pairs, of which the distance is a small difference."""
    a, b = features(100), 0.5 + features(100, seed=1)
    wide = kernel_distances(a, b, Subsets(1, 100), RbfKernel(1e4))
    shift = (a.mean(dim=0) - b.mean(dim=0)).square().sum()  # of the leading order in 1 / sigma²
    own = (a.var(dim=0).sum() + b.var(dim=0).sum()) / 100  # by which that is too large
    assert float(wide) == pytest.approx(float(shift - own) / 1e8, rel=1e-6)


def test_rbf_tells_apart_what_three_moments_do_not():
    """Two distributions with equal moments up to the third, which a cubic kernel cannot see."""
    two_points = torch.tensor([-1.0, 1]).repeat(2000)[:, None]
    three = torch.tensor([-(3**0.5), 0, 0, 0, 0, 3**0.5]).repeat(700)[:, None]
    subsets = Subsets(10, 2000)
    cubic = kernel_distances(two_points, three, subsets, PolynomialKernel())
    gaussian = kernel_distances(two_points, three, subsets, RbfKernel(0.5))
    assert abs(float(cubic.mean())) < 0.02
    assert float(gaussian.mean()) > 0.1


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_a_width_that_is_none_is_refused(sigma):
    with pytest.raises(BadInput, match="sigma must be positive"):
        RbfKernel(sigma)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("rows", [30, 1000])
def test_blocks_change_nothing(monkeypatch, rows):
    """Against the definition, on a subset that is the whole set."""
    for module in ("products", "kernel"):
        monkeypatch.setattr(f"harness.metrics.{module}.TILE", rows)
    a, b = features(110, 4), features(110, 4, seed=1) + 0.5
    value = float(kernel_distances(a, b, Subsets(1, 110)))

    def kernel(x, y):
        return (x @ y.T / 4 + 1) ** 3

    within = sum(float(kernel(x, x).sum() - kernel(x, x).trace()) for x in (a, b))
    expected = within / (110 * 109) - 2 * float(kernel(a, b).mean())
    assert value == pytest.approx(expected, rel=1e-10)


def test_unbiased_for_equal_distributions():
    """Over many sets of one distribution the mean is 0 within its error, and both signs occur."""
    values = [
        kernel_distance(features(40, 3, seed), features(40, 3, 1000 + seed)).value
        for seed in range(60)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5
    assert min(values) < 0 < max(values)


def test_jackknife_error_is_that_of_repeated_experiments():
    """Where the distributions differ, the stated error is the spread over fresh sets."""
    estimates = [
        kernel_distance(features(80, 3, seed), 1 + features(80, 3, 1000 + seed))
        for seed in range(60)
    ]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.35)


def test_another_seed_draws_other_subsets():
    a, b = features(40), features(40, seed=1)
    first = kernel_distances(a, b, Subsets(size=20))
    assert torch.equal(first, kernel_distances(a, b, Subsets(size=20)))
    assert not torch.equal(first, kernel_distances(a, b, Subsets(size=20, seed=1)))


def test_metric_takes_half_of_a_small_set():
    a, b = features(40), features(60, seed=1)
    expected = float(kernel_distances(a, b, Subsets(size=20)).mean())
    assert METRICS["kid"].compute(a, b).value == expected


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="degree is 0; it is at least 1"):
        PolynomialKernel(degree=0)
    with pytest.raises(BadInput, match="gamma must be positive, not -1"):
        PolynomialKernel(gamma=-1.0)
    a = features(20)
    with pytest.raises(BadInput, match="subsets of 30 cannot be drawn from 20 and 20"):
        kernel_distances(a, a, Subsets(size=30))
    with pytest.raises(BadInput, match="subsets of 1 cannot be drawn"):
        kernel_distance(a[:3], a)
    with pytest.raises(BadInput, match="NaN"):
        kernel_distance(a, a * float("nan"))
