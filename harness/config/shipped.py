"""The zoo of recipes, the suites and the claims that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

Kind = Literal["models", "suites", "suites/claims", "suites/published"]

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: Kind) -> Path:
    """The folder of shipped files: inside an installed wheel, or beside a checkout."""
    inside = _PACKAGE / "shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def shipped_files(kind: Kind) -> Mapping[str, Path]:
    """Every shipped file by name (`gan/dcgan`, `quickstart`), sorted.

    A name is looked up here and never joined to a path, so none can lead out of the folder.
    """
    # Suites lie in their folder itself: below it are claims and published figures.
    return _yaml_files(shipped(kind), "*.yaml" if kind == "suites" else "**/*.yaml")


@lru_cache
def _yaml_files(folder: Path, pattern: str) -> Mapping[str, Path]:
    paths = folder.glob(pattern)
    files = {f.relative_to(folder).with_suffix("").as_posix(): f for f in paths}
    return MappingProxyType(dict(sorted(files.items())))
