"""Models that the caller holds in memory, as generators of images."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.registry import article
from harness.families.pretrained.diffusers_pipeline import DiffusersPipeline
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.latents import LatentGenerator, NetworkInputs
from harness.families.pretrained.python_callable import PythonCallable
from harness.families.pretrained.settings import PretrainedSettings
from harness.networks.hub import quiet
from harness.scoring.models import check_settings


class HeldModel(ImageGenerator):
    """A model in memory: it stays on its device, and its samples are not kept."""

    value: Any

    def content(self) -> Mapping[str, str]:
        """Nothing: what is in memory has no digest."""
        return {}

    def load(self, device: torch.device) -> None:
        """Loads nothing, since the model is in memory."""

    @property
    def device(self) -> torch.device | None:
        """The device of its networks; None where it does not say."""
        return _device(getattr(self.value, "__self__", self.value))


class HeldCallable(HeldModel, PythonCallable):
    """A function or a callable object: `f(n, generator)`, and `labels` or `captions`."""

    def __init__(self, value: Callable[..., Any], settings: PretrainedSettings) -> None:
        ImageGenerator.__init__(self, settings.source, settings)
        self.value = self.function = value
        self._condition = self._read_signature()

    def call(self, *arguments: Any) -> object:
        """Calls the function; where it is a method of a module, in evaluation mode."""
        with drawing_from(getattr(self.value, "__self__", self.value)):
            return PythonCallable.call(self, *arguments)


class HeldModule(HeldModel, LatentGenerator):
    """A network in memory, from latents n×… and perhaps labels n to images."""

    def __init__(self, value: nn.Module, settings: PretrainedSettings) -> None:
        self.value = value
        LatentGenerator.__init__(self, settings, Path())

    def read_inputs(self) -> NetworkInputs:
        """Whether `forward` needs a second argument: the labels."""
        needed = [
            parameter
            for parameter in inspect.signature(self.value.forward).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        if len(needed) not in (1, 2):
            listed = ", ".join(parameter.name for parameter in needed) or "nothing"
            raise BadInput(
                f"{self.name}: forward takes {listed}; latents and labels are needed, or a method "
                "sample(n, generator)"
            )
        return NetworkInputs(has_labels=len(needed) == 2)

    def run(self, latents: Tensor, labels: Tensor | None) -> object:
        """What `forward` returns, in evaluation mode."""
        with drawing_from(self.value):
            return self.value(latents) if labels is None else self.value(latents, labels)


class HeldPipeline(HeldModel, DiffusersPipeline):
    """A diffusers pipeline in memory."""

    def __init__(self, value: Any, settings: PretrainedSettings) -> None:
        ImageGenerator.__init__(self, settings.source, settings)
        self.value = self._pipeline = value
        kind, diffusers = type(value), sys.modules["diffusers"]
        kinds = {"DiffusionPipeline": diffusers.DiffusionPipeline, kind.__name__: kind}
        self._package = SimpleNamespace(**kinds)
        self._parameter = self._read_signature(kind.__name__)

    def call(self, *arguments: Any) -> object:
        """What the pipeline makes, without its progress bar."""
        shown = dict(getattr(self.value, "_progress_bar_config", {}))
        self.value.set_progress_bar_config(**{**shown, "disable": True})
        try:
            with quiet(sys.modules["diffusers"]):
                return DiffusersPipeline.call(self, *arguments)
        finally:
            self.value.set_progress_bar_config(**shown)


def hold_model(value: object, settings: Mapping[str, Any]) -> HeldModel | None:
    """A model in memory as a generator; None where the value is no model. Of a module the method
    `sample(n, generator)` is called, or else `forward` with latents. Raises BadInput for settings
    or signatures that do not fit.
    """
    name = str(getattr(value, "__name__", "") or type(value).__name__)
    checked = check_settings(name, {"source": name, **settings})
    if _is_pipeline(value):
        return HeldPipeline(value, checked)
    sample = getattr(value, "sample", None)
    if isinstance(value, nn.Module) and not callable(sample):
        return HeldModule(value, checked)
    function = value if sample is None or inspect.isroutine(value) else sample
    if isinstance(function, type):
        raise BadInput(f"{article(value)} makes no images; give an object of it, or a function")
    return HeldCallable(function, checked) if callable(function) else None


@contextmanager
def drawing_from(owner: object) -> Iterator[None]:
    """A module in evaluation mode, and without gradients; afterwards each part is in the mode that
    it was in. Tensors that it keeps may be trained with later.
    """
    modules = list(owner.modules()) if isinstance(owner, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        with torch.inference_mode(mode=False), torch.no_grad():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _is_pipeline(value: object) -> bool:
    """Whether a value is a pipeline of diffusers, which is not imported to find out."""
    diffusers = sys.modules.get("diffusers")
    return diffusers is not None and isinstance(value, diffusers.DiffusionPipeline)


def _device(owner: object) -> torch.device | None:
    if isinstance(owner, nn.Module):
        tensor = next(chain(owner.parameters(), owner.buffers()), None)
        return None if tensor is None else tensor.device
    device = getattr(owner, "device", None)
    return device if isinstance(device, torch.device) else None
