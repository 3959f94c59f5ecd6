"""Pretrained weights: where they are on this machine, fetching them, and checking them."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.spec.errors import BadInput


@dataclass(frozen=True)
class WeightsFile:
    """A published file, whose name ends with the start of its SHA-256, as on PyTorch's hub."""

    url: str

    @property
    def name(self) -> str:
        """The file's name: `alexnet-owt-7be5be79.pth`."""
        return self.url.rpartition("/")[2]

    @property
    def digest(self) -> str:
        """The eight hexadecimal digits that its SHA-256 starts with."""
        if not (found := re.search(r"-([0-9a-f]{8})\.\w+$", self.name)):
            raise ValueError(f"{self.name} does not carry its digest")
        return found[1]


def obtain(file: WeightsFile) -> Path:
    """Where `file` is on this machine, once its digest has been checked.

    It is looked for in the folder `HARNESS_WEIGHTS`, then in PyTorch's hub cache, and fetched into
    the first of these that applies. BadInput where that fails or the file is not the published one.
    """
    places = [folder / file.name for folder in folders()]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        path = places[0]
        _fetch(file, path)
    if (found := sha256(path)[:8]) != file.digest:
        raise BadInput(
            f"{path} is not the published file, its SHA-256 starts with {found} and not with"
            f" {file.digest}: replace it by {file.url}"
        )
    return path


def folders() -> list[Path]:
    """Where weights are looked for, in order."""
    own = os.environ.get("HARNESS_WEIGHTS")
    return [*([Path(own)] if own else []), Path(torch.hub.get_dir()) / "checkpoints"]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.pth` file, read without running what a pickle may hold."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise BadInput(f"{path} cannot be read as weights: {_first_line(error)}") from error
    if not isinstance(state, dict):
        raise BadInput(f"{path} holds a {type(state).__name__}, not weights by name")
    return state


def _fetch(file: WeightsFile, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Writes beside `path`, checks the digest, then renames: no file is ever half there.
        torch.hub.download_url_to_file(
            file.url, str(path), hash_prefix=file.digest, progress=sys.stderr.isatty()
        )
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"the weights {file.name} are not on this machine and cannot be fetched"
            f" ({_first_line(error)}): put {file.url} into {path.parent}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
