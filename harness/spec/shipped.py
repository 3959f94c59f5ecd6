"""The zoo of recipes and the suites that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["models", "suites"]

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: Kind) -> Path:
    """The folder of shipped recipes or suites: inside an installed wheel, or beside a checkout."""
    inside = _PACKAGE / "shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def shipped_files(kind: Kind) -> dict[str, Path]:
    """Every shipped file by name (`gan/dcgan`, `quickstart`), sorted.

    A name is looked up here and never joined to a path, so none can lead out of the folder.
    """
    folder = shipped(kind)
    files = {f.relative_to(folder).with_suffix("").as_posix(): f for f in folder.rglob("*.yaml")}
    return dict(sorted(files.items()))
