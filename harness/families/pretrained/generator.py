"""The interface of pretrained generators of images, and the checks of what they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from harness.core.error_location import is_users, location
from harness.core.errors import FAILURES, BadInput, error_text
from harness.core.registry import article
from harness.data.pixels import to_float
from harness.families.pretrained.settings import Condition, PretrainedSettings, ValueRange

BEYOND = 1.5
"""The largest absolute value that is clamped to [-1, 1]: generators without a bound pass it a
little at saturated pixels. More is another scale."""
FEW = 4
"""Images from which the absence of negative values tells that their scale is [0, 1]."""
BRIGHT = 0.5


class ImageGenerator(ABC):
    """A pretrained model whose condition and files are known; `load` reads its weights. `seed` is
    the default seed of its samples.
    """

    seed: int = 0

    def __init__(self, name: str, settings: PretrainedSettings) -> None:
        self.name = name
        self.settings = settings

    @property
    @abstractmethod
    def condition(self) -> Condition:
        """What the model takes beside noise."""

    @abstractmethod
    def content(self) -> Mapping[str, str]:
        """What its images depend on: digests of files by name, versions of packages."""

    def modules(self) -> Sequence[str]:
        """The user's modules whose code makes its images."""
        return ()

    @abstractmethod
    def load(self, device: torch.device) -> None:
        """Reads the weights onto the device. Raises BadInput where they cannot be read."""

    @abstractmethod
    def call(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None,
        captions: Sequence[str] | None,
    ) -> object:
        """What the model itself returns for `count` images; labels are int64 on its device."""

    def draw(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        captions: Sequence[str] | None = None,
    ) -> Tensor:
        """`count` images N×C×H×W in [-1, 1], a label or a caption for each where it takes them.

        Raises BadInput where the model fails, or returns anything but `count` finite images.
        """
        parts, step = [], self.settings.images_at_once
        for start in range(0, count, step):
            stop = min(start + step, count)
            with failing(f"{self.name} fails with"), torch.inference_mode():
                output = self.call(
                    stop - start,
                    generator,
                    None if labels is None else labels[start:stop],
                    None if captions is None else captions[start:stop],
                )
            parts.append(checked_images(self.name, output, stop - start, self.settings.value_range))
        return torch.cat(parts)


@contextmanager
def failing(start: str) -> Iterator[None]:
    """Turns whatever the block raises into BadInput, one line that begins with `start`."""
    try:
        yield
    except BadInput:
        raise
    except FAILURES as error:
        place = f" ({location(error)})" if is_users(error) else ""
        text = f"{type(error).__name__}: {error_text(error)}"[:600]
        raise BadInput(f"{start} {text}{place}") from error


def checked_images(name: str, output: object, count: int, value_range: ValueRange) -> Tensor:
    """A model's output as float32 images N×C×H×W in [-1, 1]. Raises BadInput, naming the model,
    for anything but `count` images of 1 or 3 channels: uint8, or finite floats in the range.
    """
    if isinstance(output, np.ndarray):
        output = torch.from_numpy(np.ascontiguousarray(output))
    needed = "n×C×H×W of uint8 or float is needed"
    if not isinstance(output, Tensor):
        raise BadInput(f"{name} returned {article(output)}; a tensor {needed}")
    shape = "×".join(map(str, output.shape)) or "a scalar"
    if output.ndim != 4 or 0 in output.shape[1:] or output.shape[1] not in (1, 3):
        is_last = output.ndim == 4 and output.shape[3] in (1, 3)
        hint = "; this looks like n×H×W×C, so return x.permute(0, 3, 1, 2)" if is_last else ""
        raise BadInput(f"{name} returned {shape}; {needed}, with C = 1 or 3{hint}")
    if len(output) != count:
        raise BadInput(f"{name} returned {len(output):,} images where {count:,} were asked for")
    if output.dtype == torch.uint8:
        return to_float(output)
    if not output.is_floating_point():
        kind = str(output.dtype).removeprefix("torch.")
        raise BadInput(f"{name} returned {kind}; {needed}")
    return _on_scale(name, output.float(), value_range)


def _on_scale(name: str, x: Tensor, value_range: ValueRange) -> Tensor:
    if broken := int((~torch.isfinite(x)).sum()):
        raise BadInput(f"{name} returned {broken:,} of {x.numel():,} values that are not finite")
    low, high = (float(extreme) for extreme in x.aminmax())
    scaled = 2 * x - 1 if value_range == "0..1" else x
    span = f"{name} returned values from {low:.4g} to {high:.4g}"
    if float(scaled.abs().max()) > BEYOND:
        other = "; for [0, 1] say 0..1" if value_range == "-1..1" else "; for [-1, 1] say -1..1"
        other = other if max(abs(low), abs(high)) <= BEYOND else ", or uint8"
        bounds = value_range.replace("..", ", ")
        raise BadInput(f"{span}; images lie in [{bounds}]{other}")
    if value_range == "-1..1" and len(x) >= FEW and low >= 0 and high > BRIGHT:
        raise BadInput(
            f"{span}, none below 0 in {len(x)} images: these lie in [0, 1] and not in [-1, 1]; "
            "say the range 0..1, or return 2 * x - 1"
        )
    return scaled.clamp(-1, 1)
