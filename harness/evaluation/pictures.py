"""Images laid out in a grid, as PNG."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid


def grid(images: Tensor, columns: int) -> bytes:
    """uint8 N×C×S×S → the bytes of a PNG, one white pixel between images."""
    sheet = make_grid(images, nrow=columns, padding=1, pad_value=255)
    buffer = io.BytesIO()
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def pairs(originals: Tensor, reconstructions: Tensor, columns: int) -> bytes:
    """Rows of originals, each above its reconstructions."""
    rows = zip(originals.split(columns), reconstructions.split(columns), strict=True)
    return grid(torch.cat([image for row in rows for image in row]), columns)
