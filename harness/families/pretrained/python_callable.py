"""A function of the user's that returns images: `package.module:callable`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.core.error_location import defined
from harness.core.errors import BadInput
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.settings import Condition, PretrainedSettings
from harness.families.pretrained.user_function import (
    function_content,
    function_modules,
    load_function,
)


class PythonCallable(ImageGenerator):
    """`f(n, generator)`, with `labels` or `captions` as a third parameter where it takes them."""

    def __init__(self, settings: PretrainedSettings) -> None:
        super().__init__(settings.source, settings)
        self.function: Any = load_function("generator", settings.source, "n and a torch.Generator")
        self._condition = self._read_signature()

    @property
    def condition(self) -> Condition:
        """What its signature names: labels, captions or neither."""
        return self._condition

    def content(self) -> Mapping[str, str]:
        """The digests of the files that the settings name."""
        return function_content(self.settings.source, self.settings.files)

    def modules(self) -> Sequence[str]:
        """The module that was named, and the one that defines the function."""
        return function_modules(self.settings.source, self.function)

    def load(self, device: torch.device) -> None:
        """Loads nothing: the function does, where it needs to."""

    def call(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None,
        captions: Sequence[str] | None,
    ) -> object:
        """Calls the function."""
        conditions = {"labels": labels, "captions": captions}
        condition = {name: value for name, value in conditions.items() if value is not None}
        return self.function(count, generator, **condition, **self.settings.arguments)

    def _read_signature(self) -> Condition:
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # of compiled code
            return "none"
        condition: Condition = self.settings.condition or (
            "labels"
            if "labels" in signature.parameters
            else "captions"
            if "captions" in signature.parameters
            else "none"
        )
        further: dict[str, object] = {} if condition == "none" else {condition: ()}
        try:
            signature.bind(1, None, **further, **self.settings.arguments)
        except TypeError as error:
            place = defined(self.function)
            raise BadInput(
                f"{self.name} cannot be called as {self._call_text(further)}: {error}"
                + (f" ({place})" if place else "")
            ) from error
        return condition

    def _call_text(self, further: Mapping[str, object]) -> str:
        arguments = (f"{name}=…" for name in (*further, *self.settings.arguments))
        return f"f({', '.join(('n', 'generator', *arguments))})"
