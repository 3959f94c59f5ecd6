"""`clip` and `clip:NAME`: embeddings of images and texts, through transformers."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from harness.extractors import weight_files
from harness.extractors.base import TextImage
from harness.extractors.images import check_rgb, in_batches, to_rgb
from harness.extractors.source import Source
from harness.spec.errors import BadInput

DEFAULT = "openai/clip-vit-base-patch32"
"""The network of Hessel et al. 2021, arXiv:2104.08718."""

REPOSITORY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""What the hub allows; no name of this form leaves the folder that it is looked for in."""

FILES = ("model.safetensors", "pytorch_model.bin")


class Clip(TextImage):
    """A CLIP network of Radford et al. 2021, arXiv:2103.00020.

    NAME is a repository of the Hugging Face hub, or a folder below `HARNESS_WEIGHTS` in the same
    layout. Images are resized and cropped as the repository's own processor does.
    """

    def __init__(self, name: str, device: str) -> None:
        weights = _obtain(name)
        where, options = _location(name)
        transformers = _transformers()
        self.name = name if ":" in name else f"clip:{DEFAULT}"
        self.digest = weight_files.sha256(weights)[:8]
        self._device = device
        try:
            self._processor = transformers.CLIPImageProcessor.from_pretrained(where, **options)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
            network = transformers.CLIPModel.from_pretrained(where, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise BadInput(f"{name} cannot be loaded from {where}: {_line(error)}") from error
        self._network = network.requires_grad_(False).eval().to(device)
        self.preprocessing = f"clip-{network.config.vision_config.image_size}px"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def embed_images(self, images: Tensor) -> Tensor:
        """Unit vectors N×d, float32 on the CPU, of uint8 images N×C×H×W."""
        return in_batches(self._embed_images, 64, self._device, images)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors N×d, float32 on the CPU; a text is cut at the network's longest."""
        tokens = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._network.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        with torch.no_grad():
            states = self._network.text_model(**tokens.to(self._device))
            embedded = self._network.text_projection(states.pooler_output)
        return normalize(embedded, dim=1).cpu()

    def _embed_images(self, images: Tensor) -> Tensor:
        pixels = self._processor(images=list(to_rgb(images).cpu()), return_tensors="pt")
        states = self._network.vision_model(pixels["pixel_values"].to(self._device))
        return normalize(self._network.visual_projection(states.pooler_output), dim=1)


def _location(name: str) -> tuple[str, dict[str, bool]]:
    """What transformers is asked for, and whether it may fetch it."""
    repository = name.partition(":")[2] or DEFAULT
    if not REPOSITORY.fullmatch(repository):
        raise BadInput(f"{repository!r} in {name} does not name a repository, such as {DEFAULT!r}")
    folder = Path(os.environ.get("HARNESS_WEIGHTS", "")) / repository
    if "HARNESS_WEIGHTS" in os.environ and folder.is_dir():
        return str(folder), {"local_files_only": True}
    offline = os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false", "no", "off")
    return repository, {"local_files_only": offline}


def _obtain(name: str) -> Path:
    """The weights' file on this machine, fetched where that is needed and possible."""
    where, options = _location(name)
    cached_file = _transformers().utils.cached_file
    reason = f"it has neither {' nor '.join(FILES)}"
    for file in FILES:
        try:
            return Path(cached_file(where, file, **options))
        except (OSError, ValueError) as error:
            reason = _line(error)
    raise BadInput(
        f"the weights {FILES[0]} of {name} are not on this machine and cannot be fetched ({reason})"
        f": put the files of https://huggingface.co/{where} into $HARNESS_WEIGHTS/{where}"
    )


def _transformers() -> Any:
    if importlib.util.find_spec("transformers") is None:
        raise BadInput("clip needs transformers: python -m pip install 'harness[clip]'")
    return importlib.import_module("transformers")


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _preflight(name: str) -> None:
    _obtain(name)


SOURCE: Source[TextImage] = Source(_preflight, Clip)
