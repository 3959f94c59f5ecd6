from dataclasses import asdict, astuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_prc import prc_features_to_metric

from harness.core.errors import BadInput
from harness.metrics import Prdc, prdc
from harness.metrics.neighbours import prdc_estimates


def two_sets(n: int = 150, m: int = 120, d: int = 6, seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    real = torch.randn(n, d, generator=random)
    return real, 0.4 + 0.9 * torch.randn(m, d, generator=random)


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_equal_torch_fidelity(k):
    real, fake = two_sets()
    theirs = prc_features_to_metric(fake, real, prc_neighborhood=k, verbose=False)
    ours = prdc(real, fake, k)
    assert ours.precision == pytest.approx(theirs["precision"], abs=1e-7)
    assert ours.recall == pytest.approx(theirs["recall"], abs=1e-7)


@pytest.mark.parametrize("k", [1, 5])
def test_all_four_equal_the_prdc_package(k, capsys):
    package = pytest.importorskip("prdc")
    real, fake = two_sets()
    theirs = package.compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)
    assert asdict(prdc(real, fake, k)) == pytest.approx(theirs, rel=1e-12)


def in_float64(real: torch.Tensor, fake: torch.Tensor, k: int, tolerance: float) -> Prdc:
    """By the definition, from differences in float64."""
    real, fake = real.double(), fake.double()

    def squared(a, b):
        return (a[:, None] - b).square().sum(dim=2)

    radii = [squared(x, x).sort(dim=1).values[:, k] * (1 + tolerance) for x in (real, fake)]
    distances = squared(real, fake)
    in_real, in_fake = distances <= radii[0][:, None], distances <= radii[1]
    return Prdc(
        precision=float(in_real.any(dim=0).double().mean()),
        recall=float(in_fake.any(dim=1).double().mean()),
        density=float(in_real.sum(dim=0).double().mean()) / k,
        coverage=float(in_real.any(dim=1).double().mean()),
    )


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**31),
    st.sampled_from([1, 2, 30]),
    st.sampled_from([1, 3, 5]),
    st.sampled_from(["apart", "grid", "copies", "nearly equal"]),
    st.sampled_from([0.0, 1000.0]),
)
def test_exact_where_distances_tie_or_nearly_do(seed, d, k, kind, shift):
    """float32 products cannot tell these distances apart: the result must be float64's."""
    real, fake = (x.double() for x in two_sets(70, 60, d, seed))
    if kind == "grid":
        real, fake = real.round(), fake.round()
    elif kind == "copies":
        fake[:30] = real[:30]
        fake[30:50] = real[0]
    elif kind == "nearly equal":  # all distances of a set agree to some 1e-7
        real, fake = (2.0 * torch.eye(70, 70 + d).double() + 1e-7 * x[:, :1] for x in (real, real))
    real, fake = real + shift, fake + shift
    found = astuple(prdc(real, fake, k))
    # Where the surface itself lies, rounding decides: a tenth to either side of it must bound.
    narrow, wide = (astuple(in_float64(real, fake, k, width)) for width in (0.9e-12, 1.1e-12))
    assert all(a <= b <= c for a, b, c in zip(narrow, found, wide, strict=True))


def exploded(x: torch.Tensor, by: float) -> torch.Tensor:
    """The features with one image far from all others."""
    x = x.clone()
    x[7] *= by
    return x


CASES = {
    "one image exploded": lambda x: exploded(x, 1e10),
    "one image exploded beyond the squares of float32": lambda x: exploded(x, 1e25),
    "one value exploded": lambda x: x.index_put((torch.tensor(3), torch.tensor(1)),
                                                torch.tensor(3e30)),
    "tiny": lambda x: x * 1e-30,
    "huge": lambda x: x * 1e20,
    "tiny, and one image exploded": lambda x: exploded(x * 1e-30, 1e35),
    "two distant clusters": lambda x: x + 1e6 * (x[:, :1] > 0),
    "collapsed but for one": lambda x: torch.where(torch.arange(len(x))[:, None] == 5, x, x[0]),
    "collapsed": lambda x: x[:1].expand_as(x),
    "double": lambda x: x.double() * 1e-200,
    "double and huge": lambda x: exploded(x.double() * 1e100, 1e40),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sides", ["both", "real", "fake"])
@pytest.mark.parametrize("d", [3, 40])
def test_exact_at_any_scale_and_with_outliers(case, sides, d):
    change = CASES[case]
    real, fake = two_sets(300, 260, d)
    if case.startswith(("tiny", "huge", "double")) or sides != "fake":
        real = change(real)
    if case.startswith(("tiny", "huge", "double")) or sides != "real":
        fake = change(fake)
    if case == "double":  # whose squares no float64 has: the same in other units
        expected = in_float64(real * 1e200, fake * 1e200, 3, 1e-12)
    else:
        expected = in_float64(real, fake, 3, 1e-12)
    assert astuple(prdc(real, fake, 3)) == pytest.approx(astuple(expected), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.floats(-30, 18), st.floats(0, 20), st.integers(0, 4))
def test_exact_for_features_of_any_magnitudes(seed, exponent, spread, outliers):
    real, fake = two_sets(80, 70, 5, seed)
    random = np.random.default_rng(seed)
    for x in (real, fake):
        rows = torch.from_numpy(random.choice(len(x), outliers, replace=False))
        x[rows] *= 10 ** min(spread, 37 - exponent)
    real, fake = real * 10**exponent, fake * 10**exponent
    expected = astuple(in_float64(real, fake, 3, 1e-12))
    assert astuple(prdc(real, fake, 3)) == pytest.approx(expected, abs=1e-12)


def test_several_neighbourhoods_from_one_pass():
    real, fake = two_sets()
    for k, found in zip((1, 4), prdc_estimates(real, fake, (1, 4)), strict=True):
        values = Prdc(*(e["value"] for e in asdict(found).values()))
        assert values == prdc(real, fake, k)


@pytest.mark.parametrize("name", ["precision", "recall", "density"])
def test_error_is_the_spread_over_fresh_draws_of_both_sets(name):
    estimates = [
        getattr(prdc_estimates(*two_sets(400, 400, 6, seed), (3,))[0], name) for seed in range(40)
    ]
    spread = np.std([e.value for e in estimates])
    assert np.sqrt(np.mean([e.stderr**2 for e in estimates])) == pytest.approx(spread, rel=0.4)
    assert {e.over for e in estimates} == {"images"}


def test_too_few_images_have_no_error():
    real, fake = two_sets(199, 300)
    assert prdc_estimates(real, fake, (5,))[0].precision.stderr is None
    real, fake = two_sets(200, 200)
    assert prdc_estimates(real, fake, (5,))[0].precision.stderr > 0


def test_blocks_of_rows_change_nothing(monkeypatch):
    real, fake = two_sets()
    whole = prdc(real, fake)
    for module in ("products", "neighbours"):
        monkeypatch.setattr(f"harness.metrics.{module}.TILE", 7)
    assert prdc(real, fake) == whole


def test_points_on_a_line():
    """Radii of 1 around 0, 1, 2, 3 (k = 1); a sample on a surface is inside."""
    real = torch.tensor([[0.0], [1], [2], [3]])
    fake = torch.tensor([[4.0], [4.5], [10], [10.5]])
    assert prdc(real, fake, k=1) == Prdc(precision=0.25, recall=0.0, density=0.25, coverage=0.25)


def test_a_set_against_itself():
    """Every point is in its own ball and in those of k neighbours on average."""
    real, _ = two_sets(n=60)
    assert prdc(real, real.clone(), k=5) == Prdc(1.0, 1.0, pytest.approx(6 / 5), 1.0)


def test_copies_of_one_image_cover_little():
    """A collapsed model: its balls have no extent, so that only the copied image is recalled."""
    real, _ = two_sets(n=100, d=40)
    collapsed = prdc(1e3 + real, (1e3 + real[:1]).repeat(50, 1))
    assert collapsed.precision == 1
    assert collapsed.recall == pytest.approx(1 / 100)
    assert collapsed.coverage < 0.2


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.floats(-100, 100), st.floats(0.01, 100))
def test_order_shift_and_scale_change_nothing(seed, shift, scale):
    real, fake = (x.double() for x in two_sets(30, 25, 3, seed))
    expected = prdc(real, fake, k=3)
    assert prdc(real.flip(0), fake.roll(5, 0), k=3) == expected
    assert prdc(scale * real + shift, scale * fake + shift, k=3) == expected


def test_precision_and_recall_swap_with_the_sets():
    real, fake = two_sets()
    assert prdc(real, fake).recall == prdc(fake, real).precision


def test_bad_input_is_refused():
    real, fake = two_sets(20, 4)
    with pytest.raises(BadInput, match="4 images are too few; at least 6"):
        prdc(real, fake)
    with pytest.raises(BadInput, match="NaN"):
        prdc(real, real * torch.nan)
    with pytest.raises(BadInput, match="k is 0"):
        prdc(real, real, k=0)
    with pytest.raises(BadInput, match="no k is given"):
        prdc_estimates(real, real, ())
