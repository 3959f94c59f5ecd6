"""Images laid out in a grid, as PNG."""

from __future__ import annotations

import io

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def grid(images: Tensor, columns: int) -> bytes:
    """uint8 N×C×S×S → the bytes of a PNG with white lines between images."""
    count, channels, size, _ = images.shape
    rows = -(-count // columns)
    sheet = images.new_full((rows * columns, channels, size + 1, size + 1), 255)
    sheet[:count, :, 1:, 1:] = images
    sheet = sheet.view(rows, columns, channels, size + 1, size + 1).permute(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (size + 1), columns * (size + 1), channels)
    framed = F.pad(sheet, (0, 0, 0, 1, 0, 1), value=255)
    buffer = io.BytesIO()
    Image.fromarray(framed.squeeze(-1).numpy()).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def pairs(originals: Tensor, reconstructions: Tensor, columns: int) -> bytes:
    """Rows of originals, each above its reconstructions."""
    rows = zip(torch.split(originals, columns), torch.split(reconstructions, columns), strict=True)
    return grid(torch.cat([image for row in rows for image in row]), columns)
