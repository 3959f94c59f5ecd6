"""How much paired images differ: a value for each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from harness.core.errors import BadInput
from harness.evaluation.specs import Role
from harness.extractors import (
    Extractor,
    Perceptual,
    TextImage,
    load_extractor,
    load_perceptual,
    load_text_image,
)
from harness.extractors.base import Extracted, Network
from harness.metrics import checks, clip_score, psnr
from harness.metrics.reconstruction import psnr_ceiling
from harness.plan.setup import SOURCES, check_demands
from harness.scoring.selection import NATURAL

BLOCKS = 8
"""The rows and columns of blocks that `PixelBlocks` averages over."""

LOADERS: Mapping[Role, Callable[[str, str], Any]] = {
    "extractor": load_extractor,
    "perceptual": load_perceptual,
    "text": load_text_image,
}


@dataclass(frozen=True)
class PairMeasure:
    """A measure of pairs of images, and which of its values are worse."""

    name: str
    title: str
    unit: str = ""
    worse: Literal["higher", "lower"] = "higher"
    digits: int = 3


MEASURES: Mapping[str, PairMeasure] = {
    measure.name: measure
    for measure in (
        PairMeasure("rms", "difference of pixels", "grey levels"),
        PairMeasure("psnr", "PSNR", "dB", "lower", 2),
        PairMeasure("lpips", "perceptual distance", digits=4),
        PairMeasure("features", "distance of features"),
        PairMeasure("clip_score", "fall of the CLIP score", digits=2),
    )
}
"""What pairs are compared by, in the order of tables. `rms` is the root mean square difference of
bytes, and `clip_score` how much lower the CLIP score of an image is than its reference's."""


class PixelBlocks(Extractor):
    """The means of 8×8 blocks of pixels in each channel, in grey levels: features where no weights
    are at hand.
    """

    name = "pixels:8x8"
    digest = "0"
    preprocessing = "none"

    def check(self, channels: int, size: int) -> None:
        """Accepts images of any shape."""

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×(64 C) of uint8 images N×C×H×W, no logits."""
        return Extracted(adaptive_avg_pool2d(images.float(), BLOCKS).flatten(1))


@dataclass(frozen=True)
class PairNetworks:
    """The networks that images are compared by; `notes` say why one is left out."""

    extractor: Extractor
    perceptual: Perceptual | None = None
    text: TextImage | None = None
    notes: tuple[str, ...] = ()


def preflight_named(names: Mapping[Role, str | None]) -> None:
    """Make sure that the weights of the networks that are named are on this machine. Raises
    BadInput for an unknown name, and for weights that cannot be had.
    """
    for role, name in names.items():
        if name:
            SOURCES[role](name).preflight(name)


def load_networks(
    names: Mapping[Role, str | None],
    shape: tuple[int, int, int],
    has_captions: bool,
    device: str = "cpu",
) -> PairNetworks:
    """The networks for images C×H×W: the networks `names` by role, else the defaults whose weights
    are on this machine. Raises BadInput where one that is named cannot be had, or does not take
    such images.
    """
    if names.get("text") and not has_captions:
        raise BadInput("--text: the models take no captions")
    roles: tuple[Role, ...] = ("extractor", "perceptual", *(("text",) if has_captions else ()))
    networks: dict[Role, Any] = {}
    notes = []
    for role in roles:
        try:
            networks[role] = _load(role, names.get(role) or NATURAL[role], shape, device)
        except BadInput as error:
            if names.get(role):
                raise
            instead = f"{PixelBlocks.name} in place of" if role == "extractor" else "without"
            notes.append(f"{instead} {NATURAL[role]}: {error}")
    extractor = networks.get("extractor") or PixelBlocks()
    return PairNetworks(extractor, networks.get("perceptual"), networks.get("text"), tuple(notes))


def _load(role: Role, name: str, shape: tuple[int, int, int], device: str) -> Network:
    check_demands(role, name, shape)
    network: Network = LOADERS[role](name, device)
    network.check_shape(*shape)
    return network


def pixel_differences(a: Tensor, b: Tensor) -> Tensor:
    """The root mean square difference of bytes, in grey levels, of each pair of images uint8
    N×C×H×W: N float64. Raises BadInput where their shapes differ.
    """
    checks.image_pairs(a, b)
    difference = (a.short() - b.short()).double().flatten(1)
    return difference.square().mean(dim=1).sqrt()


def compare_pairs(
    images: Tensor, others: Tensor, features: tuple[Tensor, Tensor], networks: PairNetworks
) -> dict[str, Tensor]:
    """The measures of each pair of images uint8 N×C×H×W, whose pooled features are N×d: N float64
    each. Equal images get the PSNR of the smallest possible difference.
    """
    ceiling = psnr_ceiling(images[0].numel())
    values = {
        "rms": pixel_differences(images, others),
        "psnr": psnr(images, others).clamp(max=ceiling),
    }
    if networks.perceptual:
        values["lpips"] = networks.perceptual.distance(images, others).double()
    a, b = (each.double() for each in features)
    return {**values, "features": torch.linalg.vector_norm(a - b, dim=1)}


def clip_scores(images: Tensor, captions: Sequence[str], text: TextImage) -> Tensor:
    """The CLIP score of each image uint8 N×C×H×W with its caption: N float64."""
    cosines = (text.embed_images(images) * text.embed_texts(captions)).sum(dim=1)
    scores: Tensor = clip_score(cosines.clamp(-1, 1))
    return scores


def are_blank(images: Tensor) -> Tensor:
    """Whether each image N×C×H×W is of one colour all over: N bool."""
    return (images == images[:, :, :1, :1]).flatten(1).all(dim=1)
