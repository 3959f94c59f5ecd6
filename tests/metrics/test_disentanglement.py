import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from harness.core.errors import BadInput
from harness.metrics.dci import Forest, dci
from harness.metrics.disentanglement import mig, sap
from harness.metrics.factorvae import VoteCounts, factorvae_score

VALUES = (4, 5, 3)
FEW = VoteCounts(train=1000, test=1000, halves=4)
SMALL = Forest(trees=10)


def factors_of(n: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(0, v, (n,), generator=random) for v in VALUES], dim=1)


def gaussian(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def aligned(n: int, seed: int = 0, noise: float = 0.2):
    """A dimension for each factor, and two that know nothing."""
    factors = factors_of(n, seed)
    known = factors + noise * gaussian(n, 3, 1000 + seed)
    return torch.cat([known, gaussian(n, 2, 2000 + seed)], dim=1), factors


def rotated(n: int, seed: int = 0):
    """The same information, each factor in every dimension."""
    codes, factors = aligned(n, seed)
    return codes @ torch.linalg.qr(gaussian(5, 5, 7)).Q, factors


def unrelated(n: int, seed: int = 0):
    return gaussian(n, 5, 3000 + seed), factors_of(n, seed)


def product() -> tuple[torch.Tensor, torch.Tensor]:
    """Every combination of values ten times, so that factors are exactly independent."""
    factors = torch.cartesian_prod(*(torch.arange(v) for v in VALUES)).repeat(10, 1)
    return factors.double(), factors


def scores(make, n: int = 600) -> dict[str, float]:
    train, test = make(n), make(n, seed=1)
    found = dci(*train, *test, SMALL)
    return {
        "mig": mig(*test).value,
        "sap": sap(*train, *test).value,
        "disentanglement": found.disentanglement.value,
        "completeness": found.completeness.value,
        "informativeness": found.informativeness.value,
        "factorvae": factorvae_score(*test, FEW).value,
    }


def test_codes_that_are_the_factors_have_the_best_scores():
    codes, factors = product()
    assert mig(codes, factors).value == pytest.approx(1, abs=1e-12)
    assert mig(codes, factors).stderr == pytest.approx(0, abs=1e-12)
    best = np.mean([1 - 1 / values for values in VALUES])
    assert sap(codes, factors, codes, factors).value == pytest.approx(best)
    found = dci(codes, factors, codes, factors, SMALL)
    assert found.disentanglement.value == pytest.approx(1)
    assert found.completeness.value == pytest.approx(1)
    assert found.informativeness.value == 1
    assert factorvae_score(codes, factors, FEW).value == 1


def test_codes_that_know_nothing_have_the_worst():
    found = scores(unrelated, 2000)
    assert found["mig"] < 0.03
    assert found["sap"] < 0.05
    assert found["disentanglement"] < 0.1
    assert found["completeness"] < 0.1
    assert found["informativeness"] == pytest.approx(np.mean([1 / v for v in VALUES]), abs=0.06)
    assert found["factorvae"] == pytest.approx(1 / 3, abs=0.15)


def test_a_rotation_mixes_factors_and_lowers_all_but_informativeness():
    good, mixed = scores(aligned), scores(rotated)
    for name in ("mig", "sap", "disentanglement", "completeness"):
        assert mixed[name] < 0.6 * good[name], name
    assert mixed["factorvae"] <= good["factorvae"]
    assert mixed["informativeness"] > 0.7


def test_copied_dimensions_leave_no_gap_but_are_disentangled():
    """Completeness and gaps ask for one dimension a factor, disentanglement does not."""
    codes, factors = product()
    twice = codes.repeat(1, 2)
    assert mig(twice, factors).value == pytest.approx(0, abs=1e-12)
    assert sap(twice, factors, twice, factors).value == pytest.approx(0, abs=1e-12)
    found = dci(twice, factors, twice, factors, SMALL)
    assert found.disentanglement.value == pytest.approx(1)
    assert found.completeness.value < 0.8


def test_mig_is_the_gap_of_scikit_learns_information():
    codes, factors = aligned(300, noise=1.0)
    gaps = []
    for factor in factors.T.numpy():
        information = []
        for column in codes.T.numpy():
            edges = np.histogram(column, 20)[1]
            information.append(mutual_info_score(factor, np.digitize(column, edges[:-1])))
        second, best = sorted(information)[-2:]
        gaps.append((best - second) / mutual_info_score(factor, factor))
    assert mig(codes, factors).value == pytest.approx(np.mean(gaps), rel=1e-10)


@pytest.mark.parametrize("make", [aligned, rotated])
def test_the_error_of_mig_is_the_spread_over_fresh_images(make):
    found = [mig(*make(400, seed)) for seed in range(80)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.stderr for each in found]) == pytest.approx(spread, rel=0.3)


def test_the_error_of_sap_is_the_spread_over_fresh_test_images():
    train = aligned(300, seed=500, noise=0.6)
    found = [sap(*train, *aligned(200, seed, noise=0.6)) for seed in range(30)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.stderr for each in found]) == pytest.approx(spread, rel=0.4)


def test_sap_takes_thresholds_for_a_value_in_the_middle():
    """A linear classifier of one dimension cannot single out the middle of three values."""
    factors = torch.arange(3).repeat(20)[:, None].expand(60, 2).contiguous()
    codes = torch.stack([factors[:, 0].double(), torch.zeros(60)], dim=1)
    assert sap(codes, factors, codes, factors).value == pytest.approx(2 / 3)


def test_sap_gives_each_value_the_same_weight():
    """Nine of ten images have value 0: to guess it always is chance, not 90 %."""
    factors = (torch.arange(200) % 10 == 0).long()[:, None]
    codes = torch.stack([factors[:, 0].double(), torch.zeros(200)], dim=1)
    assert sap(codes, factors, codes, factors).value == pytest.approx(1 / 2)


def test_dci_of_a_factor_shared_by_two_equal_dimensions():
    """Importance halves: completeness is 1 − log 2 / log 3 for that factor, 1 for the other."""
    factors = torch.cartesian_prod(torch.arange(2), torch.arange(2)).repeat(100, 1)
    part = gaussian(400, 1, 0)
    first = factors[:, :1].double()
    codes = torch.cat([first + 1e-3 * part, first - 1e-3 * part, factors[:, 1:].double()], dim=1)
    found = dci(codes, factors, codes, factors, Forest(trees=200))
    expected = (1 - np.log(2) / np.log(3) + 1) / 2
    assert found.completeness.value == pytest.approx(expected, abs=0.02)
    assert found.disentanglement.value == pytest.approx(1, abs=1e-9)


def test_the_errors_of_dci_are_the_spread_over_fresh_training_images():
    """By random groups: too wide where small forests vary more, never far too narrow."""
    test = rotated(100, seed=999)
    found = [dci(*rotated(500, seed), *test, Forest(trees=5)) for seed in range(10)]
    for name in ("disentanglement", "completeness"):
        estimates = [getattr(each, name) for each in found]
        assert {estimate.over for estimate in estimates} == {"images"}
        spread = np.std([estimate.value for estimate in estimates], ddof=1)
        stated = np.mean([estimate.stderr for estimate in estimates])
        assert 0.6 < stated / spread < 2.2, name


def test_dci_of_too_few_images_for_groups_states_no_error():
    few, enough = (rotated(n) for n in (499, 500))
    assert dci(*few, *few, SMALL).completeness.stderr is None
    assert dci(*enough, *enough, SMALL).completeness.stderr > 0


def test_codes_without_any_information_have_no_importance():
    codes, factors = torch.zeros(60, 2), product()[1][:60]
    found = dci(codes, factors, codes, factors, SMALL)
    assert (found.disentanglement.value, found.completeness.value) == (0, 0)
    assert mig(codes, factors).value == 0


def test_factorvae_collapsed_dimensions_do_not_vote():
    """A dimension that hardly varies would win votes by what little noise it has."""
    codes, factors = aligned(600, noise=0.05)
    assert factorvae_score(codes, factors, FEW).value > 0.99
    collapsed = torch.cat([codes[:, :3], 1e-3 * codes[:, :3] @ torch.ones(3, 3).double()], dim=1)
    expected = factorvae_score(codes[:, :3], factors, FEW)
    assert factorvae_score(collapsed, factors, FEW) == expected


def test_factorvae_does_not_see_the_scale_of_dimensions():
    """Up to the tenth at which a dimension counts as collapsed."""
    codes, factors = rotated(600)
    scaled = codes * torch.tensor([1.0, 2, 3, 1, 2])
    assert factorvae_score(scaled, factors, FEW) == factorvae_score(codes, factors, FEW)


def test_factorvae_is_decided_by_its_seed():
    codes, factors = rotated(600)
    first, again = (factorvae_score(codes, factors, FEW) for _ in range(2))
    assert first == again
    other = factorvae_score(codes, factors, VoteCounts(train=1000, test=1000, halves=4, seed=1))
    assert other != first


def test_bad_input_is_refused():
    codes, factors = aligned(60)
    for score in (mig, factorvae_score):
        with pytest.raises(BadInput, match=r"factors \[1\] have the same value in all 60"):
            score(codes, factors * torch.tensor([1, 0, 1]))
        with pytest.raises(BadInput, match="60 rows of int64"):
            score(codes, factors.float())
        with pytest.raises(BadInput, match="1 dimension"):
            score(codes[:, :1], factors)
        with pytest.raises(BadInput, match="NaN"):
            score(codes * torch.nan, factors)
    with pytest.raises(BadInput, match="are equal; no dimension can vote"):
        factorvae_score(torch.ones(720, 3), factors.repeat(12, 1))
    with pytest.raises(BadInput, match="has 1 images; the score needs 10"):
        factorvae_score(codes, torch.stack([torch.arange(60), factors[:, 0]], dim=1))


@pytest.mark.parametrize("score", [sap, dci])
def test_test_sets_that_do_not_fit_are_refused(score):
    train, (codes, factors) = aligned(60), aligned(60, 1)
    with pytest.raises(BadInput, match=r"test factor 2 has values that no training image has: \[9"):
        score(*train, codes, factors + torch.tensor([0, 0, 9]))
    with pytest.raises(BadInput, match=r"width of codes \(5 and 4\)"):
        score(*train, codes[:, :4], factors)


def test_dci_needs_two_factors():
    codes, factors = aligned(60)
    with pytest.raises(BadInput, match="at least 2 factors"):
        dci(codes, factors[:, :1], codes, factors[:, :1])
