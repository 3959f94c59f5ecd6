"""What a known density says of samples and of test data."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, require
from harness.evaluation.specs import evidence, provided


def _no_density(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} has no known density" if dataset.density is None else None


def _no_modes(candidate: Candidate) -> str | None:
    density, name = candidate.dataset.density, candidate.dataset.name
    if density is not None and density.modes == 1:
        return f"{name} has a single mode"
    return _no_density(candidate)


require(Requirement("truth", _no_density))
require(Requirement("modes", _no_modes))
provided("truth", "truth")


@evidence(requires=("samples", "modes"))
def sample_modes(e: Evidence) -> Tensor:
    """The mode nearest to each sample, int64 n."""
    modes: Tensor = e["truth"].nearest(e["samples"])[0]
    return modes


@evidence(requires=("samples", "modes"))
def sample_deviations(e: Evidence) -> Tensor:
    """How many standard deviations each sample is from the mode nearest to it, n."""
    deviations: Tensor = e["truth"].nearest(e["samples"])[1]
    return deviations


@evidence(requires=("modes",))
def mode_total(e: Evidence) -> int:
    """How many modes the density has."""
    return int(e["truth"].modes)


@evidence(requires=("truth", "reference"))
def log_densities(e: Evidence) -> Tensor:
    """The log density of each test image, in nats: n."""
    densities: Tensor = e["truth"].log_density(e["reference_images"])
    return densities
