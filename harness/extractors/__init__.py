"""Feature networks: images in, features, class logits or perceptual distances out."""

from harness.extractors.base import Extracted, Extractor, FactorReader, Perceptual, TextImage
from harness.extractors.loading import (
    EXTRACTORS,
    FACTOR_READERS,
    PERCEPTUALS,
    TEXT_IMAGES,
    extractor_source,
    factor_reader_source,
    list_extractors,
    load_extractor,
    load_factor_reader,
    load_perceptual,
    load_text_image,
    perceptual_source,
    preflight,
    text_image_source,
)
from harness.networks.weight_files import LocalWeights, MissingWeights

__all__ = [
    "EXTRACTORS",
    "FACTOR_READERS",
    "PERCEPTUALS",
    "TEXT_IMAGES",
    "Extracted",
    "Extractor",
    "FactorReader",
    "LocalWeights",
    "MissingWeights",
    "Perceptual",
    "TextImage",
    "extractor_source",
    "factor_reader_source",
    "list_extractors",
    "load_extractor",
    "load_factor_reader",
    "load_perceptual",
    "load_text_image",
    "perceptual_source",
    "preflight",
    "text_image_source",
]
