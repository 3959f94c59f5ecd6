"""What is known to hold of every image of a generated set."""

from __future__ import annotations

from torch import Tensor

from harness.config.reference import parse_reference
from harness.data.frames import unfold
from harness.data.generated.moving_reading import read_moving_sprites
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, require
from harness.evaluation.specs import evidence, provided
from harness.metrics.motion import frame_changes, frame_pairs


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


def _no_figures(candidate: Candidate) -> str | None:
    name = candidate.dataset.name
    if parse_reference(name).name == "moving:shapes":
        return None
    return f"{name} has no figures to be read off frames, as moving:shapes has"


require(Requirement("polygons", _no_polygons))
require(Requirement("symmetry", _no_symmetry))
require(Requirement("video", _no_video))
require(Requirement("figures", _no_figures))
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


@evidence(requires=("samples", "video"), role="extractor")
def sample_frame_pairs(e: Evidence) -> Tensor:
    """Features of successive frames of the samples and their change, n·(frames − 1)×2d."""
    return frame_pairs(e["sample_features"], e.setup.frames)


@evidence(requires=("reference", "video"), role="extractor")
def reference_frame_pairs(e: Evidence) -> Tensor:
    """Features of successive frames of test videos and their change, m·(frames − 1)×2d."""
    return frame_pairs(e["reference_features"], e.setup.frames)


@evidence(requires=("samples", "figures"))
def sample_figures(e: Evidence) -> Tensor:
    """The shape, rotation and colour that are read off frames of samples, n×frames×3."""
    samples, frames = e["samples"], e.setup.frames
    return read_moving_sprites(unfold(samples, frames)).view(len(samples), frames, -1)
