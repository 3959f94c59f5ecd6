"""The committed weights of the in-domain classifiers, which feature networks and losses read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.networks.classifier_net import read_metadata
from harness.networks.weight_files import LocalWeights

DIGESTS = {
    "digits": "22a81ac03092dcd0d74cf3a77dbddb564127d340399e3d91f66d72d2cffe7f62",
    "mnist": "0be7fa127d484afc19e0ef66c6dc96533943513d9b6652d9d5dff44d5454e51f",
    "mnist-16": "0cce19f9b264d805b767259b9f5fffce9b9cffbb6fa1b64ea5a1f900c14615b5",
    "fashion-mnist": "e13439bbb4b3523e1966915ba48ea805b6c2585f8b4d1fbd6eaa2846488dc8ce",
    "fashion-mnist-16": "7abe6a321f1905bfda32f378c008a38df8e2c2b274f97f3fb48c22f0aecb58fa",
    "cifar10": "fea1ddbcbf4ecb0e9240ed50dd6dfb8e34e998dbbe32e960cd28f61b1561cfe5",
}
"""The SHA-256 of each committed file: with other weights, numbers are not comparable."""

PREFIX = "classifier:"
"""Of the name that suites and recipes give a classifier."""


def classifier_of(dataset: str, size: str | None = None) -> str:
    """The name of the classifier of a dataset, or of its images resized to `size` pixels a side
    where these have one of their own.
    """
    resized = f"{dataset}-{size}"
    return PREFIX + (resized if resized in DIGESTS else dataset)


def weights_path(name: str) -> Path:
    """Where the weights of the classifier of dataset `name` are committed."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def pinned_weights(name: str) -> LocalWeights:
    """The committed file behind `classifier:NAME`. BadInput where it is missing or was changed."""
    return check_committed(committed_path(name), DIGESTS[name.removeprefix(PREFIX)])


def check_committed(path: Path, digest: str) -> LocalWeights:
    """The file at `path`, whose SHA-256 must be `digest`. BadInput where it was changed."""
    if (actual := file_sha256(path)) != digest:
        raise BadInput(
            f"{path} was changed: its SHA-256 starts with {actual[:8]}, not {digest[:8]}"
        )
    return LocalWeights(path, actual)


def committed_path(name: str) -> Path:
    """The same, whatever it holds. BadInput where it is missing."""
    return present_file(name, weights_path(name.removeprefix(PREFIX)))


def present_file(name: str, path: Path) -> Path:
    """The `path` of the weights of the network `name`. BadInput where no file is there."""
    if not path.is_file():
        raise BadInput(f"the weights of {name} are missing: {path}; reinstall the package")
    return path


def check_classifier_fits(name: str, channels: int, size: int) -> None:
    """Raise BadInput unless images are like those that `classifier:NAME` was trained on."""
    check_trained_shape(name, committed_path(name), channels, size)


def check_trained_shape(name: str, path: Path, channels: int, size: int) -> None:
    """Raise BadInput unless images are like those the network at `path` was trained on."""
    shape = _trained_shape(path)
    if (channels, size, size) != shape:
        expected, actual = ("×".join(map(str, sides)) for sides in (shape, (channels, size, size)))
        raise BadInput(f"{name} takes {expected} images, not {actual}")


@cache
def _trained_shape(path: Path) -> tuple[int, int, int]:
    """Channels, height and width of the images that the network was trained on."""
    architecture = read_metadata(path)["architecture"]
    return architecture["channels"], architecture["size"], architecture["size"]
