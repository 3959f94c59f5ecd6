"""What is known to hold of every image of a generated set."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import given, kind
from harness.metrics.motion import frame_changes

given("polygon_corners", "polygons")


@kind("samples", "polygons")
def polygon_samples(e: Evidence) -> Tensor:
    """The samples, where data are polygons."""
    samples: Tensor = e["samples"]
    return samples


@kind("reference", "polygons")
def reference_polygons(e: Evidence) -> Tensor:
    """The test images, where they are polygons."""
    images: Tensor = e["reference_images"]
    return images


@kind("samples", "symmetry")
def symmetric_samples(e: Evidence) -> Tensor:
    """The samples, where data are symmetric."""
    samples: Tensor = e["samples"]
    return samples


@kind("samples", "video")
def sample_changes(e: Evidence) -> Tensor:
    """How much successive frames of each sample differ, n×(frames − 1)."""
    return frame_changes(e["samples"], e.setup.frames)


@kind("reference", "video")
def reference_changes(e: Evidence) -> Tensor:
    """How much successive frames of each test video differ, n×(frames − 1)."""
    return frame_changes(e["reference_images"], e.setup.frames)
