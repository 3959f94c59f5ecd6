"""The folders and files of a user's dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath

from harness.core.errors import BadInput

_RULE = (
    "a path is below the folder of all datasets (--data-root or HARNESS_DATA); one below the "
    "current folder begins with ./, and absolute ones and ~/ are taken as they are"
)


def check_argument(name: str, argument: str) -> None:
    """Raise BadInput where the relative path `argument` of the dataset `name` leaves the
    data root.
    """
    if not _is_anchored(argument) and ".." in PurePath(argument).parts:
        raise BadInput(f"{name}: leaves the folder of all datasets; {_RULE}")


def resolve_path(argument: str, root: Path) -> Path:
    """Return the path that `argument` names. Raises BadInput where it does not exist."""
    path = Path(argument).expanduser() if _is_anchored(argument) else root / argument
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder; {_RULE}")
    return path


def store_name(path: Path) -> str:
    """The name in the store of the user's set at `path`."""
    path = path.expanduser()
    return f"own-{path.name or path.resolve().name}"


def _is_anchored(argument: str) -> bool:
    is_from_here = argument in (".", "~") or argument.startswith(("./", "~/"))
    return is_from_here or Path(argument).is_absolute()


def folder_at(argument: str, root: Path) -> Path:
    """Return the folder that `argument` names. Raises BadInput where it does not exist."""
    path = resolve_path(argument, root)
    if not path.is_dir():
        raise BadInput(f"{path}: a folder is needed here")
    return path


def folder_names(folder: Path) -> set[str]:
    """The folders in `folder` that are not hidden."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."}


SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation"),
}
"""How folders of splits are called, in capitals or not."""


def named_folder(folder: Path, *names: str) -> Path | None:
    """The folder in `folder` that has one of `names`, in capitals or not. Raises BadInput where
    several have.
    """
    folded = {name.casefold() for name in names}
    matches = sorted(name for name in folder_names(folder) if name.casefold() in folded)
    if len(matches) > 1:
        raise BadInput(
            f"{folder}: of {'/ and '.join(matches)}/ only one can be meant; rename others"
        )
    return folder / matches[0] if matches else None


def split_folder(folder: Path, split: str, suffix: str = "") -> Path | None:
    """The folder of a split, "train" or "test", by any of its names with a suffix, such as the A of
    `trainA`; where there is none to test with, the one to validate with.
    """
    for kind in (split, "val") if split == "test" else (split,):
        if subfolder := named_folder(folder, *(name + suffix for name in SPLITS[kind])):
            return subfolder
    return None


def split_folders(folder: Path) -> tuple[Path, Path] | None:
    """`train/` and `test/` (or `val/`) in `folder`, however they are spelled (see `SPLITS`); None
    where it has none of them.

    Raises BadInput where it has one without the other, or two of one kind.
    """
    train, test = split_folder(folder, "train"), split_folder(folder, "test")
    if train and test:
        return train, test
    if train:
        raise BadInput(f"{folder}: has {train.name}/ but neither test/ nor val/")
    if test:
        raise BadInput(f"{folder}: has {test.name}/ but no train/")
    return None
