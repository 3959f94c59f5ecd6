"""Safety filters: functions that see every sample before it is shown or measured."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.user_code import import_object

SafetyFilter = Callable[[Tensor], tuple[Tensor, Tensor]]
"""uint8 images N×C×H×W → the images to show in their place, of the same shape and type, and which
are dropped, bool N."""


def filter_label(target: str) -> str:
    """What protocols call the filter `module:function`: with the first digits of the SHA-256 of its
    module's file. Raises BadInput where it cannot be imported or called.
    """
    if not callable(import_object("safety filter", target)):
        raise BadInput(f"safety filter {target!r} is no function of images")
    module = sys.modules[target.partition(":")[0]]
    if module.__file__ is None:
        raise BadInput(f"safety filter {target!r} is not in a file")
    return f"{target}@{file_sha256(Path(module.__file__))[:8]}"


def load_filter(label: str) -> SafetyFilter:
    """The filter that `filter_label` named, whose outputs are checked: BadInput where they are not
    as `SafetyFilter` says.
    """
    target = label.rpartition("@")[0]
    function = import_object("safety filter", target)

    def checked_filter(images: Tensor) -> tuple[Tensor, Tensor]:
        outputs = function(images.clone())
        if not isinstance(outputs, tuple) or len(outputs) != 2:
            raise BadInput(f"safety filter {target}: images and which are dropped are needed")
        shown, dropped = outputs
        if not _is_like(shown, images.shape, images.dtype):
            raise BadInput(
                f"safety filter {target}: {images.dtype} images {tuple(images.shape)} are needed"
            )
        if not _is_like(dropped, images.shape[:1], torch.bool):
            raise BadInput(f"safety filter {target}: which are dropped must be bool {len(images)}")
        return shown, dropped

    return checked_filter


def _is_like(output: object, shape: torch.Size, dtype: torch.dtype) -> bool:
    return isinstance(output, Tensor) and output.shape == shape and output.dtype == dtype
