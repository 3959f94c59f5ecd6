"""The encoder's gradient of a VAE by two estimators, at the same weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.batch import Batch
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, of_model
from harness.evaluation.specs import evidence
from harness.families.base import PROGRESS
from harness.families.vae import GaussianCoder
from harness.metrics.gradients import GRADIENT_DRAWS, GRADIENT_IMAGES


@of_model
def _no_estimators(candidate: Candidate) -> str | None:
    family = candidate.family
    if not isinstance(family, GaussianCoder) or type(family).loss is not GaussianCoder.loss:
        return f"{candidate.model} is no VAE, whose encoder's gradient has two estimators"
    if family.settings.importance_samples > 1:
        return f"{candidate.model} takes several codes an image; its gradient has one estimator"
    return None


@evidence(requires=("reference",), unavailable=_no_estimators)
def score_deviations(e: Evidence) -> Tensor:
    """‖g_i − ḡ‖² of the score-function gradient of each draw of the codes, n float64."""
    return _deviations(e, "score-function")


@evidence(requires=("reference",), unavailable=_no_estimators)
def pathwise_deviations(e: Evidence) -> Tensor:
    """‖g_i − ḡ‖² of the reparameterised gradient of each draw of the codes, n float64."""
    return _deviations(e, "reparameterised")


def _deviations(e: Evidence, estimator: str) -> Tensor:
    """Of the gradient of the model's loss on one batch; both estimators get the same draws."""
    model = copy.copy(e.unchecked_model)
    model.settings = model.settings.model_copy(update={"gradient": estimator})
    images = e["reference_images"][:GRADIENT_IMAGES].to(e.device)
    batch = Batch(to_float(images), e["reference_labels"][:GRADIENT_IMAGES].to(e.device))
    draws = generator(e.seed, "gradients", device=e.device)
    networks = copy.deepcopy(model.networks).requires_grad_(True)
    weights = list(networks["encoder"].parameters())
    gradients = []
    for _ in range(GRADIENT_DRAWS):
        noise = model.noise(len(images), draws) | {PROGRESS: torch.ones((), device=e.device)}
        loss = model.loss(networks, batch, noise)["loss"]
        parts = torch.autograd.grad(loss, weights)
        gradients.append(torch.cat([part.flatten() for part in parts]))
    every = torch.stack(gradients)
    return (every - every.mean(dim=0)).double().square().sum(dim=1).cpu()
