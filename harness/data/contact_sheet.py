"""A contact sheet: what the images of a dataset look like, class by class."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from harness.data.base import Dataset, Split
from harness.data.pixels import to_uint8
from harness.data.scatter import is_plane, scatter

MOST_CLASSES = 25
"""Rows. Of more classes the first ones are shown, and the sheet says so."""

TILES = 16
"""Images side by side in each of the two halves, each with what belongs to it, at most."""

SMALLEST, LARGEST = 32, 128
"""Pixels of a tile's side: smaller images are enlarged without blur, larger ones made smaller."""

LONGEST = 40
"""Letters of a class's name."""

GAP, MARGIN, LINE = 3, 8, 16
"""Pixels between tiles, around all, and of a line of text."""

FONT_SIZE = 12


def contact_sheet(dataset: Dataset) -> bytes:
    """Return a PNG with a row for each class: some of its training images on the left, some of its
    test images on the right, evenly spaced in the order of the set.

    The source of an image is before it, the mask of its defects after it; the frames of a video are
    side by side. Points in the plane are drawn as such, test points over training points.
    """
    if is_plane(dataset.train.images):
        return scatter(dataset.test.images, dataset.train.images)
    names = dataset.card.classes
    rows = [(label, name) for label, name in enumerate(names[:MOST_CLASSES])]
    titles = {label: _title(dataset, label, name) for label, name in rows}
    if len(names) > MOST_CLASSES:
        titles[-1] = f"… and {len(names) - MOST_CLASSES:,} more classes"
    frames = dataset.card.frames
    halves = [
        {label: _strips(split, label, frames) for label, _ in rows}
        for split in (dataset.train, dataset.test)
    ]
    return _drawn(titles, halves)


def _title(dataset: Dataset, label: int, name: str) -> str:
    return name[:LONGEST] + " (unseen)" * (label in dataset.unseen)


def _strips(split: Split, label: int, frames: int) -> list[Image.Image]:
    """Images of a class, each with all that belongs to it."""
    width = frames + (split.sources is not None) + (split.masks is not None)
    places = (split.labels == label).nonzero()[:, 0]
    count = min(len(places), max(1, TILES // width))
    indices = (places[len(places) * place // count].item() for place in range(count))
    return [_strip(split, int(index), frames) for index in indices]


def _strip(split: Split, index: int, frames: int) -> Image.Image:
    tiles = [_tile(frame) for frame in split.images[index].chunk(frames)]
    if split.sources is not None:
        tiles.insert(0, _tile(split.sources[index]))
    if split.masks is not None:
        tiles.append(_tile(split.masks[index][None].to(torch.uint8) * 255))
    side = tiles[0].width
    strip = Image.new("RGB", (len(tiles) * side + len(tiles) - 1, side), "white")
    for place, tile in enumerate(tiles):
        strip.paste(tile, (place * (side + 1), 0))
    return strip


def _tile(image: Tensor) -> Image.Image:
    """C×S×S with C = 1 or 3, uint8 or float in [-1, 1], as it is shown."""
    pixels = to_uint8(image) if image.is_floating_point() else image
    rgb = pixels.expand(3, -1, -1).permute(1, 2, 0)
    tile = Image.fromarray(np.ascontiguousarray(rgb.numpy()))
    if tile.width > LARGEST:
        return tile.resize((LARGEST, LARGEST), Image.Resampling.BOX)
    times = -(-SMALLEST // tile.width)
    return tile.resize((tile.width * times, tile.height * times), Image.Resampling.NEAREST)


def _drawn(titles: dict[int, str], halves: list[dict[int, list[Image.Image]]]) -> bytes:
    font = ImageFont.load_default(FONT_SIZE)
    text_width = int(max(font.getlength(title) for title in titles.values()))
    step = max(LINE, *(strip.height + GAP for row in halves[1].values() for strip in row))
    widths = [max(sum(strip.width + GAP for strip in row) for row in h.values()) for h in halves]
    starts = [2 * MARGIN + text_width, 4 * MARGIN + text_width + widths[0]]
    height = 2 * MARGIN + LINE + len(titles) * step
    sheet = Image.new("RGB", (starts[1] + widths[1] + MARGIN, height), "white")
    draw = ImageDraw.Draw(sheet)
    for start, word in zip(starts, ("train", "test"), strict=True):
        draw.text((start, MARGIN), word, "black", font)
    for row, (label, title) in enumerate(titles.items()):
        top = MARGIN + LINE + row * step
        draw.text((MARGIN, top + step // 2), title, "black", font, anchor="lm")
        for start, half in zip(starts, halves, strict=True):
            left = start
            for strip in half.get(label, []):
                sheet.paste(strip, (left, top))
                left += strip.width + GAP
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
