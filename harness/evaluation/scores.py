"""How anomalous a model finds each test image, and each of its pixels."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.requirements import Candidate, Requirement, of_model, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import Reconstructs, ScoreMaps, Scores


@of_model
def _cannot_score(candidate: Candidate) -> str | None:
    name = candidate.dataset.name
    if not candidate.dataset.detects:
        return f"{name} has no unseen class; name one, as in {name}[unseen=8]"
    if isinstance(candidate.family, Scores | Reconstructs):
        return None
    return f"{candidate.model} neither scores nor reconstructs images"


@of_model
def _no_maps(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, ScoreMaps | Reconstructs):
        return None
    return f"{candidate.model} neither scores pixels nor reconstructs images"


@of_model
def _no_masks(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} has no masks of defects" if dataset.test.masks is None else None


require(
    Requirement("scores", _cannot_score, lambda c: len(c.dataset.test), part="judged", split="test")
)
require(Requirement("maps", _no_maps))
require(Requirement("masks", _no_masks))
provided("test_images", "scores")
provided("anomaly_labels", "scores")
provided("anomaly_masks", "scores", "masks")


@evidence(requires=("scores",))
def anomaly_scores(e: Evidence) -> Tensor:
    """A score for each test image, higher for the more anomalous: the model's own, or the mean
    squared error of its reconstruction.
    """

    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=(1, 2, 3))

    return map_batches(e, e["test_images"], e.model.score if isinstance(e.model, Scores) else error)


@evidence(requires=("scores", "maps", "masks"))
def anomaly_maps(e: Evidence) -> Tensor:
    """A score for each pixel of each test image, N×S×S: the model's own, or the squared error of
    its reconstruction, averaged over channels.
    """

    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=1)

    has_maps = isinstance(e.model, ScoreMaps)
    return map_batches(e, e["test_images"], e.model.score_map if has_maps else error)


def _squared_error(e: Evidence, x: Tensor) -> Tensor:
    difference: Tensor = e.model.reconstruct(x) - x
    return difference.square()
