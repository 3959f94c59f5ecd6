"""Generators that turn latents, and perhaps class labels, into images: files of networks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.settings import Condition, Latent, PretrainedSettings


@dataclass(frozen=True)
class NetworkInputs:
    """What a network takes: latents of this shape, empty where the file does not say it; labels or
    not; and how many at a time, 0 where any number will do.
    """

    latent: tuple[int, ...] = ()
    has_labels: bool = False
    batch: int = 0


class LatentGenerator(ImageGenerator):
    """A network in a file, from latents n×… and perhaps labels n to images."""

    def __init__(self, settings: PretrainedSettings, path: Path) -> None:
        super().__init__(settings.source, settings)
        self.path = path
        if settings.arguments:
            raise BadInput(f"{self.name} takes latents and labels, and no arguments by name")
        self.inputs = self.read_inputs()
        self._shape = self._latent_shape()
        takes: Condition = "labels" if self.inputs.has_labels else "none"
        if settings.condition not in (None, takes):
            raise BadInput(f"{self.name} takes {takes}, not the condition {settings.condition}")
        self._condition: Condition = takes

    @abstractmethod
    def read_inputs(self) -> NetworkInputs:
        """What the file says of its inputs. Raises BadInput where it is no generator."""

    @abstractmethod
    def run(self, latents: Tensor, labels: Tensor | None) -> object:
        """What the network returns for latents n×… and labels int64 n."""

    @property
    def condition(self) -> Condition:
        """Labels, where it has an input for them."""
        return self._condition

    def content(self) -> Mapping[str, str]:
        """The SHA-256 of the file."""
        return {"file": file_sha256(self.path)}

    def call(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None,
        captions: Sequence[str] | None,
    ) -> object:
        """The network's images of latents drawn from the generator. A network for a fixed number
        of images gets the last latent again where fewer are left.
        """
        shape, distribution = (count, *self._shape), self.settings.latent_distribution
        latents = draw_latents(shape, distribution, generator)
        batch = self.inputs.batch
        if not batch:
            return self.run(latents, labels)
        parts = []
        for start in range(0, count, batch):
            rows = torch.arange(start, start + batch).clamp(max=count - 1).to(latents.device)
            made = self.run(latents[rows], None if labels is None else labels[rows])
            if not isinstance(made, Tensor | np.ndarray) or len(made) != batch:
                return made  # `draw` refuses it
            parts.append(torch.as_tensor(made)[: count - start])
        return torch.cat(parts)

    def _latent_shape(self) -> tuple[int, ...]:
        named, of_file = self.settings.latent, self.inputs.latent
        if named and of_file and named != of_file:
            shapes = ("×".join(map(str, shape)) for shape in (of_file, named))
            raise BadInput("{} takes latents of {}, not {}".format(self.name, *shapes))
        if not (named or of_file):
            raise BadInput(
                f"{self.name} does not say the shape of its latents: give it, as in --latent 128 "
                "(in a recipe, latent: [128])"
            )
        return named or of_file


def draw_latents(
    shape: tuple[int, ...], distribution: Latent, generator: torch.Generator
) -> Tensor:
    """Latents of this shape, float32; its first side is their number."""
    device = generator.device
    if distribution == "uniform":
        return torch.rand(shape, generator=generator, device=device)
    normal = torch.randn(shape, generator=generator, device=device)
    if distribution == "normal":
        return normal
    return torch.nn.functional.normalize(normal.flatten(1)).view(shape)
