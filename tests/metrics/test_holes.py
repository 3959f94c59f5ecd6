"""Filled holes: the error inside, and the seam at the edge."""

from __future__ import annotations

import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.protocols import EvalConfig, obstacle
from harness.evaluation.subject import samples_subject
from harness.metrics import METRICS
from harness.metrics.holes import edge_jump, hole_mse
from harness.metrics.reconstruction import mse

ORIGINALS = torch.full((2, 1, 4, 4), 100, dtype=torch.uint8)
KNOWN = torch.ones(2, 4, 4, dtype=torch.bool)
KNOWN[:, 1:3, 1:3] = False


def filled(value: int) -> torch.Tensor:
    return torch.where(KNOWN[:, None], ORIGINALS, torch.tensor(value, dtype=torch.uint8))


def test_a_flat_fill_has_its_error_in_the_hole_and_its_jump_at_the_edge() -> None:
    made = filled(151)
    assert hole_mse(made, ORIGINALS, KNOWN).tolist() == pytest.approx([0.04, 0.04])
    assert edge_jump(made, ORIGINALS, KNOWN).tolist() == pytest.approx([0.2, 0.2])
    share = 4 / 16
    torch.testing.assert_close(mse(made, ORIGINALS), share * hole_mse(made, ORIGINALS, KNOWN))


def test_the_original_has_neither_and_a_fill_may_be_smoother_than_it() -> None:
    draws = torch.Generator().manual_seed(0)
    originals = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=draws)
    known = torch.ones(3, 8, 8, dtype=torch.bool)
    known[:, :, 4:] = False
    assert not hole_mse(originals, originals, known).any()
    assert not edge_jump(originals, originals, known).any()
    smooth = originals.clone()
    smooth[..., 4] = originals[..., 3]
    assert (edge_jump(smooth, originals, known) < -0.1).all()
    inside = originals.clone()
    inside[..., 5:] = 0
    assert not edge_jump(inside, originals, known).any(), "only neighbours across the edge count"


def test_images_without_a_hole_are_refused() -> None:
    with pytest.raises(BadInput, match="known pixels and a hole"):
        hole_mse(ORIGINALS, ORIGINALS, torch.ones(2, 4, 4, dtype=torch.bool))
    with pytest.raises(BadInput, match="of one number and size"):
        edge_jump(ORIGINALS, ORIGINALS, KNOWN[:1])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("digits[super=2]", "has no holes to be filled"), ("digits[inpaint=box]", None)],
)
def test_they_are_of_tasks_whose_holes_are_told(name: str, reason: str | None) -> None:
    subject = samples_subject("other", load_dataset(name), 5)
    missing = subject.obstacles.get("hole")
    assert missing is None if reason is None else reason in str(missing)
    assert obstacle(METRICS["hole_mse"], subject, EvalConfig({}))
