"""What a model makes, as PNG files: grids of images."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.families.base import Reconstructs, Samples
from harness.metrics.memorisation import nearest_neighbours

SUSPECTS, NEIGHBOURS = 8, 5


def samples(e: Evidence) -> bytes:
    """The first samples, unselected."""
    return grid(e["samples"][:64], 8)


def reconstructions(e: Evidence) -> bytes:
    """The first test images, each above its reconstruction."""
    return pairs(e["originals"][:32], e["reconstructions"][:32], 8)


def neighbours(e: Evidence, among: Literal["train", "reference"] = "train") -> bytes:
    """The samples that are nearest to a training image, each beside its nearest ones, by features:
    if any sample is a copy, it is here. Or likewise `among` the reference images.
    """
    features, images = e[f"{among}_features"], e[f"{among}_images"]
    count = min(NEIGHBOURS, len(images))
    nearest = nearest_neighbours(e["sample_features"], features, count)
    suspects = nearest.distances[:, 0].argsort(stable=True)[:SUSPECTS]
    rows = [
        torch.cat([e["samples"][i : i + 1], images[nearest.indices[i]]]) for i in suspects.tolist()
    ]
    return grid(torch.cat(rows), 1 + count)


DRAWN: dict[str, Callable[[Evidence], bytes]] = {
    "samples": samples,
    "reconstructions": reconstructions,
    "neighbours": neighbours,
}


def wanted(model: object, has_train_features: bool) -> list[str]:
    """The pictures of a model, or of samples where `model` is None. Neighbours are looked for where
    the training images have passed through the extractor for a metric.
    """
    sampled = model is None or isinstance(model, Samples)
    asked = {
        "samples": sampled,
        "reconstructions": isinstance(model, Reconstructs),
        "neighbours": sampled and has_train_features,
    }
    return [name for name, is_asked in asked.items() if is_asked]


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
