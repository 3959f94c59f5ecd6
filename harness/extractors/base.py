"""The interfaces of feature networks. Every input is uint8 images, N×C×H×W, unless one says more.

Layers are typed: pooled features and logits come in different fields, so that one cannot be
passed for the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import torch

from harness.core.errors import BadInput


@dataclass(frozen=True)
class Extracted:
    """What one pass of a feature network gives: `pooled` N×d, `logits` N×classes, both float32 on
    the CPU; `logits` is None for a network without a classification head.
    """

    pooled: torch.Tensor
    logits: torch.Tensor | None = None


class Network(ABC):
    """A network: `name` as in a suite, `digest` of its weights (8 hex digits).

    `preprocessing` names what happens to images before the first layer; "rgb" in it says that grey
    images are repeated to three channels. `comparable` is False where numbers mean something only
    beside others of the same digest. `takes_numbers` says that images may be float32 numbers too.
    """

    name: str
    digest: str
    preprocessing: str
    comparable: bool = True
    takes_numbers: bool = False

    @property
    def label(self) -> str:
        """For protocol labels: `inception-tf2015@6726825d`."""
        return f"{self.name}@{self.digest}"

    @property
    def caveat(self) -> str | None:
        """What must stand beside each number of a network that is not comparable."""
        if self.comparable:
            return None
        return f"{self.label} is not comparable with published numbers or with another digest"

    @abstractmethod
    def check(self, channels: int, size: int) -> None:
        """Raise BadInput where images of this kind cannot be taken, before any work is done."""

    def check_shape(self, channels: int, height: int, width: int) -> None:
        """As `check`, of images that need not be square: both sides have to be taken."""
        each_side(self.check, channels, height, width)


def each_side(check: Callable[[int, int], None], channels: int, height: int, width: int) -> None:
    """`check` of channels and size for both sides of images; its BadInput says what they are."""
    for side in dict.fromkeys((height, width)):
        try:
            check(channels, side)
        except BadInput as error:
            if height == width:
                raise
            raise BadInput(f"{error}; the images are {channels}×{height}×{width}") from error


class Extractor(Network):
    """Turns images into features, and class logits where it `has_logits`."""

    has_logits: bool = False

    @abstractmethod
    def extract(self, images: torch.Tensor) -> Extracted:
        """Features of uint8 images N×C×H×W, in batches of its own choosing."""


class Perceptual(Network):
    """Measures how different two images look."""

    @abstractmethod
    def distance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The distance of each pair of images N×C×H×W: N float32 values on the CPU.

        Images are uint8, or float32 on the same scale where rounding would hide the difference.
        """

    def distance_map(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The distance at each pixel of each pair, N×H×W float32 on the CPU: what the layers of the
        network say of it, enlarged bilinearly. Raises BadInput where it tells only whole images.
        """
        raise BadInput(f"{self.name} compares whole images, not their pixels")


class TextImage(Network):
    """Embeds images and texts in one space."""

    @abstractmethod
    def embed_images(self, images: torch.Tensor) -> torch.Tensor:
        """Unit vectors N×d of uint8 images N×C×H×W."""

    def too_long(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than the network takes, and are cut."""
        return 0

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors N×d of texts."""


class CaptionScorer(Network):
    """Judges how well an image shows its caption, or how much people would prefer it for that."""

    @abstractmethod
    def score(self, images: torch.Tensor, captions: Sequence[str]) -> torch.Tensor:
        """The score of each image with its caption: N float32 on the CPU, of uint8 images N×C×H×W
        and N captions. Raises BadInput where these are not as many.
        """

    def check_pairs(self, images: torch.Tensor, captions: Sequence[str]) -> None:
        """Raise BadInput where there is not one caption for each image, or no image at all."""
        if len(images) != len(captions) or not captions:
            raise BadInput(
                f"{self.name} scores images with a caption each, not {len(images):,} images with "
                f"{len(captions):,} captions"
            )
        self.check_shape(*images.shape[1:])


@dataclass(frozen=True)
class DetectedObject:
    """An object in an image: its `box` is left, top, right and bottom in pixels, its `score` from 0
    to 1. `colour` is empty where it was not asked for.
    """

    name: str
    box: tuple[float, float, float, float]
    score: float
    colour: str = ""


class ObjectDetector(Network):
    """Finds objects in images. `names` has every name that it can give to one."""

    names: tuple[str, ...]

    @abstractmethod
    def detect(
        self, images: torch.Tensor, coloured: Sequence[Set[str]] | None = None
    ) -> list[list[DetectedObject]]:
        """The objects in each of uint8 images N×C×H×W. `coloured` has for each image the names of
        the objects whose colour is asked for.
        """


class FactorReader(Network):
    """Reads factors off images, such as shape, colour and place."""

    @abstractmethod
    def read(self, images: torch.Tensor) -> torch.Tensor:
        """The factors of uint8 images N×C×H×W, int64 N×F as the dataset numbers their values."""
