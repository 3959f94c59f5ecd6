"""Images side by side as one PNG file, with a caption inside it."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from harness.data.pixels import to_uint8

DRAWN_CHANNELS = (1, 3)
"""The numbers of channels that an image can have in a PNG file."""
CAPTION = "Description"
"""The field of a PNG file that has its caption (PNG specification, section 11.3.3.2)."""


def grid_png(images: Tensor, columns: int, caption: str = "") -> bytes:
    """Images N×C×S×S → the bytes of a PNG with white lines between them."""
    if images.is_floating_point():
        images = to_uint8(images)
    count, channels, size, _ = images.shape
    rows = -(-count // columns)
    sheet = images.new_full((rows * columns, channels, size + 1, size + 1), 255)
    sheet[:count, :, 1:, 1:] = images
    sheet = sheet.view(rows, columns, channels, size + 1, size + 1).permute(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (size + 1), columns * (size + 1), channels)
    return _png(F.pad(sheet, (0, 0, 0, 1, 0, 1), value=255), caption)


def image_png(image: Tensor) -> bytes:
    """An image C×S×S, uint8 → the bytes of a PNG."""
    return _png(image.permute(1, 2, 0))


def _png(pixels: Tensor, caption: str = "") -> bytes:
    """From H×W×C."""
    return png_bytes(Image.fromarray(pixels.squeeze(-1).numpy()), caption)


def png_bytes(image: Image.Image, caption: str = "") -> bytes:
    """The bytes of a PNG file that has its caption in it, if there is one."""
    info = PngInfo()
    if caption:
        info.add_itxt(CAPTION, caption)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, pnginfo=info)
    return buffer.getvalue()


def caption_of(png: bytes) -> str:
    """The caption in a PNG file; "" where it has none, and where it is no PNG file."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            return str(image.info.get(CAPTION, ""))
    except (UnidentifiedImageError, OSError, ValueError):
        return ""


def grid_tiles(png: bytes, size: int) -> Tensor:
    """The images of a grid, N×C×S×S, uint8, C = 1 or 3; those that fill its last row are white."""
    sheet = torch.from_numpy(np.array(Image.open(io.BytesIO(png))))
    sheet = sheet if sheet.ndim == 3 else sheet[..., None]
    rows, columns = ((side - 1) // (size + 1) for side in sheet.shape[:2])
    cells = sheet[:-1, :-1].reshape(rows, size + 1, columns, size + 1, -1)[:, 1:, :, 1:]
    return cells.permute(0, 2, 4, 1, 3).reshape(rows * columns, -1, size, size)


def stacked(sets: Sequence[Tensor], columns: int, caption: str = "") -> bytes:
    """Rows of the first set's images, each above those that belong to them; grey ones among
    coloured ones are shown in three equal channels.
    """
    channels = max(images.shape[1] for images in sets)
    rows = zip(*(torch.split(images, columns) for images in sets), strict=True)
    drawn = [part.expand(-1, channels, -1, -1) for row in rows for part in row]
    return grid_png(torch.cat(drawn), columns, caption)
