"""Classifiers that are trained on few labels, from a model's encoder and from random weights."""

from __future__ import annotations

import copy
import inspect

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.core.seeding import derive, generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.requirements import Candidate, of_model
from harness.evaluation.specs import evidence
from harness.families.base import Family
from harness.metrics.few_labels import FINE_TUNING_RATE, FINE_TUNING_STEPS, LABELS_PER_CLASS
from harness.networks.dropout import draw_masks, use_masks
from harness.training.init import initialise


@of_model
def _no_encoder(candidate: Candidate) -> str | None:
    family = candidate.family
    networks = family.networks if isinstance(family, Family) else nn.ModuleDict()
    if "encoder" not in networks:
        return f"{candidate.model} has no encoder to fine-tune"
    if len(inspect.signature(networks["encoder"].forward).parameters) != 1:
        return f"{candidate.model}'s encoder takes more than an image"
    return None


@evidence(requires=("train", "reference", "labels"), unavailable=_no_encoder)
def tuned_hits(e: Evidence) -> Tensor:
    """Which test images a classifier gets right that starts from the model's encoder, n bool."""
    return _hits(e, copy.deepcopy(e.unchecked_model.networks["encoder"]))


@evidence(requires=("train", "reference", "labels"), unavailable=_no_encoder)
def scratch_hits(e: Evidence) -> Tensor:
    """As `tuned_hits`, of the same architecture with weights as before any training."""
    model = e.unchecked_model
    fresh = initialise(
        lambda: type(model)(model.settings, model.shape), derive(e.seed, "few labels")
    )
    return _hits(e, fresh.networks["encoder"].to(e.device))


def _hits(e: Evidence, encoder: nn.Module) -> Tensor:
    """Fine-tunes encoder and a linear layer on its output, and classifies the test images."""
    classes = int(e["train_labels"].max()) + 1
    rows = _first_of_each_class(e["train_labels"])
    x = to_float(e["inlier_images"][rows]).to(e.device)
    labels = e["train_labels"][rows].to(e.device)
    with torch.no_grad():
        width = encoder.eval()(x[:1]).flatten(1).shape[1]
    head = nn.Linear(width, classes, device=e.device)  # from 0: nothing is random
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    network = nn.Sequential(encoder, nn.Flatten(), head).requires_grad_(True).train()
    optimizer = torch.optim.Adam(network.parameters(), FINE_TUNING_RATE)
    draws = generator(e.seed, "few labels", device=e.device)
    for _ in range(FINE_TUNING_STEPS):
        use_masks(encoder, draw_masks(encoder, len(x), draws))
        optimizer.zero_grad()
        F.cross_entropy(network(x), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    network.eval()
    predicted = map_batches(e, e["reference_images"], lambda x: network(x).argmax(dim=1))
    hits: Tensor = predicted == e["reference_labels"]
    return hits


def _first_of_each_class(labels: Tensor) -> Tensor:
    """The rows of the first `LABELS_PER_CLASS` images of each class, int64."""
    classes = sorted(set(labels.tolist()))
    return torch.cat([(labels == label).nonzero()[:LABELS_PER_CLASS, 0] for label in classes])
