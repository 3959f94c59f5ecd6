"""How probable a model finds the test images; pixels are dequantised unless they are binary, other
numbers taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import BATCH
from harness.evaluation.requirements import Candidate, Requirement, Unavailable, of_model, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import ImportanceBound, bounds_likelihood, has_density
from harness.metrics.likelihood import (
    IMPORTANCE_SAMPLES,
    MANY_SAMPLES,
    MANY_SAMPLES_IMAGES,
    ODE_IMAGES,
    ODE_TOLERANCE,
    dequantise,
)


def _no_likelihood(
    has_likelihood: Callable[[object], bool], words: str = "does not bound the likelihood of images"
) -> Unavailable:
    """The reason of a model that has no likelihood (its name and `words`), or has one of other
    images: a density of grey levels is none of binary images, nor the other way round.
    """

    def reason(candidate: Candidate) -> str | None:
        model, is_binary = candidate.model, candidate.dataset.binary
        if not has_likelihood(candidate.family):
            return f"{model} {words}"
        if getattr(candidate.family, "binary", False) == is_binary:
            return None
        if is_binary:
            return f"{model}'s likelihood is a density, which on binarized images has no bound"
        return f"{model}'s likelihood is of binary images; name such, as in mnist[binarized=static]"

    return of_model(reason)


@of_model
def _no_levels(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} is binary: its likelihood is in nats" if dataset.binary else None


def _has_importance_bound(model: object) -> bool:
    return isinstance(model, ImportanceBound)


def _ode_images(candidate: Candidate) -> int:
    return min(ODE_IMAGES, len(candidate.dataset.normal_test))


require(Requirement("likelihood", _no_likelihood(bounds_likelihood)))
require(Requirement("importance", _no_likelihood(_has_importance_bound)))
NO_FLOW = "has no flow from images to noise with a density"
require(Requirement("ode", _no_likelihood(has_density, NO_FLOW), _ode_images, part="judged"))
require(Requirement("levels", _no_levels))
provided("is_binary", "reference")


@evidence(requires=("likelihood", "reference"))
def elbo_nats(e: Evidence) -> Tensor:
    """The evidence lower bound of each test image, n."""
    return _bounds(e, "elbo", e["reference_images"], e.model.elbo)


@evidence(requires=("importance", "reference"))
def importance_bound_nats(e: Evidence) -> Tensor:
    """The importance-weighted bound of each test image, n."""
    return _importance_bounds(e, "importance", e["reference_images"], IMPORTANCE_SAMPLES)


@evidence(requires=("importance", "reference"))
def many_importance_nats(e: Evidence) -> Tensor:
    """The bound by `MANY_SAMPLES` codes of each of the first `MANY_SAMPLES_IMAGES` test images."""
    images = e["reference_images"][:MANY_SAMPLES_IMAGES]
    return _importance_bounds(e, "many-importance", images, MANY_SAMPLES)


@evidence(requires=("ode",))
def ode_nats(e: Evidence) -> Tensor:
    """log p(x) of the first test images under the flow, n×2: with the tolerance of the solver, and
    with ten times as much.
    """
    images = e["reference_images"][:ODE_IMAGES]

    def nats(tolerance: float) -> Tensor:
        return _bounds(e, "ode", images, lambda x, g: e.model.ode_log_likelihood(x, g, tolerance))

    return torch.stack([nats(ODE_TOLERANCE), nats(10 * ODE_TOLERANCE)], dim=1)


@evidence(requires=("reference", "levels"))
def image_values(e: Evidence) -> int:
    """How many values an image has: C·H·W, each one of 256 levels."""
    return int(e["reference_images"][0].numel())


def _importance_bounds(e: Evidence, name: str, images: Tensor, count: int) -> Tensor:
    return _bounds(e, name, images, lambda x, draws: e.model.importance_bound(x, count, draws))


def _bounds(
    e: Evidence, name: str, images: Tensor, bound: Callable[[Tensor, torch.Generator], Tensor]
) -> Tensor:
    draws = generator(e.seed, name, device=e.device)

    def values(images: Tensor) -> Tensor:
        is_final = images.is_floating_point() or e["is_binary"]
        return to_float(images) if is_final else dequantise(images, draws)

    with torch.inference_mode():
        batches = [part.to(e.device) for part in torch.split(images, BATCH)]
        return torch.cat([bound(values(x), draws).cpu() for x in batches])
