"""The zoo of recipes, the suites and the claims that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["models", "suites", "suites/claims"]

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: Kind) -> Path:
    """The folder of shipped files: inside an installed wheel, or beside a checkout."""
    inside = _PACKAGE / "shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def shipped_files(kind: Kind) -> dict[str, Path]:
    """Every shipped file by name (`gan/dcgan`, `quickstart`), sorted.

    A name is looked up here and never joined to a path, so none can lead out of the folder.
    """
    folder = shipped(kind)
    # Suites lie in their folder itself: below it are the claims that they include.
    paths = folder.glob("*.yaml") if kind == "suites" else folder.rglob("*.yaml")
    files = {f.relative_to(folder).with_suffix("").as_posix(): f for f in paths}
    return dict(sorted(files.items()))
