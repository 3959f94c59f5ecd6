"""What is known to hold of every image of a generated set."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.specs import evidence, provided
from harness.metrics.motion import frame_changes

provided("polygon_corners", "polygons")


@evidence("samples", "polygons")
def polygon_samples(e: Evidence) -> Tensor:
    """The samples, where data are polygons."""
    samples: Tensor = e["samples"]
    return samples


@evidence("reference", "polygons")
def reference_polygons(e: Evidence) -> Tensor:
    """The test images, where they are polygons."""
    images: Tensor = e["reference_images"]
    return images


@evidence("samples", "symmetry")
def symmetric_samples(e: Evidence) -> Tensor:
    """The samples, where data are symmetric."""
    samples: Tensor = e["samples"]
    return samples


@evidence("samples", "video")
def sample_changes(e: Evidence) -> Tensor:
    """How much successive frames of each sample differ, n×(frames − 1)."""
    return frame_changes(e["samples"], e.setup.frames)


@evidence("reference", "video")
def reference_changes(e: Evidence) -> Tensor:
    """How much successive frames of each test video differ, n×(frames − 1)."""
    return frame_changes(e["reference_images"], e.setup.frames)
