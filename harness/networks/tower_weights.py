"""The committed weights of the small networks that read factors and texts."""

from __future__ import annotations

from pathlib import Path

from harness.networks.classifier_weights import (
    check_committed,
    check_trained_shape,
    present_file,
    weights_path,
)
from harness.networks.weight_files import LocalWeights

FACTOR_CLASSIFIER, DUAL_ENCODER = "classifier:shapes", "dual-encoder:shapes"

FILES = {
    FACTOR_CLASSIFIER: (
        "shapes",
        "96bf17bf55b0c8289accc3b1c79e6b2d5c90143a6c1af9b9ce5606a874503df2",
    ),
    DUAL_ENCODER: (
        "shapes-texts",
        "acc9c59aa7296461090bfdee49db437a200d5d0f5673b8bf4ce4e840b78b650b",
    ),
}
"""The name of each committed file, and its SHA-256."""


def tower_path(name: str) -> Path:
    """Where the weights of the network `name` are committed. BadInput where they are missing."""
    return present_file(name, weights_path(FILES[name][0]))


def pinned_tower(name: str) -> LocalWeights:
    """The committed file behind `name`. BadInput where it is missing or was changed."""
    return check_committed(tower_path(name), FILES[name][1])


def check_tower_fits(name: str, channels: int, size: int) -> None:
    """Raise BadInput unless images are like those that the network `name` was trained on."""
    check_trained_shape(name, tower_path(name), channels, size)
