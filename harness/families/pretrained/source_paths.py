"""Where the files of a pretrained model are."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import BadInput
from harness.core.user_code import suite_folder
from harness.families.pretrained.settings import PretrainedSettings


def source_file(settings: PretrainedSettings) -> Path:
    """The file or folder that a source names, below the suite's folder. Raises BadInput where it
    does not exist or leads out of that folder.
    """
    folder = (suite_folder() or Path()).resolve()
    path = (folder / settings.source).resolve()
    if not path.is_relative_to(folder):
        raise BadInput(f"source {settings.source!r} leads out of the folder {folder}")
    if not path.exists():
        raise BadInput(f"source: {path} does not exist")
    return path
