"""Where the files of a user's dataset are."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from harness.spec.errors import BadInput

_RULE = (
    "a path is below the folder of all datasets (--data-root or HARNESS_DATA); one below the "
    "current folder begins with ./, and absolute ones and ~/ are taken as they are"
)


def check_argument(name: str, argument: str) -> None:
    """BadInput where the relative path `argument` of the dataset `name` leaves the data root."""
    if not _is_anchored(argument) and ".." in PurePath(argument).parts:
        raise BadInput(f"{name}: leaves the folder of all datasets; {_RULE}")


def resolve(argument: str, root: Path) -> Path:
    """The path that `argument` names. Raises BadInput where nothing is there."""
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
    """The folder that `argument` names. Raises BadInput where none is there."""
    path = resolve(argument, root)
    if not path.is_dir():
        raise BadInput(f"{path}: a folder is needed here")
    return path


def subfolder(folder: Path, *names: str) -> Path | None:
    """The first of `names` that is a folder in `folder`."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def folder_names(folder: Path) -> set[str]:
    """The folders in `folder` that are not hidden."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."}


def split_folders(folder: Path) -> tuple[Path, Path] | None:
    """`train/` and `test/` (or `val/`) in `folder`; None where it has none of them.

    Raises BadInput where it has one without the other.
    """
    train, test = subfolder(folder, "train"), subfolder(folder, "test", "val")
    if train and test:
        return train, test
    if train:
        raise BadInput(f"{folder}: has train/ but neither test/ nor val/")
    if test:
        raise BadInput(f"{folder}: has {test.name}/ but no train/")
    return None
