"""Features of real images, computed once on a machine and kept by their content.

The key is everything that the features depend on: the images' bytes, the network's weights and
preprocessing, and what decides rounding. So a cache can be shared, and can be deleted at any time.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.core.cache_folder import cache_folder
from harness.core.files import atomic_write
from harness.core.keys import digest
from harness.data.base import image_digest
from harness.extractors.base import Extracted, Extractor


def extract(extractor: Extractor, images: Tensor, device: torch.device) -> Extracted:
    """`extractor.extract(images)`, from the cache where it is there."""
    path = _path(extractor, images, device)
    if cached := _read(path):
        return cached
    extracted = extractor.extract(images)
    with suppress(OSError):  # a cache that cannot be written costs time, and nothing else
        _write(extracted, path)
    return extracted


def holds(extractor: Extractor, images: Tensor, device: torch.device) -> bool:
    """Whether the features of these images are there."""
    return _path(extractor, images, device).exists()


def folder() -> Path:
    """Where features are kept: below HARNESS_CACHE, or in the user's cache folder."""
    return cache_folder() / "features"


def _path(extractor: Extractor, images: Tensor, device: torch.device) -> Path:
    return folder() / f"{_key(extractor, images, device)}.safetensors"


def _key(extractor: Extractor, images: Tensor, device: torch.device) -> str:
    place = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    rounding = [place, torch.get_num_threads(), torch.__version__]
    how = [extractor.label, extractor.preprocessing]
    return digest([image_digest(images), how, rounding, "float32"])


def _read(path: Path) -> Extracted | None:
    with suppress(OSError, SafetensorError):  # absent, or damaged: computed again
        tensors = load_file(path)
        return Extracted(tensors["pooled"], tensors.get("logits"))
    return None


def _write(extracted: Extracted, path: Path) -> None:
    """Whole or not at all: other commands may read and write the same file."""
    tensors = {"pooled": extracted.pooled, "logits": extracted.logits}
    contents = {name: t.contiguous() for name, t in tensors.items() if t is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, partial(save_file, contents))
