"""Feature networks: images in, features, class logits or perceptual distances out."""

from harness.extractors.base import Extracted, Extractor, Perceptual, TextImage
from harness.extractors.loading import (
    EXTRACTORS,
    PERCEPTUALS,
    TEXT_IMAGES,
    extractor_source,
    list_extractors,
    load_extractor,
    load_perceptual,
    load_text_image,
    perceptual_source,
    preflight,
    text_image_source,
)
from harness.networks.weight_files import LocalWeights, MissingWeights

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
    "extractor_source",
    "list_extractors",
    "load_extractor",
    "load_perceptual",
    "load_text_image",
    "perceptual_source",
    "preflight",
    "text_image_source",
]
