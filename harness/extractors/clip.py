"""`clip` and `clip:NAME`: embeddings of images and texts, through transformers.

Radford et al. 2021, arXiv:2103.00020. NAME is a repository of the Hugging Face hub, or a folder
below `HARNESS_WEIGHTS` in the same layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from harness.core.errors import BadInput
from harness.extractors.base import Extracted, Extractor, TextImage
from harness.extractors.images import check_rgb, in_batches, to_rgb
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights

TEXT_IMAGE_DEFAULT = "openai/clip-vit-base-patch32"
"""The network of CLIP score, Hessel et al. 2021, arXiv:2104.08718."""

EXTRACTOR_DEFAULT = "openai/clip-vit-large-patch14-336"
"""The network of CMMD, Jayasumana et al. 2024, arXiv:2401.09603."""

TEXTS = 64
"""Texts that pass through the network at a time."""

IMAGE_FILES = ("config.json", "preprocessor_config.json")
TEXT_FILES = (*IMAGE_FILES, "tokenizer_config.json")


@dataclass(frozen=True)
class ClipFiles:
    """A CLIP network that was read: `label` is what protocols call it, `settings` a file in the
    folder of its processor and tokenizer. `name` is as a suite writes it.
    """

    name: str
    label: str
    weights: LocalWeights
    network: Any
    settings: Path

    def preprocessor(self, reader: str) -> Any:
        """What transformers' class `reader` makes of the files beside the settings."""
        return hub.load_preprocessor(self.name, replace(self.weights, path=self.settings), reader)


def read_clip(name: str, default: str, needed: tuple[str, ...] = TEXT_FILES) -> ClipFiles:
    """The CLIP network behind `name`, by `default` of that repository, in transformers' layout.
    Raises BadInput where its files are missing or are another network's.
    """
    repository = hub.repository_name(name, default)
    weights = hub.locate_repository(name, repository, needed)
    network = hub.load_network(name, weights, "CLIPModel", "clip")
    label = f"{name.partition(':')[0]}:{repository}"
    return ClipFiles(name, label, weights, network, weights.path.parent / "config.json")


class _Images:
    """The image side of a CLIP network."""

    def __init__(self, files: ClipFiles) -> None:
        self.name, self.digest, self._network = files.label, files.weights.digest, files.network
        self._processor = files.preprocessor("CLIPImageProcessor")
        self.preprocessing = f"rgb-clip-processor-{self._processor.crop_size['height']}"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def embed_images(self, images: Tensor) -> Tensor:
        """Unit vectors N×d, float32 on the CPU, of uint8 images N×C×H×W.

        Images are prepared as the repository's own processor does: for the networks of OpenAI the
        shorter side is resized with an antialiased bicubic filter, and the centre cropped.
        """
        # On the CPU, where the processor resizes uint8 as Pillow does; on a GPU it would not round.
        return in_batches(self._embed_images, 64, "cpu", images)

    def _embed_images(self, images: Tensor) -> Tensor:
        pixels = self._processor(images=list(to_rgb(images)), return_tensors="pt")["pixel_values"]
        states = self._network.vision_model(pixels.to(self._network.device))
        return normalize(self._network.visual_projection(states.pooler_output), dim=1)


class ClipTowers(_Images):
    """Images and texts in one space."""

    def __init__(self, files: ClipFiles, device: str) -> None:
        super().__init__(files)
        self._tokenizer = files.preprocessor("AutoTokenizer")
        self._network = self._network.to(device)

    def too_long(self, texts: Sequence[str]) -> int:
        """How many texts have more tokens than the network has positions."""
        most = self._network.config.text_config.max_position_embeddings
        tokens = self._tokenizer(list(texts), verbose=False)["input_ids"]
        return sum(len(text) > most for text in tokens)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors N×d, float32 on the CPU; a text is cut at the network's longest.

        In batches of texts of like length, so that memory grows neither with their number nor with
        the length of the longest.
        """
        if not texts:
            raise BadInput("there are no texts to embed")
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        batches = [order[start : start + TEXTS] for start in range(0, len(order), TEXTS)]
        embedded = torch.cat([self._embed_texts([texts[i] for i in batch]) for batch in batches])
        return embedded[torch.tensor(order).argsort()]

    def _embed_texts(self, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._network.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        with torch.no_grad():
            states = self._network.text_model(**tokens.to(self._network.device))
            embedded = self._network.text_projection(states.pooler_output)
        return normalize(embedded, dim=1).cpu()


class Clip(ClipTowers, TextImage):
    """CLIP as the network of CLIP score and R-precision."""

    def __init__(self, name: str, device: str) -> None:
        super().__init__(read_clip(name, TEXT_IMAGE_DEFAULT), device)


class ClipExtractor(_Images, Extractor):
    """The image side alone, for CMMD and other distances between sets of images."""

    def __init__(self, name: str, device: str) -> None:
        super().__init__(read_clip(name, EXTRACTOR_DEFAULT, IMAGE_FILES))
        del self._network.text_model  # more than a quarter of the network
        self._network = self._network.to(device)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×d, unit vectors, of uint8 images N×C×H×W; no logits."""
        return Extracted(self.embed_images(images))


def _preflight_texts(name: str) -> LocalWeights:
    return hub.locate_repository(name, hub.repository_name(name, TEXT_IMAGE_DEFAULT), TEXT_FILES)


def _preflight_images(name: str) -> LocalWeights:
    return hub.locate_repository(name, hub.repository_name(name, EXTRACTOR_DEFAULT), IMAGE_FILES)


TEXT_IMAGE: ExtractorSource[TextImage] = ExtractorSource(_preflight_texts, Clip, check_rgb)
EXTRACTOR: ExtractorSource[Extractor] = ExtractorSource(_preflight_images, ClipExtractor, check_rgb)
