"""Files of the Hugging Face hub that `harness.networks.hub` does not look for: weights under other
names or in several files, and the settings of a repository without its weights.

A module of its own: `hub` is part of the code that trained text encoders depend on, and changing it
would train them again.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.networks import hub, weight_files
from harness.networks.weight_files import LocalWeights, MissingWeights, first_line

INDEX = ".index.json"
"""How the name of the index of weights in several files ends."""

TRANSFORMERS_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
"""What transformers calls weights without pickle: one file, or the index of several."""

SETTINGS = ("*.json", "*.txt", "*.jinja", "*.model")
"""Patterns of the small files beside weights."""


def locate_weights_file(
    name: str, repository: str, names: Sequence[str], needed: Sequence[str] = ()
) -> LocalWeights:
    """The first of the files `names` that `repository` has, in one folder with all that is
    `needed`. Where it is an index, the SHA-256 is over the digests of the files that it names, in
    order.

    Looked for in the folder `repository` below HARNESS_WEIGHTS, then in the hub's cache, and
    fetched into that. `name` is what error messages call it. MissingWeights where that fails,
    BadInput where transformers is not installed or an index cannot be read.
    """
    path = _locate(name, repository, names, needed, "weights")
    return LocalWeights(path, _sha256(name, path), pinned=False)


def locate_settings(name: str, repository: str, needed: Sequence[str]) -> Path:
    """The folder with the small files `needed` of `repository`, without its weights; looked for,
    and refused, as in `locate_weights_file`.
    """
    return _locate(name, repository, needed[:1], needed, "settings").parent


def _locate(
    name: str, repository: str, names: Sequence[str], needed: Sequence[str], what: str
) -> Path:
    hub.transformers(name)
    folder = weight_files.own_folder()
    if folder and (folder / repository).is_dir():
        path = _complete(folder / repository, names, needed)
        reason = f"{folder / repository} lacks {_lacking(names, needed)}"
    else:
        path, reason = _from_hub(repository, names, needed)
    if path is None:
        raise MissingWeights(
            f"the {what} {names[0]} of {name} are not on this machine and cannot be fetched"
            f" ({reason}): put the files of https://huggingface.co/{repository} into"
            f" $HARNESS_WEIGHTS/{repository}"
        )
    return path


def _lacking(names: Sequence[str], needed: Sequence[str]) -> str:
    others = [file for file in needed if file not in names]
    return " or ".join(names) + f" or one of {', '.join(others)}" * bool(others)


def _complete(folder: Path, names: Sequence[str], needed: Sequence[str]) -> Path | None:
    if not all((folder / file).is_file() for file in needed):
        return None
    return next((folder / file for file in names if (folder / file).is_file()), None)


def _from_hub(
    repository: str, names: Sequence[str], needed: Sequence[str]
) -> tuple[Path | None, str]:
    package, reason = importlib.import_module("huggingface_hub"), f"it lacks {' and '.join(names)}"
    for offline in (True, False):  # what is there is taken as it is: no request, no surprise
        for file in names:
            try:
                folder = package.snapshot_download(
                    repository,
                    allow_patterns=[*SETTINGS, file, *_parts_of(file)],
                    local_files_only=offline,
                )
            except Exception as error:  # each version has the errors of another HTTP client
                reason = first_line(error)
                continue
            if path := _complete(Path(folder), [file], needed):
                return path, ""
    return None, reason


def _parts_of(index: str) -> list[str]:
    """The pattern of the files that an index of this name names; none for other files."""
    stem, _, suffix = index.removesuffix(INDEX).rpartition(".")
    return [f"{stem}-*.{suffix}"] if index.endswith(INDEX) else []


def _sha256(name: str, path: Path) -> str:
    if not path.name.endswith(INDEX):
        return file_sha256(path)
    try:
        parts = sorted(set(json.loads(path.read_text())["weight_map"].values()))
        digests = [file_sha256(path.parent / Path(part).name) for part in parts]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{name} cannot be loaded from {path}: {first_line(error)}") from error
    return hashlib.sha256("".join(digests).encode()).hexdigest()
