"""What a known density says of samples and of test data."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.specs import evidence, provided

provided("truth", "truth")


@evidence("samples", "modes")
def sample_modes(e: Evidence) -> Tensor:
    """The mode nearest to each sample, int64 n."""
    modes: Tensor = e["truth"].nearest(e["samples"])[0]
    return modes


@evidence("samples", "modes")
def sample_deviations(e: Evidence) -> Tensor:
    """How many standard deviations each sample is from the mode nearest to it, n."""
    deviations: Tensor = e["truth"].nearest(e["samples"])[1]
    return deviations


@evidence("modes")
def mode_total(e: Evidence) -> int:
    """How many modes the density has."""
    return int(e["truth"].modes)


@evidence("truth", "reference")
def log_densities(e: Evidence) -> Tensor:
    """The log density of each test image, in nats: n."""
    densities: Tensor = e["truth"].log_density(e["reference_images"])
    return densities
