"""How anomalous a model finds each test image, and each of its pixels."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.specs import evidence, provided
from harness.families.base import ScoreMaps, Scores

provided("test_images", "scores")
provided("anomaly_labels", "scores")
provided("anomaly_masks", "scores", "masks")


@evidence("scores")
def anomaly_scores(e: Evidence) -> Tensor:
    """A score for each test image, higher for the more anomalous: the model's own, or the mean
    squared error of its reconstruction.
    """

    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=(1, 2, 3))

    return map_batches(e, e["test_images"], e.model.score if isinstance(e.model, Scores) else error)


@evidence("scores", "maps", "masks")
def anomaly_maps(e: Evidence) -> Tensor:
    """A score for each pixel of each test image, N×S×S: the model's own, or the squared error of
    its reconstruction, averaged over channels.
    """

    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=1)

    own = isinstance(e.model, ScoreMaps)
    return map_batches(e, e["test_images"], e.model.score_map if own else error)


def _squared_error(e: Evidence, x: Tensor) -> Tensor:
    difference: Tensor = e.model.reconstruct(x) - x
    return difference.square()
