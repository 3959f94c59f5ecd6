"""Finds pretrained weights on this machine, fetches them, and checks their digests."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256


class MissingWeights(BadInput):
    """Weights that are not on this machine and cannot be fetched."""


@dataclass(frozen=True)
class LocalWeights:
    """A file of weights on this machine.

    `pinned`: its SHA-256 (64 hexadecimal digits) was checked against the one this project knows.
    Otherwise any file would have been taken, and only the digest tells one from another.
    """

    path: Path
    sha256: str
    pinned: bool = True

    @property
    def digest(self) -> str:
        """The eight digits that stand in labels."""
        return self.sha256[:8]


@dataclass(frozen=True)
class WeightsFile:
    """A published file and its SHA-256, 64 hexadecimal digits. PyTorch's hub puts the first eight
    into the name.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name: `alexnet-owt-7be5be79.pth`."""
        return self.url.rpartition("/")[2]

    @property
    def digest(self) -> str:
        """The eight digits that stand in labels."""
        return self.sha256[:8]


def locate_weights(file: WeightsFile) -> LocalWeights:
    """Where `file` is on this machine, once its digest has been checked.

    It is looked for in the folder `HARNESS_WEIGHTS`, then in PyTorch's hub cache, and fetched into
    the first of these that applies. MissingWeights where that fails, BadInput where the file is not
    the published one.
    """
    places = [folder / file.name for folder in folders()]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        path = places[0]
        _fetch(file, path)
    return check_weights(path, file.sha256, file.url)


def check_weights(path: Path, digest: str, url: str) -> LocalWeights:
    """The file at `path`, whose SHA-256 must be `digest`; BadInput naming `url` if it is not."""
    actual = file_sha256(path)
    if actual != digest:
        raise BadInput(
            f"{path} is not the published file, its SHA-256 is {actual} and not {digest}: replace"
            f" it by {url}"
        )
    return LocalWeights(path, actual)


def folders() -> list[Path]:
    """Where weights are looked for, in order."""
    folder = own_folder()
    return [*([folder] if folder else []), Path(torch.hub.get_dir()) / "checkpoints"]


def own_folder() -> Path | None:
    """The user's folder of weights, where `HARNESS_WEIGHTS` names one."""
    folder = os.environ.get("HARNESS_WEIGHTS")
    return Path(folder) if folder else None


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.pth` file, read without running what a pickle may hold."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise BadInput(f"{path} cannot be read as weights: {first_line(error)}") from error
    if not isinstance(state, dict):
        raise BadInput(f"{path} holds a {type(state).__name__}, not weights by name")
    return state


def _fetch(file: WeightsFile, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Writes beside `path`, checks the digest, then renames: no file is ever half there.
        torch.hub.download_url_to_file(
            file.url, str(path), hash_prefix=file.sha256, progress=sys.stderr.isatty()
        )
    except (OSError, RuntimeError) as error:
        raise MissingWeights(
            f"the weights {file.name} are not on this machine and cannot be fetched"
            f" ({first_line(error)}): put {file.url} into {path.parent}"
        ) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return str(error).partition("\n")[0]
