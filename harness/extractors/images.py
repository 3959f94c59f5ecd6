"""What every feature network does with its uint8 images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from harness.core.errors import BadInput

Net = TypeVar("Net", bound=nn.Module)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def check_rgb(name: str, channels: int, size: int, at_least: int = 1) -> None:
    """Raise BadInput unless images are grey or RGB and have `at_least` pixels a side."""
    if channels not in (1, 3):
        raise BadInput(f"{name} takes grey or RGB images, not {channels} channels")
    if size < at_least:
        raise BadInput(
            f"{name} takes images of at least {at_least}×{at_least} pixels, not {size}×{size}"
        )


def to_rgb(images: Tensor) -> Tensor:
    """Grey images N×1×H×W with their channel repeated; RGB as they are; BadInput for others."""
    if images.shape[1] not in (1, 3):
        raise BadInput(f"images must be grey or RGB, not of {images.shape[1]} channels")
    return images.expand(-1, 3, -1, -1)


def resize_bicubic(images: Tensor, size: int) -> Tensor:
    """uint8 images N×3×H×W at size×size, on the CPU, with Pillow's antialiased bicubic filter.

    Pillow rather than torch: on a GPU torch resizes uint8 in float32, without the rounding and the
    clipping after the first axis, which moves pixels beside strong edges by up to 10 %. Features
    are to be the same on every device, and those of papers whose loaders use Pillow.
    """
    resized = [
        np.array(Image.fromarray(x).resize((size, size), Image.Resampling.BICUBIC))
        for x in images.permute(0, 2, 3, 1).cpu().numpy()
    ]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)


def resize_bicubic_unrounded(images: Tensor, size: int) -> Tensor:
    """Like `resize_bicubic`, channel by channel in float32 and cut to 0 to 255, not rounded."""
    resized = [
        np.asarray(Image.fromarray(channel).resize((size, size), Image.Resampling.BICUBIC))
        for channel in images.flatten(0, 1).float().cpu().numpy()
    ]
    return torch.from_numpy(np.stack(resized)).clamp(0, 255).view(*images.shape[:2], size, size)


def imagenet_normalised(images: Tensor) -> Tensor:
    """uint8 images N×3×H×W in [0, 1], less ImageNet's mean, over its standard deviation."""
    mean, std = (
        torch.tensor(values, device=images.device).view(3, 1, 1)
        for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return (images / 255 - mean) / std


def on_device(network: Net, device: str) -> Net:
    """`network` on `device`, for inference. On a CPU its weights lie channels-last, with which
    convolutions take 0.6 to 0.9 of the time and differ by rounding.
    """
    network = network.requires_grad_(False).eval().to(device)
    return network.to(memory_format=torch.channels_last) if device == "cpu" else network


def in_batches(
    function: Callable[..., Tensor],
    size: int,
    device: str,
    *images: Tensor,
    pixels: int = 2**22,
    unrounded: bool = False,
) -> Tensor:
    """`function` of each batch of `images` on `device`, float32 on the CPU, without gradients.

    A batch holds at most `size` images and, so that memory does not grow with theirs, at most
    `pixels` pixels (but one image at least). Raises BadInput unless images are uint8 N×C×H×W, or,
    where they may be `unrounded`, float32 on the same scale.
    """
    dtypes = (torch.uint8, torch.float32) if unrounded else (torch.uint8,)
    for x in images:
        if x.dtype not in dtypes or x.ndim != 4 or 0 in x.shape:
            raise BadInput(f"images are {x.dtype} {tuple(x.shape)}; uint8 N×C×H×W are needed")
    size = max(1, min(size, pixels // images[0][0, 0].numel()))
    batches = zip(*(torch.split(x, size) for x in images), strict=True)
    with torch.no_grad():
        return torch.cat(
            [function(*(x.to(device) for x in batch)).float().cpu() for batch in batches]
        )
