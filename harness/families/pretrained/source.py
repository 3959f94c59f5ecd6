"""Which kind of model a source names, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.user_code import TARGET
from harness.families.pretrained.diffusers_pipeline import DiffusersPipeline
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.latents import LatentGenerator
from harness.families.pretrained.onnx_file import ONNXGenerator
from harness.families.pretrained.pipeline_files import HUB, INDEX
from harness.families.pretrained.python_callable import PythonCallable
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source_paths import source_file
from harness.families.pretrained.torch_files import CHECKPOINT, ExportedGenerator, TorchScript

RUN = "run:"
"""How the name of a cell of the tracking store begins."""
PICKLES = (".pth", ".ckpt", ".pkl", ".pickle", ".bin")
"""Suffixes of checkpoints that are pickles, which could run code as they are read."""
FILES: Mapping[str, type[LatentGenerator]] = {
    ".pt": TorchScript,
    ".pt2": ExportedGenerator,
    ".onnx": ONNXGenerator,
}
"""The generators of files, by suffix."""


def open_generator(settings: PretrainedSettings) -> ImageGenerator:
    """Opens the model that the settings name. Raises BadInput where it is none that can be used."""
    name = settings.source
    if name.startswith(RUN):
        raise BadInput(f"{name}: a run is taken by `harness score`; name its recipe in a suite")
    if Path(name).suffix.lower() in PICKLES:
        raise BadInput(f"{name} {CHECKPOINT}")
    if TARGET.fullmatch(name) and not name.startswith(HUB):
        return PythonCallable(settings)
    if kind := FILES.get(Path(name).suffix.lower()):
        return kind(settings, source_file(settings))
    if name.startswith(HUB) or (source_file(settings) / INDEX).is_file():
        return DiffusersPipeline(settings)
    raise BadInput(
        f"source {name!r} is no model: package.module:callable, a file with one of the suffixes "
        f"{', '.join(FILES)}, or a diffusers pipeline (a folder with {INDEX}, or hf:OWNER/NAME) "
        "is needed"
    )
