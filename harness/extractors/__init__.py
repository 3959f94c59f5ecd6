"""Feature networks: images in, features, class logits or perceptual distances out."""

from harness.extractors.base import Extracted, Extractor, Perceptual, TextImage
from harness.extractors.loading import (
    EXTRACTORS,
    PERCEPTUALS,
    TEXT_IMAGES,
    list_extractors,
    load_extractor,
    load_perceptual,
    load_text_image,
    preflight,
)
from harness.extractors.weight_files import LocalWeights, MissingWeights

__all__ = [
    "EXTRACTORS",
    "PERCEPTUALS",
    "TEXT_IMAGES",
    "Extracted",
    "Extractor",
    "LocalWeights",
    "MissingWeights",
    "Perceptual",
    "TextImage",
    "list_extractors",
    "load_extractor",
    "load_perceptual",
    "load_text_image",
    "preflight",
]
