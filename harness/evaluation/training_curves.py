"""What training logged: losses, their parts and the norms of gradients, by player."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from harness.core.errors import FAILURES
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import (
    Candidate,
    Requirement,
    Unavailable,
    always_available,
    of_model,
    require,
)
from harness.evaluation.specs import evidence, provided
from harness.training.drift import DRIFT, has_drift

TRAINING_CURVE = "training_curve"

TRAINING_STRIP = "training_strip"
"""The evidence that is a PNG file of samples of fixed codes over training: a row a moment."""
OUTPUTS, SPREAD = "outputs/", "samples/spread"
"""What begins the names of curves of a discriminator's outputs; and the curve of how widely samples
are spread, as a share of the training images."""

LOGGED = ("costs", TRAINING_CURVE)
"""What all evidence of training requires: a model that takes steps."""

require(Requirement(TRAINING_CURVE, of_model(always_available)))
provided(TRAINING_CURVE, *LOGGED)
provided(TRAINING_STRIP, *LOGGED)


def training_curve(points: Iterable[tuple[int, str, float]]) -> dict[str, Tensor]:
    """The evidence `training_curve` from points (images shown, `train/player/name`, value): of each
    `player/name` its points, float64 P×2 of images and values.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    for images, name, value in points:
        rows.setdefault(name.removeprefix("train/"), []).append((images, value))
    return {name: torch.tensor(of, dtype=torch.float64) for name, of in rows.items()}


def no_player(name: str) -> Unavailable:
    """The reason of a model that no player of this name trains."""

    def reason(candidate: Candidate) -> str | None:
        return None if name in _players(candidate.family) else f"{candidate.model} has no {name}"

    return of_model(reason)


def _players(family: Any) -> set[str]:
    """What is wrong with a user's phases is said where the family is tried."""
    try:
        return {player.name for phase in family.phases() for player in phase.players}
    except FAILURES:
        return set()


@evidence(requires=LOGGED, unavailable=no_player("generator"))
def generator_gradient_norms(e: Evidence) -> Tensor:
    """The Euclidean norm of the generator's gradient, read about a hundred times while it trained:
    float64 P×2 of images shown and norms.
    """
    norms: Tensor = e[TRAINING_CURVE]["generator/gradient_norm"]
    return norms


def _follows_no_samples(candidate: Candidate) -> str | None:
    if has_drift(candidate.family):
        return None
    return f"{candidate.model} is no GAN that makes images from codes alone"


@evidence(requires=LOGGED, unavailable=of_model(_follows_no_samples))
def sample_drifts(e: Evidence) -> Tensor:
    """How far samples of fixed codes moved late in training, as `harness.training.drift` says:
    float64 P×2 of images shown and drifts, one point or, of a training of a few steps, none.
    """
    none = torch.zeros(0, 2, dtype=torch.float64)
    drifts: Tensor = e[TRAINING_CURVE].get(DRIFT, none)
    return drifts


def _clips_no_weights(candidate: Candidate) -> str | None:
    settings = getattr(candidate.family, "settings", None)
    clip = getattr(getattr(settings, "discriminator", None), "clip", None)
    return f"{candidate.model} clips no weights" if clip is None else None


@evidence(requires=LOGGED, unavailable=of_model(_clips_no_weights))
def shares_at_bound(e: Evidence) -> Tensor:
    """The share of the discriminator's weights that clipping keeps at their bound: float64 P×2 of
    images shown and shares.
    """
    shares: Tensor = e[TRAINING_CURVE]["discriminator/weights_at_bound"]
    return shares
