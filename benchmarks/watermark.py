"""How visible the watermark is, and how often it is found after the image was changed.

    python benchmarks/watermark.py shapes 'shapes[size=64]' cifar10 --data-root ~/data

A row for each dataset, as docs/safety.md has them: 200 test images, one key, an image counts as
marked where its p-value is at most 1e-4.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from harness.data import load_dataset
from harness.metrics import psnr
from harness.safety.watermark import embed_watermark, watermark_p_values

IMAGES = 200
LIMIT = 1e-4
KEY = "benchmark"

CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "JPEG 90": lambda x: jpeg(x, 90),
    "JPEG 75": lambda x: jpeg(x, 75),
    "JPEG 50": lambda x: jpeg(x, 50),
    "resize 3/4": lambda x: resize(x, 0.75),
    "resize 1/2": lambda x: resize(x, 0.5),
    "resize 2": lambda x: resize(x, 2),
    "crop 1/8": lambda x: crop(x, 1 / 16),
    "crop 1/4": lambda x: crop(x, 1 / 8),
}


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Images written as JPEG (Pillow's defaults, colours at half resolution) and read again."""
    decoded = []
    for image in images:
        file, pixels = io.BytesIO(), image.permute(1, 2, 0).numpy().squeeze()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        decoded.append(torch.from_numpy(np.array(Image.open(file))).reshape(*pixels.shape[:2], -1))
    return torch.stack(decoded).permute(0, 3, 1, 2)


def resize(images: Tensor, factor: float) -> Tensor:
    """Images resized with an antialiased bicubic filter."""
    size = [round(side * factor) for side in images.shape[2:]]
    resized = interpolate(images.float(), size=size, mode="bicubic", antialias=True)
    return resized.clamp(0, 255).round().byte()


def crop(images: Tensor, share: float) -> Tensor:
    """Images without this share of their side at each border."""
    cut = round(images.shape[2] * share)
    return images[:, :, cut:-cut, cut:-cut]


def row(name: str, root: Path | None) -> str:
    """The dataset's row of the table."""
    images = load_dataset(name, root).test.images[:IMAGES]
    size = images.shape[2], images.shape[3]
    marked = embed_watermark(images, KEY)
    shares = [
        (watermark_p_values(change(marked), KEY, size) <= LIMIT).mean()
        for change in CHANGES.values()
    ]
    visibility = float(psnr(marked, images).mean())
    cells = [f"`{name}`", f"{visibility:.1f}", *(f"{100 * share:.0f} %" for share in shares)]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--data-root", type=Path)
    arguments = parser.parse_args()
    heads = ["images", "PSNR in dB", *CHANGES]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in arguments.datasets:
        print(row(name, arguments.data_root), flush=True)


if __name__ == "__main__":
    main()
