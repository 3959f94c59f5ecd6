"""What is known to hold of every image of a generated set."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, require
from harness.evaluation.specs import evidence, provided
from harness.metrics.motion import frame_changes


def _no_polygons(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    if dataset.card.corners and not dataset.binary:
        return None
    return f"{dataset.name} does not consist of polygons"


def _no_symmetry(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return None if dataset.card.symmetric else f"{dataset.name} is not symmetric"


def _no_video(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} has images, not videos" if dataset.card.frames == 1 else None


require(Requirement("polygons", _no_polygons))
require(Requirement("symmetry", _no_symmetry))
require(Requirement("video", _no_video))
provided("polygon_corners", "polygons")


@evidence(requires=("samples", "polygons"))
def polygon_samples(e: Evidence) -> Tensor:
    """The samples, where data are polygons."""
    samples: Tensor = e["samples"]
    return samples


@evidence(requires=("reference", "polygons"))
def reference_polygons(e: Evidence) -> Tensor:
    """The test images, where they are polygons."""
    images: Tensor = e["reference_images"]
    return images


@evidence(requires=("samples", "symmetry"))
def symmetric_samples(e: Evidence) -> Tensor:
    """The samples, where data are symmetric."""
    samples: Tensor = e["samples"]
    return samples


@evidence(requires=("samples", "video"))
def sample_changes(e: Evidence) -> Tensor:
    """How much successive frames of each sample differ, n×(frames − 1)."""
    return frame_changes(e["samples"], e.setup.frames)


@evidence(requires=("reference", "video"))
def reference_changes(e: Evidence) -> Tensor:
    """How much successive frames of each test video differ, n×(frames − 1)."""
    return frame_changes(e["reference_images"], e.setup.frames)
