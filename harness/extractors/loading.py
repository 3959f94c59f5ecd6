"""Feature networks by name."""

from __future__ import annotations

from typing import Any

from harness.core.errors import BadInput, suggest
from harness.core.registry import Registry, instance_fault
from harness.extractors.base import (
    CaptionScorer,
    Extractor,
    FactorReader,
    ObjectDetector,
    Perceptual,
    TextImage,
)
from harness.extractors.classifier import GREY
from harness.extractors.factor_readers import RENDERING
from harness.extractors.scene_reading import RENDERING as SCENES
from harness.extractors.source import ExtractorSource
from harness.networks.classifier_net import read_metadata
from harness.networks.classifier_weights import DIGESTS, weights_path
from harness.networks.tower_weights import DUAL_ENCODER, FACTOR_CLASSIFIER, FILES, tower_path
from harness.networks.weight_files import LocalWeights

_FAULT = instance_fault("a Source of harness.extractors.source", ExtractorSource)

EXTRACTORS = Registry(
    "extractor",
    "harness.extractors",
    {
        **{
            f"inception{resize}": "harness.extractors.inception:SOURCE"
            for resize in ("", ":pil-bicubic", ":antialiased")
        },
        "inception:spatial": "harness.extractors.inception:SPATIAL",
        "dinov2": "harness.extractors.dinov2:SOURCE",
        "clip": "harness.extractors.clip:EXTRACTOR",
        "random": "harness.extractors.random_network:SOURCE",
        "identity": "harness.extractors.identity:SOURCE",
        **{f"classifier:{n}": "harness.extractors.classifier:EXTRACTOR" for n in DIGESTS},
        **{f"stacked:classifier:{n}": "harness.extractors.stacked:EXTRACTOR" for n in GREY},
        FACTOR_CLASSIFIER: "harness.extractors.factor_readers:EXTRACTOR",
    },
    _FAULT,
)
PERCEPTUALS = Registry(
    "perceptual network",
    "harness.perceptuals",
    {
        **{
            f"lpips:{net}": "harness.extractors.lpips_networks:SOURCE"
            for net in ("alex", "vgg", "squeeze")
        },
        **{f"classifier:{n}": "harness.extractors.classifier:PERCEPTUAL" for n in DIGESTS},
        **{f"stacked:classifier:{n}": "harness.extractors.stacked:PERCEPTUAL" for n in GREY},
    },
    _FAULT,
)
TEXT_IMAGES = Registry(
    "text-image network",
    "harness.text_images",
    {
        "clip": "harness.extractors.clip:TEXT_IMAGE",
        DUAL_ENCODER: "harness.extractors.dual_encoder:TEXT_IMAGE",
    },
    _FAULT,
)
CAPTION_SCORERS = Registry(
    "caption scorer",
    "harness.caption_scorers",
    {
        "pick-score": "harness.extractors.clip_preference:PICK_SCORE",
        "hps-v2": "harness.extractors.clip_preference:HPS_V2",
        "image-reward": "harness.extractors.image_reward:SOURCE",
        "vqa": "harness.extractors.vqa:SOURCE",
    },
    _FAULT,
)
FACTOR_READERS = Registry(
    "reader of factors",
    "harness.factor_readers",
    {
        RENDERING: "harness.extractors.factor_readers:RENDERING_SOURCE",
        FACTOR_CLASSIFIER: "harness.extractors.factor_readers:CLASSIFIER_SOURCE",
    },
    _FAULT,
)


OBJECT_DETECTORS = Registry(
    "object detector",
    "harness.object_detectors",
    {
        "detector": "harness.extractors.object_detector:SOURCE",
        SCENES: "harness.extractors.scene_reading:SOURCE",
    },
    _FAULT,
)

_REGISTRIES = (
    EXTRACTORS, PERCEPTUALS, TEXT_IMAGES, CAPTION_SCORERS, FACTOR_READERS, OBJECT_DETECTORS
)  # fmt: skip

_ABOUT = {
    "inception": "Inception v3 of the original FID: features and logits of natural images",
    "inception:pil-bicubic": "the same network, images resized as clean-fid does",
    "inception:antialiased": "the same network, images resized as torchmetrics does",
    "inception:spatial": "the same network's maps that sFID compares",
    "lpips:alex": "LPIPS on AlexNet, its usual form: distances between images of 31 pixels or more",
    "lpips:vgg": "LPIPS on VGG-16: distances between images of 16 pixels or more",
    "lpips:squeeze": "LPIPS on SqueezeNet: distances between images of 17 pixels or more",
    "clip": "images and texts in one space; clip:NAME for another network of the Hugging Face hub",
    "pick-score": "PickScore: how much people would prefer an image for its caption; "
    "pick-score:NAME for another network of the Hugging Face hub",
    "hps-v2": "Human Preference Score v2: the same; hps-v2:v2.1 for its later weights",
    "image-reward": "ImageReward: the same, from BLIP; image-reward:NAME for another repository",
    "vqa": "InstructBLIP, asked whether an image shows its caption; vqa:NAME for another network "
    "of the Hugging Face hub (InstructBLIP, BLIP-2 or LLaVA)",
    "dinov2": "DINOv2 ViT-L/14: features; dinov2:NAME for another network of the Hugging Face hub",
    SCENES: "the figures of the nearest of all images of scenes, by all pixels",
    "detector": "YOLOS: objects in photographs, and their colours by CLIP; detector:NAME for "
    "another YOLOS of the Hugging Face hub",
    RENDERING: "the factors of the nearest of all images of shapes, by all pixels",
    "identity": "the numbers themselves as features, for points in the plane",
    FACTOR_CLASSIFIER: "features, logits and factors for shapes: all factors right of %(all)s of "
    "its test images",
    DUAL_ENCODER: "images and texts of shapes in one space: of 100 texts an image's own is the "
    "nearest for %(100)s of its test images",
    "random": "random:ARCH, an untrained network of torchvision: features, not comparable",
}

_OPEN = (
    "clip", "detector", "dinov2", "hps-v2", "image-reward", "pick-score", "random", "vqa"
)  # fmt: skip
"""Names after which a colon and more may follow: a repository of the hub, an architecture."""


def list_extractors() -> list[tuple[str, str]]:
    """The name of every feature network, and what it is."""
    names = {name for registry in _REGISTRIES for name in registry.names()}
    return [(name, _about(name)) for name in sorted(names)]


def _about(name: str) -> str:
    dataset = name.removeprefix("classifier:")
    if name.startswith("stacked:"):
        return f"{name.removeprefix('stacked:')} on each of three channels, a class for each triple"
    if dataset in DIGESTS:
        accuracy = read_metadata(weights_path(dataset))["test_accuracy"]
        return f"features, logits and distances for {dataset}: {accuracy:.1%} right on its test set"
    if name in FILES:
        accuracy = read_metadata(tower_path(name))["test_accuracy"]
        return _ABOUT[name] % {key: f"{share:.1%}" for key, share in accuracy.items()}
    return _ABOUT.get(name, "from an installed package")


def load_extractor(name: str, device: str = "cpu") -> Extractor:
    """The extractor `inception…`, `dinov2`, `clip`, `classifier:…`, `random:…` or `identity`.

    BadInput for an unknown name, and for weights that are not there and cannot be fetched
    (MissingWeights).
    """
    return extractor_source(name).load(name, device)


def load_perceptual(name: str, device: str = "cpu") -> Perceptual:
    """The perceptual network `lpips:alex`, `lpips:vgg`, `lpips:squeeze` or `classifier:…`.

    Errors as in `load_extractor`.
    """
    return perceptual_source(name).load(name, device)


def load_factor_reader(name: str, device: str = "cpu") -> FactorReader:
    """The reader of factors `rendering:shapes` or `classifier:shapes`.

    Errors as in `load_extractor`.
    """
    return factor_reader_source(name).load(name, device)


def load_text_image(name: str, device: str = "cpu") -> TextImage:
    """The text-image network `clip`, `clip:NAME` for a repository of the Hugging Face hub, or
    `dual-encoder:shapes`.

    Errors as in `load_extractor`.
    """
    return text_image_source(name).load(name, device)


def load_caption_scorer(name: str, device: str = "cpu") -> CaptionScorer:
    """The caption scorer `pick-score`, `hps-v2`, `image-reward` or `vqa`, or one of these with
    `:NAME` for another repository of the Hugging Face hub.

    Errors as in `load_extractor`.
    """
    return caption_scorer_source(name).load(name, device)


def load_object_detector(name: str, device: str = "cpu") -> ObjectDetector:
    """The object detector `rendering:scenes`, `detector`, or `detector:NAME` for a repository of
    the Hugging Face hub.

    Errors as in `load_extractor`.
    """
    return object_detector_source(name).load(name, device)


def default_detector(dataset: str) -> str:
    """The object detector that judges images like those of a dataset, which is named without its
    options.
    """
    return SCENES if dataset == "scenes" else "detector"


def extractor_source(name: str) -> ExtractorSource[Extractor]:
    """Where `load_extractor` has it from; BadInput for an unknown name."""
    source: ExtractorSource[Extractor] = EXTRACTORS.load(_entry(name))
    return source


def perceptual_source(name: str) -> ExtractorSource[Perceptual]:
    """Where `load_perceptual` has it from; BadInput for an unknown name."""
    source: ExtractorSource[Perceptual] = PERCEPTUALS.load(name)
    return source


def text_image_source(name: str) -> ExtractorSource[TextImage]:
    """Where `load_text_image` has it from; BadInput for an unknown name."""
    source: ExtractorSource[TextImage] = TEXT_IMAGES.load(_entry(name))
    return source


def caption_scorer_source(name: str) -> ExtractorSource[CaptionScorer]:
    """Where `load_caption_scorer` has it from; BadInput for an unknown name."""
    source: ExtractorSource[CaptionScorer] = CAPTION_SCORERS.load(_entry(name))
    return source


def object_detector_source(name: str) -> ExtractorSource[ObjectDetector]:
    """Where `load_object_detector` has it from; BadInput for an unknown name."""
    source: ExtractorSource[ObjectDetector] = OBJECT_DETECTORS.load(_entry(name))
    return source


def factor_reader_source(name: str) -> ExtractorSource[FactorReader]:
    """Where `load_factor_reader` has it from; BadInput for an unknown name."""
    source: ExtractorSource[FactorReader] = FACTOR_READERS.load(name)
    return source


def preflight(name: str) -> list[LocalWeights]:
    """Make sure that the weights behind any of these names are on this machine.

    They are fetched if they can be, and no network is loaded. `clip` means one network as an
    extractor and another for texts: both are made sure of. BadInput, in one line, names the file
    that is missing, where it comes from and where it goes.
    """
    weights_of_sources = [source.preflight(name) for source in _sources(name)]
    return list(dict.fromkeys(weights for weights in weights_of_sources if weights))


def _sources(name: str) -> list[ExtractorSource[Any]]:
    entry = _entry(name)
    if sources := [registry.load(entry) for registry in _REGISTRIES if entry in registry]:
        return sources
    names = {name for registry in _REGISTRIES for name in registry.names()}
    raise BadInput(f"unknown feature network {name!r}{suggest(name, names)}")


def _entry(name: str) -> str:
    """The registry's name for `name`: what follows `clip:` is the hub's to know."""
    start = name.partition(":")[0]
    return start if start in _OPEN else name
