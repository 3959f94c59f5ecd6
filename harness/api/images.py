"""Images in memory as the sets that `harness score` measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.data.image_memory import check_count, check_image_set_size
from harness.data.images_on_disk import indices
from harness.data.imageset import ImageSet
from harness.data.pixels import to_uint8
from harness.families.pretrained.generator import checked_images
from harness.families.pretrained.settings import ValueRange

Images: TypeAlias = str | Path | Tensor | NDArray[Any] | Sequence[Image] | ImageSet
"""Images as a call takes them: a place as in the shell (a folder, an `.npz`, `cifar10:test`), a
tensor n×C×H×W, an array n×H×W×C, either n×H×W for grey, or Pillow's images; uint8 or float.
"""
LabelledImages: TypeAlias = tuple[Images, Any]
"""Images in memory and the class of each, whole numbers n from 0 up."""
ONE_IMAGE = "looks like one image; a set has a first dimension for the number of images"


def is_images(value: object) -> bool:
    """Whether a value is images in memory, with labels or without."""
    if isinstance(value, tuple) and len(value) == 2 and is_images(value[0]):
        return True
    if isinstance(value, Tensor | np.ndarray | ImageSet):
        return True
    return isinstance(value, list | tuple) and all(isinstance(each, Image) for each in value)


def image_set(value: Any, value_range: ValueRange = "-1..1", at_least: int = 2) -> ImageSet:
    """Returns the set of images in memory that a value is (see `Images`), floats rounded to 8 bits.
    Raises BadInput for another shape, for values that are not finite or out of the range, for
    labels that are not one for each image, and for fewer images than `at_least`.
    """
    images, labels = value, None
    if isinstance(value, tuple) and len(value) == 2 and is_images(value[0]):
        images, labels = value
    if isinstance(images, ImageSet):
        return images if labels is None else replace(images, labels=label_tensor(labels, images))
    name = _name(images)
    check_count(Path(name), len(images), at_least)
    pixels = _pixels(images, name, value_range)
    check_image_set_size(Path(name), *pixels.shape)
    made = ImageSet(pixels, indices(len(pixels)), name)
    return made if labels is None else replace(made, labels=label_tensor(labels, made))


def label_tensor(labels: Any, images: ImageSet) -> Tensor:
    """The class of each image, int64 n. Raises BadInput where labels are no such numbers."""
    try:
        tensor = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError):
        tensor = torch.empty(0)
    is_whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    if tensor.shape != (len(images),) or not is_whole or int(tensor.min()) < 0:
        raise BadInput(
            f"labels of {images.description}: a whole number from 0 up is needed for each of the "
            f"{counted(len(images), 'image')}"
        )
    return tensor.to("cpu", torch.int64)


def _name(images: object) -> str:
    """What a set is called in lines and protocols."""
    if isinstance(images, Tensor):
        return "tensor"
    return "array" if isinstance(images, np.ndarray) else "list of images"


def _pixels(value: Any, name: str, value_range: ValueRange) -> Tensor:
    """uint8 N×C×H×W on the CPU."""
    images = np.stack(_arrays(value)) if isinstance(value, list | tuple) else value
    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise BadInput(f"{name}: values are {images.dtype}; uint8 or float is needed")
        images = torch.from_numpy(np.ascontiguousarray(_channels_first(images, name)))
    pixels: Tensor = images.detach().cpu()
    if pixels.ndim == 3:
        if pixels.shape[0] in (1, 3):
            raise BadInput(f"{name} of {'×'.join(map(str, pixels.shape))} {ONE_IMAGE}")
        pixels = pixels[:, None]
    if pixels.dtype == torch.uint8:  # float copies of all would fill the memory
        _on_scale(pixels[:1], name, value_range)
        return pixels.contiguous()
    return to_uint8(_on_scale(pixels, name, value_range))


def _on_scale(images: Tensor, name: str, value_range: ValueRange) -> Tensor:
    """Images as floats in [-1, 1]. Raises BadInput as `checked_images`."""
    try:
        return checked_images(name, images, len(images), value_range)
    except BadInput as error:
        text = str(error).replace(f"{name} returned", f"{name} has", 1)
        raise BadInput(text.replace("or return 2 * x - 1", "or give 2 * x - 1")) from None


def _channels_first(array: NDArray[Any], name: str) -> NDArray[Any]:
    """An array n×H×W×C as n×C×H×W; one with its channels first is returned as it is."""
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        raise BadInput(f"{name} of {'×'.join(map(str, array.shape))} {ONE_IMAGE}")
    is_last = array.ndim == 4 and array.shape[3] in (1, 3)
    return array.transpose(0, 3, 1, 2) if is_last else array


def _arrays(images: Sequence[Image]) -> list[NDArray[Any]]:
    """Pillow's images as arrays H×W×C. Raises BadInput where they are not of one size and mode."""
    first = images[0]
    for number, image in enumerate(images):
        if image.mode not in ("L", "RGB"):
            raise BadInput(f"image {number} has the mode {image.mode}; L or RGB is needed")
        if (image.size, image.mode) != (first.size, first.mode):
            kinds = " and ".join(f"{i.width}×{i.height} {i.mode}" for i in (first, image))
            raise BadInput(f"images 0 and {number} are {kinds}; one size and one mode are needed")
    return [np.atleast_3d(np.asarray(image)) for image in images]
