"""Diffusion models of an image, given another that belongs to it: filled holes and more resolution
(Saharia et al. 2022, arXiv:2104.07636 and arXiv:2111.05826).
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import Noise
from harness.families.builders import with_mask
from harness.families.denoiser_networks import build_denoiser
from harness.families.diffusion import Diffusion, DiffusionSettings

SEED = 0
"""Of the noise that a restoration starts from: it is to be deterministic."""


class RestoringSettings(DiffusionSettings):
    """A diffusion model's, of a U-Net that sees the source as further channels."""

    @model_validator(mode="after")
    def _source_is_the_condition(self) -> Self:
        if self.network == "mlp" or self.transformer is not None:
            raise ValueError("sources are further channels of a U-Net: network: conv")
        if self.conditional or self.texts:
            raise ValueError("the condition is the source; conditional and texts do not go with it")
        return self


class RestoringDiffusion(Diffusion):
    """A denoiser that takes the source, and the mask of its known pixels if there is one, beside
    the noisy image.
    """

    Settings = RestoringSettings
    settings: RestoringSettings
    sample: ClassVar[None] = None  # type: ignore[assignment]  # none without a source

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the process that it undoes. BadInput for data without sources."""
        if not self.shape.source_channels:
            raise BadInput(
                "its images are not to be made from others; name a task such as"
                " digits[inpaint=box] or digits[super=2]"
            )
        beside = self.shape.source_channels + self.shape.masked
        network = SourceConditioned(build_denoiser(self.settings, self.shape, beside=beside))
        return nn.ModuleDict({"denoiser": network, "noising": self.process()})

    @property
    def has_density(self) -> bool:
        """Whether it has a density of images: it has one for each source."""
        return False

    def _condition(self, batch: Batch, noise: Noise) -> tuple[Tensor, ...]:
        """The source and its mask."""
        if batch.source is None:
            raise ValueError("a batch without sources")
        return (with_mask(batch.source, batch.mask),)

    @torch.no_grad()
    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source N×C'×S×S (mask N×1×S×S) → images N×C×S×S in [-1, 1], one of those that may be."""
        generator = torch.Generator(source.device).manual_seed(SEED)
        made = self._sampled(len(source), generator, (with_mask(source, mask),))
        return made if mask is None else torch.where(mask > 0, source, made)


class SourceConditioned(nn.Module):
    """A denoiser that takes further channels beside the noisy image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor, others: Tensor) -> Tensor:
        """x N×C×S×S, t N, others N×C'×S×S → N×C×S×S."""
        image: Tensor = self.network(torch.cat([x, others], dim=1), t)
        return image
