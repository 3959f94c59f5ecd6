"""An unconditional diffusion model that fills holes by RePaint's sampler (Lugmayr et al. 2022,
arXiv:2201.09865).
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.families.restoring_diffusion import SEED
from harness.samplers.repaint import repaint
from harness.samplers.settings import Sampling


class RepaintSampling(Sampling):
    """A sampler of whole images; holes are filled in its `steps`, each taken `repeats` times."""

    repeats: PositiveInt = 5


class RepaintSettings(DiffusionSettings):
    """An unconditional diffusion model's."""

    sampling: RepaintSampling = RepaintSampling()

    @model_validator(mode="after")
    def _holes_are_the_condition(self) -> Self:
        if self.conditional or self.texts:
            raise ValueError("RePaint goes without conditional and texts")
        return self


class Repaint(Diffusion):
    """A diffusion model of whole images that also fills holes."""

    Settings = RepaintSettings
    settings: RepaintSettings

    def build(self) -> nn.ModuleDict:
        """The denoiser, and its process. BadInput for damage that leaves no pixel as it was."""
        if self.shape.source_channels and not self.shape.masked:
            raise BadInput("RePaint fills holes; name a task such as digits[inpaint=box]")
        return super().build()

    @torch.no_grad()
    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source N×C×S×S, mask N×1×S×S of its known pixels → images N×C×S×S in [-1, 1]."""
        if mask is None:
            raise BadInput("RePaint needs the mask of the pixels that are known")
        how, generator = self.settings.sampling, torch.Generator(source.device).manual_seed(SEED)
        noise, levels = self._gaussian(len(source), generator), self._levels()
        made = repaint(
            self._denoiser(()),
            levels.start * noise,
            levels,
            generator,
            source=source,
            known=mask,
            repeats=how.repeats,
        )
        return self.images(made)
