"""Images that a pretrained autoencoder gives back, to be scored in pairs with their originals."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from harness.cell.stored_run import load_stored_model
from harness.core.cache_folder import cache_folder
from harness.core.errors import BadInput
from harness.data.image_search import path_stem
from harness.data.imageset import ImageSet
from harness.data.pixels import to_float, to_uint8
from harness.evaluation.protocols import SAMPLING_BATCH
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Reconstructs
from harness.families.pretrained.diffusers_autoencoder import CONFIG, find_autoencoder
from harness.families.pretrained.source import RUN
from harness.scoring.models import is_model, source_of
from harness.tracking import Store
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class AutoencoderRequest:
    """How autoencoders are opened: where their floating-point values lie, how many images they
    take in one call, and where runs and datasets are.
    """

    value_range: Literal["-1..1", "0..1"]
    images_at_once: int
    open_store: Callable[[], Store]
    data_root: Path | None
    numerics: Numerics


def is_autoencoder(place: str) -> bool:
    """Whether a place names a model that may give images back; no weights are read."""
    folder = find_autoencoder(Path(place))
    config = b"" if folder is None else (folder / CONFIG).read_bytes()
    return is_model(place) or b'"_class_name"' in config


def save_reconstructions(place: str, originals: ImageSet, request: AutoencoderRequest) -> Path:
    """The folder of what the model at a place makes of the originals: PNG files of their names,
    below the cache, in a folder named by their content.

    Raises BadInput, and writes nothing, where the model cannot be opened, does not give images
    back, or fails.
    """
    device = request.numerics.apply()
    model = _open(place, originals, request)
    model.to(device)
    if not isinstance(model, Reconstructs):
        raise BadInput(f"{place} does not give images back, as --pairs asks of a model")
    images = _reconstruct(model, originals.images, device)
    return _save(images, [path_stem(name) for name in originals.names])


def _open(place: str, originals: ImageSet, request: AutoencoderRequest) -> Family:
    if place.startswith(RUN):
        run_id = place.removeprefix(RUN)
        return load_stored_model(request.open_store(), run_id, request.data_root).family
    _, channels, height, _ = originals.shape
    settings = {
        "source": source_of(place),
        "value_range": request.value_range,
        "images_at_once": request.images_at_once,
    }
    try:
        return build_family("pretrained-autoencoder", settings, ImageShape(channels, height))
    except ValidationError as error:
        raise BadInput(f"{place}: {error.errors()[0]['msg']}") from error


def _reconstruct(model: Reconstructs, images: Tensor, device: torch.device) -> Tensor:
    """uint8 N×C×H×W, batch by batch."""
    with torch.inference_mode():
        parts = [
            to_uint8(model.reconstruct(to_float(some).to(device))).cpu()
            for some in torch.split(images, SAMPLING_BATCH)
        ]
    return torch.cat(parts)


def _save(images: Tensor, stems: list[str]) -> Path:
    content = hashlib.sha256("\n".join(stems).encode())
    content.update(images.numpy().tobytes())
    folder = cache_folder() / "reconstructions" / content.hexdigest()[:32]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
    try:
        for image, stem in zip(images, stems, strict=True):
            file = aside / PurePosixPath(f"{stem}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.movedim(0, -1).squeeze(-1).numpy()).save(file)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder
