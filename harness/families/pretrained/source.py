"""Which kind of model a source names, and how it is opened."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import BadInput
from harness.core.user_code import TARGET, suite_folder
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.python_callable import PythonCallable
from harness.families.pretrained.settings import PretrainedSettings

PICKLES = (".pth", ".ckpt", ".pkl", ".pickle", ".bin")
"""Suffixes of checkpoints that are pickles, which could run code as they are read."""
EXPORT = (
    "is a checkpoint, of weights without their network or of pickled code, and is not read: "
    "export the generator once with torch.export.save(torch.export.export(model.eval(), (z,), "
    "dynamic_shapes=({0: torch.export.Dim('n')},)), 'model.pt2'), or name a function "
    "module:function that loads the weights"
)


def open_generator(settings: PretrainedSettings) -> ImageGenerator:
    """Opens the model that the settings name. Raises BadInput where it is none that can be used."""
    name = settings.source
    if Path(name).suffix.lower() in PICKLES:
        raise BadInput(f"{name} {EXPORT}")
    if TARGET.fullmatch(name):
        return PythonCallable(settings)
    raise BadInput(f"source {name!r} is no model: package.module:callable is needed")


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
