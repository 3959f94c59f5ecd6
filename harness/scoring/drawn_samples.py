"""Samples of a pretrained model, drawn once with the harness's seeds and kept by their content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.cache_folder import cache_folder
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.files import atomic_write
from harness.core.keys import digest
from harness.core.seeding import generator
from harness.data.images_on_disk import indices
from harness.data.pixels import to_uint8
from harness.evaluation.protocols import SAMPLING_BATCH
from harness.evaluation.samples import repeated_rows
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.model import Pretrained
from harness.training.code_version import code_version
from harness.training.generator_content import content_digests, keyed_settings
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class DrawPlan:
    """How many samples are drawn with which seed, and the condition of each: `labels` int64 n or
    `captions`. `shape` is the C×H×W that they need, None where any will do.
    """

    count: int
    seed: int = 0
    labels: Tensor | None = None
    captions: Sequence[str] | None = None
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class DrawnSamples:
    """The file of the samples, an `.npz` with `arr_0` uint8 n×H×W×C (and `labels`, where the model
    takes them), the file of their captions if there are any, and the samples in a few words.
    """

    path: Path
    captions: Path | None
    description: str


def labels_to_draw(labels: Tensor | None, classes: int, count: int, seed: int) -> Tensor:
    """The classes of `count` samples to draw, int64: as many of each of `classes`, or for 0 the
    reference's `labels` in random order and repeated, as in a suite.

    Raises BadInput where there are neither.
    """
    if labels is not None and not classes:
        return labels[repeated_rows(len(labels), count, seed, "labels")]
    if classes < 1:
        raise BadInput("the model takes class labels; give a reference with labels, or --classes N")
    return torch.arange(count) % classes


def draw_from_model(model: ImageGenerator, plan: DrawPlan, numerics: Numerics) -> DrawnSamples:
    """Draws the samples, or finds them where they were drawn before. A Python function is called
    each time, since it may read files that the key does not cover.

    Raises BadInput, and writes nothing, where the model fails or its images are not what they must
    be.
    """
    made_of = _made_of(model, plan, numerics)
    path = cache_folder() / "samples" / f"{digest(made_of)}.npz"
    if model.modules() or not path.is_file():
        images = draw_images(model, plan, numerics)
        labels = {} if plan.labels is None else {"labels": plan.labels.numpy()}
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"arr_0": images.movedim(1, -1).numpy(), **labels}
        atomic_write(path, partial(_save_arrays, arrays=arrays))
        atomic_write(path.with_suffix(".json"), json.dumps(made_of, indent=2))
    captions = None
    if plan.captions:
        captions = path.with_suffix(".jsonl")
        atomic_write(captions, _caption_lines(plan.captions))
    count = counted(plan.count, "sample")
    return DrawnSamples(path, captions, f"{count} of {model.name}, seed {plan.seed}")


def _made_of(model: ImageGenerator, plan: DrawPlan, numerics: Numerics) -> dict[str, object]:
    """All that the samples depend on, as plain values."""
    settings = model.settings.model_dump(mode="json")
    return {
        "model": content_digests(model),
        "settings": keyed_settings("pretrained", settings),
        "code": code_version(Pretrained),
        "samples": plan.count,
        "seed": plan.seed,
        "labels": None if plan.labels is None else digest(plan.labels.tolist()),
        "captions": None if plan.captions is None else digest(list(plan.captions)),
        "numerics": numerics.to_dict(),
    }


def draw_images(model: ImageGenerator, plan: DrawPlan, numerics: Numerics) -> Tensor:
    """Images uint8 n×C×H×W, batch by batch as a suite draws them: one stream for all. Raises
    BadInput where the model fails, or its images are not what they must be.
    """
    device = numerics.apply()
    draws = generator(plan.seed, "samples", device=device)
    return draw_batches(model, plan, device, SAMPLING_BATCH, lambda start: draws)


def draw_batches(
    model: ImageGenerator,
    plan: DrawPlan,
    device: torch.device,
    batch: int,
    stream: Callable[[int], torch.Generator],
) -> Tensor:
    """Loads the model and draws images uint8 n×C×H×W, `batch` at a time, from the generator that
    `stream` gives for the first row of each batch. Raises BadInput where the model fails, or makes
    images of another shape.
    """
    model.load(device)
    parts: list[Tensor] = []
    for start in range(0, plan.count, batch):
        rows = slice(start, min(start + batch, plan.count))
        labels = None if plan.labels is None else plan.labels[rows].to(device)
        captions = None if plan.captions is None else plan.captions[rows]
        made = model.draw(rows.stop - rows.start, stream(start), labels, captions)
        parts.append(to_uint8(made).cpu())
        shape = plan.shape or tuple(parts[0].shape[1:])
        if parts[-1].shape[1:] != shape:
            has, needs = ("×".join(map(str, each)) for each in (parts[-1].shape[1:], shape))
            others = "the reference's are" if plan.shape else "its first ones are"
            raise BadInput(f"{model.name}: samples are {has} and {others} {needs} (C×H×W)")
    return torch.cat(parts)


def _save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _caption_lines(captions: Sequence[str]) -> str:
    rows = zip(indices(len(captions)), captions, strict=True)
    return "".join(f"{json.dumps({'file': file, 'caption': text})}\n" for file, text in rows)
