"""What a model makes, as PNG files: grids of images, or points in the plane."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from harness.core.keys import digest
from harness.data.frames import unfold
from harness.data.pixels import to_uint8
from harness.data.scatter import is_plane, scatter
from harness.evaluation.evidence import Evidence
from harness.families.capabilities import Reconstructs, Restores, Samples, Translates
from harness.metrics.base import Metric
from harness.metrics.memorisation import nearest_neighbours

SUSPECTS, NEIGHBOURS = 8, 5


def draw_samples(e: Evidence) -> bytes:
    """Draws the first samples, unselected; points lie over the test set's."""
    if is_plane(e["samples"]):
        return scatter(e["samples"], e["reference_images"])
    columns = _columns(e)
    return grid_png(unfold(e["samples"], e.setup.frames)[: 8 * columns], columns)


def draw_reconstructions(e: Evidence) -> bytes:
    """The first test images, each above its reconstruction, or its source between the two; of
    points the reconstructions lie over all originals.
    """
    if is_plane(e["originals"]):
        return scatter(e["reconstructions"], e["originals"])
    columns = _columns(e)
    shown = 4 * columns
    e = e.first(shown)
    sources = e["test_sources"]
    if sources is not None:
        sources = unfold(sources, e.setup.frames)
    rows = [e["originals"], sources, e["reconstructions"]]
    return stacked([images[:shown] for images in rows if images is not None], columns)


def draw_translations(e: Evidence) -> bytes:
    """The first test images of each domain, each above its translation, and below these its
    counterpart in the other domain where that is known.
    """
    columns, rows = _columns(e), 2
    counterparts = e["test_sources"]
    sets = [e["reference_images"], e["translations"]]
    if counterparts is not None:
        sets.append(counterparts)
    count = rows * columns // e.setup.frames
    both = [
        torch.cat([images[e["reference_labels"] == domain][:count] for domain in (0, 1)])
        for images in sets
    ]
    return stacked([unfold(images, e.setup.frames) for images in both], columns)


def draw_neighbours(e: Evidence, among: Literal["train", "reference"] = "train") -> bytes:
    """The samples that are nearest to a training image, each beside its nearest ones, by features:
    if any sample is a copy, it is here. Or likewise `among` the reference images.
    """
    features, images = e[f"{among}_features"], e[f"{among}_images"]
    count = min(NEIGHBOURS, len(images))
    nearest = nearest_neighbours(e["sample_features"], features, count)
    suspects = nearest.distances[:, 0].argsort(stable=True)[:SUSPECTS]
    samples, images = (unfold(x, e.setup.frames) for x in (e["samples"], images))
    rows = [torch.cat([samples[i : i + 1], images[nearest.indices[i]]]) for i in suspects.tolist()]
    return grid_png(torch.cat(rows), 1 + count)


def _columns(e: Evidence) -> int:
    """Images in a row; of videos the frames of one."""
    return e.setup.frames if e.setup.frames > 1 else 8


DRAWN: dict[str, Callable[[Evidence], bytes]] = {
    "samples": draw_samples,
    "reconstructions": draw_reconstructions,
    "translations": draw_translations,
    "neighbours": draw_neighbours,
}


def picture_name(name: str, sampling: Mapping[str, Any]) -> str:
    """Returns the name of a picture in its run, by the sampling settings: models that differ in
    these alone share a run, and each has pictures of its own.
    """
    return f"{name}-{digest(sampling)[:8]}" if sampling and name != "reconstructions" else name


def chosen_pictures(e: Evidence, model: object, metrics: Sequence[Metric]) -> list[str]:
    """The pictures to be drawn of this evidence, beside these metrics (see `pictures_for`)."""
    has_train_features = any(
        "train_features" in metric.needs and not metric.variant for metric in metrics
    )
    has_sources = e["test_sources"] is not None
    return pictures_for(
        model, has_train_features, has_sources, is_plane(e["train_images"]), e["unpaired"]
    )


def pictures_for(
    model: object,
    has_train_features: bool,
    has_sources: bool = False,
    of_points: bool = False,
    unpaired: bool = False,
) -> list[str]:
    """The pictures of a model, or of samples where `model` is None. Neighbours are looked for where
    the training images have passed through the extractor for a metric; points have none to show.
    Where test images have sources, these are what is reconstructed from; but in `unpaired` domains
    they are counterparts, and stand below translations.
    """
    sampled = model is None or isinstance(model, Samples)
    is_drawn = {
        "samples": sampled,
        "reconstructions": isinstance(model, Restores if has_sources else Reconstructs)
        and not (unpaired and has_sources),
        "translations": unpaired and isinstance(model, Translates),
        "neighbours": sampled and has_train_features and not of_points,
    }
    return [name for name, drawn in is_drawn.items() if drawn]


def grid_png(images: Tensor, columns: int) -> bytes:
    """Images N×C×S×S → the bytes of a PNG with white lines between them."""
    if images.is_floating_point():
        images = to_uint8(images)
    count, channels, size, _ = images.shape
    rows = -(-count // columns)
    sheet = images.new_full((rows * columns, channels, size + 1, size + 1), 255)
    sheet[:count, :, 1:, 1:] = images
    sheet = sheet.view(rows, columns, channels, size + 1, size + 1).permute(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (size + 1), columns * (size + 1), channels)
    return _png(F.pad(sheet, (0, 0, 0, 1, 0, 1), value=255))


def image_png(image: Tensor) -> bytes:
    """An image C×S×S, uint8 → the bytes of a PNG."""
    return _png(image.permute(1, 2, 0))


def _png(pixels: Tensor) -> bytes:
    """From H×W×C."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1).numpy()).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def grid_tiles(png: bytes, size: int) -> Tensor:
    """The images of a grid, N×C×S×S, uint8, C = 1 or 3; those that fill its last row are white."""
    sheet = torch.from_numpy(np.array(Image.open(io.BytesIO(png))))
    sheet = sheet if sheet.ndim == 3 else sheet[..., None]
    rows, columns = ((side - 1) // (size + 1) for side in sheet.shape[:2])
    cells = sheet[:-1, :-1].reshape(rows, size + 1, columns, size + 1, -1)[:, 1:, :, 1:]
    return cells.permute(0, 2, 4, 1, 3).reshape(rows * columns, -1, size, size)


def stacked(sets: Sequence[Tensor], columns: int) -> bytes:
    """Rows of the first set's images, each above those that belong to them; grey ones among
    coloured ones are shown in three equal channels.
    """
    channels = max(images.shape[1] for images in sets)
    rows = zip(*(torch.split(images, columns) for images in sets), strict=True)
    drawn = [part.expand(-1, channels, -1, -1) for row in rows for part in row]
    return grid_png(torch.cat(drawn), columns)
