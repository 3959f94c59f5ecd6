import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics.base import Estimate
from harness.metrics.codes import (
    active_share,
    code_drift,
    code_sensitivity,
    codebook_perplexity,
    prior_distance,
)
from harness.metrics.kernel import MultiquadricKernel, Subsets, kernel_distances
from harness.objectives.codes import kernel_discrepancy

RANDOM = torch.Generator().manual_seed(0)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=RANDOM, dtype=torch.float64)


def test_drift_is_the_share_of_the_distance_between_two_codes():
    codes = torch.tensor([[0.0, 0.0], [4.0, 0.0]])  # two codes, 4 apart
    moved = codes + torch.tensor([[0.0, 1.0], [0.0, -1.0]])
    assert code_drift(codes, moved).value == pytest.approx(1 / 4)
    assert code_drift(codes, codes.flip(0)).value == pytest.approx(1)
    assert code_drift(codes, codes) == Estimate(0.0)


def test_drift_is_the_same_for_codes_that_are_turned_shifted_and_scaled():
    codes, damaged = normal(50, 3), normal(50, 3)
    turn = torch.linalg.qr(normal(3, 3)).Q
    plain = code_drift(codes, damaged)
    changed = code_drift(7 * codes @ turn + 5, 7 * damaged @ turn + 5)
    assert changed.value == pytest.approx(plain.value)
    assert changed.stderr == pytest.approx(plain.stderr)


def test_errors_are_those_of_fresh_draws():
    """Jacobian norms of the first half of the images; true values vary from image to image."""
    drifts, slopes = [], []
    for _ in range(300):
        codes = normal(200, 4) * torch.tensor([3.0, 1, 1, 1])
        sizes = codes.abs().sum(dim=1)
        drifts.append(code_drift(codes, codes + 0.1 * sizes[:, None] * normal(200, 4)))
        slopes.append(code_sensitivity(sizes[:100], codes))
    for estimates in (drifts, slopes):
        spread = torch.tensor([e.value for e in estimates]).std().item()
        stated = sum(e.stderr for e in estimates) / len(estimates)
        assert stated == pytest.approx(spread, rel=0.15)


def test_sensitivity_is_the_drift_under_small_noise():
    matrix, x = normal(6, 3), normal(4000, 6)
    norms = matrix.square().sum().expand(1000)
    sensitivity = code_sensitivity(norms, x @ matrix).value
    # E‖xA − x'A‖² = 2‖A‖²_F for standard Gaussian x: the codes of a linear encoder.
    assert sensitivity == pytest.approx(1 / math.sqrt(2), rel=0.02)
    noisy = x + 1e-3 * normal(4000, 6)
    assert code_drift(x @ matrix, noisy @ matrix).value == pytest.approx(
        1e-3 * sensitivity, rel=0.03
    )


def test_active_units_are_those_above_a_tenth_of_their_largest_value():
    codes = torch.tensor([[10.0, 0.0, 0.0], [1.0, -2.0, 0.0], [1.01, 0.19, 0.0]])
    assert active_share(codes).value == pytest.approx(3 / 9)
    assert active_share(codes, threshold=0.05).value == pytest.approx(5 / 9)
    assert active_share(torch.zeros(4, 3)).value == 0
    assert active_share(torch.ones(4, 3)) == Estimate(1.0, 0.0, "images")


def test_the_kernel_is_the_one_that_losses_on_codes_use():
    a, b = normal(40, 5) + 1, 2 * normal(40, 5)
    distance = kernel_distances(a, b, Subsets(1, 40), MultiquadricKernel())
    paired = kernel_discrepancy(a, b)
    assert distance.item() == pytest.approx(paired.item(), rel=1e-5)


def test_the_kernel_between_two_points_is_its_formula():
    a, b = torch.zeros(6, 2), torch.tensor([[3.0, 4.0]]).expand(6, 2)
    values = [4 * s / (4 * s + 25) for s in MultiquadricKernel().scales]  # C = 2·2·s
    expected = 2 * 7 - 2 * sum(values)
    assert prior_distance(a, b).value == pytest.approx(expected, rel=1e-6)


def test_codes_of_the_prior_are_at_distance_zero_and_others_are_not():
    prior = normal(2000, 8)
    same, other = prior_distance(normal(2000, 8), prior), prior_distance(normal(2000, 8) / 2, prior)
    assert abs(same.value) < 3 * same.stderr
    assert other.value > 20 * other.stderr


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="all 3 codes are equal"):
        code_drift(torch.ones(3, 2), torch.zeros(3, 2))
    with pytest.raises(BadInput, match="pairs are needed"):
        code_drift(torch.rand(3, 2), torch.rand(4, 2))
    with pytest.raises(BadInput, match="none can be below 0"):
        code_sensitivity(torch.tensor([-1.0]), torch.rand(3, 2))
    with pytest.raises(BadInput, match="more than the 3 codes"):
        code_sensitivity(torch.ones(4), torch.rand(3, 2))


def test_perplexity_of_a_codebook_counts_the_entries_in_use():
    even = torch.arange(8).repeat(4).view(4, 2, 4)  # each image uses all eight alike
    assert codebook_perplexity(even).value == pytest.approx(8)
    assert codebook_perplexity(even).stderr == pytest.approx(0, abs=1e-12)
    assert codebook_perplexity(torch.full((3, 2, 2), 5)) == Estimate(1.0, 0.0, "images")
    halves = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 1]])
    expected = math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert codebook_perplexity(halves).value == pytest.approx(expected)
    with pytest.raises(BadInput, match="a row an image"):
        codebook_perplexity(torch.rand(3, 2))


def test_the_error_of_perplexity_is_that_of_fresh_images():
    estimates = []
    for _ in range(200):
        rare = torch.rand(300, 1, generator=RANDOM) < 0.2
        estimates.append(codebook_perplexity(rare.long().expand(-1, 6)))
    spread = torch.tensor([e.value for e in estimates]).std().item()
    stated = sum(e.stderr for e in estimates) / len(estimates)
    assert stated == pytest.approx(spread, rel=0.15)
