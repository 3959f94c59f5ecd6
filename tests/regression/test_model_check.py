"""The gate of fixed models: what is called a difference, and what is not."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.regression.fixed_models.draws import ModelDraws
from harness.regression.fixed_models.measures import PairNetworks, PixelBlocks, pixel_differences
from harness.regression.fixed_models.model_check import ModelCheck, check_model
from harness.regression.fixed_models.scores import ModelScores
from harness.regression.fixed_models.tolerances import pair_tolerances


def pictures(n: int, seed: int) -> Tensor:
    """Smooth images of random colours, uint8 n×3×16×16."""
    draws = torch.Generator().manual_seed(seed)
    blocks = torch.randint(256, (n, 3, 4, 4), dtype=torch.uint8, generator=draws)
    return blocks.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def shaken(images: Tensor, levels: float, seed: int) -> Tensor:
    noise = levels * torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return (images.float() + noise).round().clamp(0, 255).byte()


N = 60
PLAIN, OTHERS = pictures(N, 0), pictures(N, 1)
RANDOM = torch.randint(256, PLAIN.shape, dtype=torch.uint8)


def check(
    candidate: Tensor,
    reference: Tensor = PLAIN,
    rerun: Tensor = PLAIN,
    others: Tensor = OTHERS,
    tolerances: Mapping[str, float] | None = None,
) -> ModelCheck:
    n = len(candidate)
    draws = ModelDraws(candidate, reference[:n], rerun[:n], lambda: others[:n])
    return check_model(ModelScores(draws, PairNetworks(PixelBlocks())), tolerances or {})


def with_image(row: int, image: Tensor | int) -> Tensor:
    images = PLAIN.clone()
    images[row] = image
    return images


def test_pixel_differences_are_root_mean_squares_of_bytes():
    a = torch.tensor([0, 10, 255, 3], dtype=torch.uint8).view(1, 1, 2, 2)
    b = torch.tensor([255, 10, 255, 0], dtype=torch.uint8).view(1, 1, 2, 2)
    expected = ((255**2 + 9) / 4) ** 0.5
    assert pixel_differences(a, b).tolist() == pytest.approx([expected])


def test_equal_bytes_are_identical():
    assert check(PLAIN.clone()).outcome == "identical"


def test_a_pixel_off_by_one_is_rounding():
    made = PLAIN.clone()
    made[:, 0, 0, 0] ^= 1
    assert check(made).outcome == "no difference"


@pytest.mark.parametrize("n", [8, N])
def test_small_differences_of_all_images_are_found(n: int):
    outcome = check(shaken(PLAIN, 2, 0)[:n])
    assert (outcome.outcome, outcome.exit_code) == ("different", 1)
    assert "grey levels" in outcome.reason
    assert not outcome.broken.any()


def test_the_same_differences_are_none_where_runs_differ_as_much():
    assert check(shaken(PLAIN, 2, 0), rerun=shaken(PLAIN, 2, 1)).outcome == "no difference"
    assert check(shaken(PLAIN, 3, 0), rerun=shaken(PLAIN, 2, 1)).outcome == "different"


@pytest.mark.parametrize(
    "image", [0, 255, RANDOM[0], OTHERS[0]], ids=["black", "white", "noise", "other"]
)
def test_one_broken_image_is_found_and_named(image):
    outcome = check(with_image(7, image))
    assert (outcome.outcome, outcome.exit_code) == ("different", 1)
    assert outcome.broken.nonzero().flatten().tolist() == [7]
    assert "number 7" in outcome.reason


@pytest.mark.parametrize("image", [0, 255])
def test_one_blank_image_is_found_where_runs_differ(image: int):
    broken, rerun = (shaken(PLAIN, 2, seed) for seed in (1, 2))
    broken[7] = image
    outcome = check(broken, rerun=rerun)
    assert (outcome.outcome, outcome.broken.nonzero().flatten().tolist()) == ("different", [7])


def test_images_that_two_runs_change_altogether_are_not_broken():
    """As a chaotic sampler does, now and then: other images, in other places."""
    candidate, rerun = PLAIN.clone(), PLAIN.clone()
    candidate[3], rerun[5] = OTHERS[50], OTHERS[51]
    assert not check(candidate, rerun=rerun).broken.any()


def test_small_differences_of_few_images_are_found():
    """The mean of all does not tell them from rounding."""
    made = PLAIN.clone()
    made[:8] = shaken(PLAIN[:8], 1.2, 0)
    assert check(made).outcome == "different"
    made = PLAIN.clone()
    made[:5] = shaken(PLAIN[:5], 1.2, 0)
    assert check(made).outcome == "no difference"


def test_images_of_another_seed_are_no_fault():
    outcome = check(pictures(N, 2))
    assert (outcome.outcome, outcome.exit_code) == ("inconclusive", 4)
    assert "as images of another seed do" in outcome.reason
    many = [pictures(300, seed) for seed in (13, 14, 15)]
    outcome = check(many[0], many[1], many[1], many[2])
    assert (outcome.outcome, outcome.exit_code) == ("other images", 0)


def test_faults_among_images_of_another_seed():
    assert check(RANDOM).outcome == "different"
    assert check(pictures(N, 2) // 2 + 100).outcome == "different"
    blank = pictures(N, 2)
    blank[3] = 0
    assert check(blank).broken.nonzero().flatten().tolist() == [3]


def test_a_model_without_seeds_is_compared_as_sets():
    runs = [pictures(N, seed) for seed in (3, 4, 5)]
    outcome = check(runs[0], rerun=runs[1], others=runs[2])
    assert outcome.outcome == "inconclusive"
    assert "two runs of the reference differ as much" in outcome.reason
    assert check(RANDOM, rerun=runs[1], others=runs[2]).outcome == "different"


def test_too_few_images_decide_nothing():
    assert check(shaken(PLAIN, 2, 0)[:4]).outcome == "inconclusive"


def test_false_alarms_of_a_model_whose_runs_differ():
    outcomes = []
    for trial in range(40):
        runs = [shaken(PLAIN[:10], 2, 3 * trial + i) for i in range(2)]
        outcomes.append(check(runs[0], rerun=runs[1]).outcome)
    assert outcomes.count("different") <= 4  # 5 % of 40, and 1.5 standard deviations


def test_tolerances_decide_where_they_are_set():
    near = shaken(PLAIN, 3, 0)  # 38.6 dB
    for limits, outcome in (
        ({"psnr": 36.0}, "tolerated"),
        ({"psnr": 42.0}, "different"),
        ({"rms": 3.5, "psnr": 36.0}, "tolerated"),
        ({"rms": 2.5, "psnr": 36.0}, "different"),
    ):
        assert check(near, tolerances=limits).outcome == outcome
    broken = near.clone()
    broken[5] = 0
    outcome = check(broken, tolerances={"psnr": 30.0})
    assert (outcome.outcome, int(outcome.broken.sum())) == ("different", 1)


def test_a_tolerance_at_the_mean_is_open():
    mean = float(pixel_differences(PLAIN, near := shaken(PLAIN, 3, 0)).mean())
    assert check(near, tolerances={"rms": mean}).outcome == "inconclusive"


@pytest.mark.parametrize("text", ["psnr", "fid=3", "lpips=5%", "psnr=35,psnr=36"])
def test_other_tolerances_are_refused(text: str):
    with pytest.raises(BadInput, match="tolerance"):
        pair_tolerances(text.split(","))
