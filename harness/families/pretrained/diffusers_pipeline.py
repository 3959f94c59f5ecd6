"""Pipelines of diffusers, from a folder or the Hugging Face hub."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.optional_packages import load_optional
from harness.families.pretrained.generator import ImageGenerator, failing
from harness.families.pretrained.pipeline_files import (
    HUB,
    check_code,
    check_safetensors,
    fetch_pipeline,
    file_digests_of,
    read_index,
)
from harness.families.pretrained.settings import Condition, PretrainedSettings
from harness.families.pretrained.source_paths import source_file
from harness.networks.hub import quiet

CONDITIONS: Mapping[str, Condition] = {"prompt": "captions", "class_labels": "labels"}
"""What a pipeline takes, by the name of its parameter."""


class DiffusersPipeline(ImageGenerator):
    """A pipeline that makes images from noise, from classes or from captions."""

    def __init__(self, settings: PretrainedSettings) -> None:
        super().__init__(settings.source, settings)
        self._package = load_optional("diffusers", "diffusers", self.name)
        is_on_hub = settings.source.startswith(HUB)
        self.folder = fetch_pipeline(settings) if is_on_hub else source_file(settings)
        index = read_index(self.folder, self.name)
        check_code(index, settings, self._package.pipelines)
        check_safetensors(self.folder, index, self.name)
        self._parameter = self._read_signature(index["_class_name"])

    @property
    def condition(self) -> Condition:
        """Captions where it takes a prompt, labels where it takes classes."""
        return CONDITIONS.get(self._parameter, "none")

    def content(self) -> Mapping[str, str]:
        """The digests of its files, and the versions of the packages that run it."""
        versions = {}
        for package in ("diffusers", "transformers"):
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                continue
        return {**file_digests_of(self.folder), **versions}

    def load(self, device: torch.device) -> None:
        """Reads the weights, as safetensors alone."""
        with failing(f"{self.name} cannot be loaded:"), quiet(self._package):
            pipeline = self._package.DiffusionPipeline.from_pretrained(
                str(self.folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=self.settings.trust_remote_code,
            )
            self._pipeline: Any = pipeline.to(device)
            self._pipeline.set_progress_bar_config(disable=True)

    def call(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None,
        captions: Sequence[str] | None,
    ) -> object:
        """What the pipeline makes, rounded to 8 bits as it does for files."""
        request: dict[str, Any] = {"batch_size": count}
        if labels is not None:
            request = {"class_labels": labels.tolist()}
        elif captions is not None:
            request = {"prompt": list(captions)}
        images = self._pipeline(
            **request, **self.settings.arguments, generator=generator, output_type="np"
        ).images
        if not (isinstance(images, np.ndarray) and images.ndim == 4):
            return images  # `draw` refuses it
        if not np.isfinite(images).all():
            return images.transpose(0, 3, 1, 2)
        return (images * 255).round().clip(0, 255).astype(np.uint8).transpose(0, 3, 1, 2)

    def _read_signature(self, class_name: object) -> str:
        """Returns the name of the parameter that asks for images: a condition, or their number.
        Raises BadInput where the pipeline has none, or needs other arguments too.
        """
        if not isinstance(class_name, str):  # code of the repository, which may run
            return "batch_size"
        kind = getattr(self._package, class_name, None)
        base = self._package.DiffusionPipeline
        if not (isinstance(kind, type) and issubclass(kind, base)):
            installed = version("diffusers")
            raise BadInput(f"{self.name}: diffusers {installed} has no pipeline {class_name!r}")
        parameters = inspect.signature(kind.__call__).parameters
        asks = next((name for name in (*CONDITIONS, "batch_size") if name in parameters), None)
        arguments = self.settings.arguments
        if unknown := [name for name in arguments if name not in parameters]:
            raise BadInput(f"{self.name}: {class_name} takes no argument {unknown[0]!r}")
        needed = [
            name
            for name, parameter in parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            and name not in ("self", asks, *arguments)
        ]
        if asks is None or needed:
            lack = f"needs {needed[0]!r} too" if needed else "takes no number of images"
            raise BadInput(
                f"{self.name}: {class_name} {lack}; pipelines from noise, from class_labels or "
                "from a prompt can be scored"
            )
        return asks
