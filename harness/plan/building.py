"""Models before training, built for the images of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.data.base import Dataset
from harness.data.tokenizer import Tokenizer
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Remembers
from harness.training.init import initialise


def is_user_family(family: type[Family]) -> bool:
    """Whether a family is not one of the harness's own."""
    return family.__module__.partition(".")[0] != "harness"


def shape_of(dataset: Dataset) -> ImageShape:
    """The shape of a dataset's images and conditions, for which a model is built."""
    # Of two domains a test image's source is its counterpart, and training has none.
    sources = None if dataset.unpaired else dataset.test.sources
    texts, test_texts = dataset.train.texts, dataset.test.texts or ()
    tokenizer = None if texts is None else Tokenizer.of(texts)
    return ImageShape(
        dataset.channels,
        dataset.size,
        len(dataset.card.classes),
        source_channels=0 if sources is None else sources.shape[1],
        masked=dataset.test.known is not None,
        texts=texts is not None,
        unpaired=dataset.unpaired,
        pixels=dataset.has_pixels,
        frames=dataset.frames,
        tokenizer=tokenizer,
        strange_words=() if tokenizer is None else tokenizer.strange_words(test_texts),
    )


def build_model(family: str, settings: Mapping[str, Any], dataset: Dataset, seed: int) -> Family:
    """The model before training: its weights depend on the seed alone. One that remembers training
    images has the dataset's.
    """
    model = initialise(lambda: build_family(family, settings, shape_of(dataset)), seed)
    if isinstance(model, Remembers):
        model.remember(replace(dataset.train, images=dataset.train_images), seed)
    return model
