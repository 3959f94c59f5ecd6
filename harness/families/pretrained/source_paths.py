"""Where the files of a pretrained model are."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from harness.core.errors import BadInput
from harness.core.user_code import suite_folder


class HasSource(Protocol):
    """Settings that name a model."""

    @property
    def source(self) -> str:
        """The model: a file, a folder or a name."""
        ...


def source_file(settings: HasSource, name: str = "") -> Path:
    """The file or folder that a source names, or else `name`, below the suite's folder. Raises
    BadInput where it does not exist or leads out of that folder.
    """
    name = name or settings.source
    folder = (suite_folder() or Path()).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise BadInput(f"source {name!r} leads out of the folder {folder}")
    if not path.exists():
        raise BadInput(f"source: {path} does not exist")
    return path
