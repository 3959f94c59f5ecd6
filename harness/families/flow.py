"""Flow matching (Lipman et al. 2023, arXiv:2210.02747): a velocity field from noise to images."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Noise, Phase
from harness.families.denoiser import DenoisingModel
from harness.families.denoiser_networks import DenoiserSettings
from harness.objectives.denoising import Denoiser, NoiseProcess
from harness.objectives.flow import VELOCITY, UniformProcess, optimal_transport
from harness.samplers.density import ProbabilityFlow
from harness.samplers.flow import straight_velocity
from harness.samplers.settings import FLOW_SAMPLERS, FlowSampling


class FlowSettings(DenoiserSettings):
    """`pairing`: which noise an image of a batch is paired with: any, or by the pairs whose squared
    distances have the least sum. `sampling`: the method that follows the velocity.
    """

    pairing: Literal["independent", "optimal-transport"] = "independent"
    sampling: FlowSampling = FlowSampling()

    @model_validator(mode="after")
    def _settings_fit(self) -> Self:
        self.check_guidance(self.sampling.guidance)
        if self.pairing == "optimal-transport" and (self.conditional or self.texts):
            raise ValueError(
                "pairing: optimal-transport goes without conditional and texts: the noise of a"
                " class would no longer be Gaussian"
            )
        return self


class Flow(DenoisingModel):
    """A network that predicts the velocity x₁ − ε of x_t = t·x₁ + (1 − t)·ε."""

    Settings = FlowSettings
    settings: FlowSettings
    target = VELOCITY

    def process(self) -> NoiseProcess:
        """Times evenly spread between noise and image."""
        return UniformProcess()

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player, which may pair images and noise before each step."""
        (phase,) = super().phases()
        if self.settings.pairing == "independent":
            return (phase,)
        (player,) = phase.players
        return (replace(phase, players=(replace(player, prepare=pair_by_transport),)),)

    @property
    def guidance(self) -> tuple[float, bool]:
        """The weight of guidance; images are not clipped on the way."""
        return self.settings.sampling.guidance, False

    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S."""
        how = self.settings.sampling
        return FLOW_SAMPLERS[how.kind](straight_velocity(denoise), noise, how)

    def probability_flow(self, denoise: Denoiser) -> ProbabilityFlow:
        """The velocity, from images at t = 1 to noise at t = 0."""
        return ProbabilityFlow(straight_velocity(denoise), 1.0, 0.0)


def pair_by_transport(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Noise:
    """The noise with ε in the order of the images that it is nearest to in all."""
    return {**noise, "epsilon": optimal_transport(batch.x, noise["epsilon"])}
