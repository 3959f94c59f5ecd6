"""How anomalous a model finds each test image."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import given, kind
from harness.evaluation.reconstructions import mapped
from harness.families.base import Scores

given("test_images", "scores")
given("anomaly_labels", "scores")
given("anomaly_maps", "scores", "masks")
given("anomaly_masks", "scores", "masks")


@kind("scores")
def anomaly_scores(e: Evidence) -> Tensor:
    """A score for each test image, higher for the more anomalous: the model's own, or the mean
    squared error of its reconstruction.
    """

    def error(x: Tensor) -> Tensor:
        difference: Tensor = e.model.reconstruct(x) - x
        return difference.square().mean(dim=(1, 2, 3))

    return mapped(e, e["test_images"], e.model.score if isinstance(e.model, Scores) else error)
