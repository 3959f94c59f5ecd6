"""`stacked:SET`: three random images of a grey set as the channels of one, with a class for each
triple: 1,000 modes of the ten digits.

Metz et al. 2017, arXiv:1611.02163, section 3.3.1; Lin et al. 2018, arXiv:1712.04086.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from harness.core.errors import BadInput
from harness.data.base import Split
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, Counts, counts
from harness.data.load import inner_source
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of which images are stacked."""

COUNTS = Counts(60_000, 10_000)
MOST_CLASSES = 10
CHANNELS = 3


def stack(split: Split, classes: int, count: int, part: str) -> Split:
    """Returns `count` stacks of three grey images of `split`, drawn by its content and `part`:
    uint8 N×3×S×S. The label of a stack of classes a, b, c is (a·classes + b)·classes + c.
    """
    random = random_state(f"stacked-{split.digest()}", VERSION, part)
    indices = torch.from_numpy(random.randint(0, len(split), (count, CHANNELS), dtype=np.int64))
    images = split.images[indices.flatten()].view(count, CHANNELS, *split.images.shape[2:])
    places = torch.tensor([classes**2, classes, 1])
    return Split(images, (split.labels[indices] * places).sum(dim=1))


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"stacked:{argument}"
    base = inner_source(argument, options, COUNT_OPTIONS)
    sizes = counts(name, options, COUNTS)
    _check_classes(name, base.card.classes)

    def classes(root: Path) -> tuple[str, ...]:
        names = base.classes(root) if base.classes else base.card.classes
        _check_classes(name, names)
        return _triples(names)

    def load(root: Path) -> tuple[Split, Split]:
        train, test = base.load(root)
        if train.images.shape[1] != 1 or train.images.dtype != torch.uint8:
            raise BadInput(f"{name}: only grey images can be stacked; {argument} has others")
        count = round(len(classes(root)) ** (1 / CHANNELS))
        return stack(train, count, sizes.train, "train"), stack(test, count, sizes.test, "test")

    extractor = base.card.extractor
    stacked = f"stacked:{extractor}" if extractor.startswith("classifier:") else ""
    card = replace(
        base.card,
        title=f"{base.card.title}, three stacked as RGB",
        citation=f"{base.card.citation}; stacked after Metz et al. 2017, arXiv:1611.02163",
        classes=_triples(base.card.classes),
        extractor=stacked or extractor,
        perceptual=stacked or base.card.perceptual,
        factors=(),
        corners=0,
    )
    return Source(card, load, classes if base.classes else None)


def _check_classes(name: str, classes: Sequence[str]) -> None:
    if len(classes) > MOST_CLASSES:
        raise BadInput(
            f"{name}: {len(classes)} classes give {len(classes) ** CHANNELS:,} kinds of stacks; "
            f"sets of at most {MOST_CLASSES} can be stacked"
        )


def _triples(classes: Sequence[str]) -> tuple[str, ...]:
    return tuple("-".join(triple) for triple in product(classes, repeat=CHANNELS))


STACKED = DatasetFactory(
    _make, COUNT_OPTIONS, "SET", "three images of a grey set as RGB", passes_on=True
)
