"""What every feature network does with its uint8 images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.spec.errors import BadInput


def check_rgb(name: str, channels: int, size: int, at_least: int = 1) -> None:
    """Raise BadInput unless images are grey or RGB and of `at_least` so many pixels a side."""
    if channels not in (1, 3):
        raise BadInput(f"{name} takes grey or RGB images, not {channels} channels")
    if size < at_least:
        raise BadInput(
            f"{name} takes images of at least {at_least}×{at_least} pixels, not {size}×{size}"
        )


def to_rgb(images: Tensor) -> Tensor:
    """Grey images N×1×H×W with their channel repeated; RGB images as they are."""
    return images.expand(-1, 3, -1, -1)


def in_batches(function: Callable[..., Tensor], size: int, device: str, *images: Tensor) -> Tensor:
    """`function` of each batch of `images` on `device`, float32 on the CPU, without gradients."""
    for x in images:
        if x.dtype != torch.uint8 or x.ndim != 4 or len(x) == 0:
            raise BadInput(f"images are {x.dtype} {tuple(x.shape)}; uint8 N×C×H×W are needed")
    batches = zip(*(torch.split(x, size) for x in images), strict=True)
    with torch.no_grad():
        return torch.cat(
            [function(*(x.to(device) for x in batch)).float().cpu() for batch in batches]
        )
