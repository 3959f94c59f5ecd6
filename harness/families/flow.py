"""Flow matching (Lipman et al. 2023, arXiv:2210.02747): a velocity field from noise to images."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from harness.families.denoiser import DenoiserSettings, DenoisingModel
from harness.objectives.denoising import Denoiser, NoiseProcess
from harness.objectives.flow import VELOCITY, UniformProcess
from harness.samplers.flow import flow, straight_velocity
from harness.samplers.settings import FlowSampling


class FlowSettings(DenoiserSettings):
    """`sampling`: the method that follows the velocity."""

    sampling: FlowSampling = FlowSampling()

    @model_validator(mode="after")
    def _guidance_has_two_sides(self) -> Self:
        self.check_guidance(self.sampling.guidance)
        return self


class Flow(DenoisingModel):
    """A U-Net, or an MLP, that predicts the velocity x₁ − ε of x_t = t·x₁ + (1 − t)·ε."""

    Settings = FlowSettings
    settings: FlowSettings
    target = VELOCITY

    def process(self) -> NoiseProcess:
        """Times evenly spread between noise and image."""
        return UniformProcess()

    @property
    def guidance(self) -> tuple[float, bool]:
        """The weight of guidance; images are not clipped on the way."""
        return self.settings.sampling.guidance, False

    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S."""
        how = self.settings.sampling
        return flow(straight_velocity(denoise), noise, how.kind, how.steps)
