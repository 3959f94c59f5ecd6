"""Denoising diffusion (Ho et al. 2020, arXiv:2006.11239), with the choices that followed."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor

from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.families.denoiser import DenoisingModel
from harness.families.denoiser_networks import DenoiserSettings
from harness.objectives.denoising import (
    SCHEDULES,
    TARGETS,
    WEIGHTINGS,
    Denoiser,
    ForwardProcess,
    NoiseProcess,
    Target,
    alpha_bar,
    target_weights,
)
from harness.objectives.edm import LogNormalProcess, c_noise, edm_target
from harness.samplers.levels import (
    NoiseLevels,
    karras_sigmas,
    karras_timestep_levels,
    sigma_levels,
    timestep_levels,
)
from harness.samplers.settings import SAMPLERS, Sampling


class Weighting(Settings):
    """The weight of each timestep's error: `kind` is one of `objectives.denoising`."""

    kind: Annotated[str, KeyOf(WEIGHTINGS)] = "simple"


class EDM(Settings):
    """Karras et al. 2022 (arXiv:2206.00364), table 1: `sigma_data` is the deviation of the images'
    values, ln σ in training is from N(`mean`, `deviation`²), and samplers go from `sigma_max` to
    `sigma_min`.
    """

    kind: Literal["edm"] = "edm"
    sigma_data: PositiveFloat = 0.5
    mean: float = -1.2
    deviation: PositiveFloat = 1.2
    sigma_min: PositiveFloat = 0.002
    sigma_max: PositiveFloat = 80.0

    @model_validator(mode="after")
    def _levels_fall(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(
                f"sigma_min is {self.sigma_min:g}: less than sigma_max, {self.sigma_max:g}"
            )
        return self


class DiffusionSettings(DenoiserSettings):
    """What the network predicts (`target`), the noise `schedule` over `timesteps`, and the
    `weighting` of the loss; or in place of all four a `preconditioning`. `sampling`: how samples
    are drawn.
    """

    target: Annotated[str, KeyOf(TARGETS)] = "epsilon"
    schedule: Annotated[str, KeyOf(SCHEDULES)] = "linear"
    weighting: Weighting = Weighting()
    timesteps: int = Field(default=1000, ge=20)
    preconditioning: EDM | None = None
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _steps_are_timesteps(self) -> Self:
        if self.preconditioning is None and self.sampling.steps > self.timesteps:
            raise ValueError(
                f"sampling.steps is {self.sampling.steps}: at most timesteps, {self.timesteps}"
            )
        return self

    @model_validator(mode="after")
    def _one_parameterisation(self) -> Self:
        if self.preconditioning is not None:
            for name in ("target", "schedule", "weighting"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(
                        f"{name} and preconditioning do not go together: edm has its own"
                    )
        self.check_guidance(self.sampling.guidance)
        return self


class Diffusion(DenoisingModel):
    """A U-Net, or an MLP, that predicts the noise in x_t = √ᾱ_t·x + √(1−ᾱ_t)·ε, or the image, or
    what lies between.
    """

    Settings = DiffusionSettings
    settings: DiffusionSettings

    @cached_property
    def target(self) -> Target:  # type: ignore[override]
        """What the network predicts."""
        edm = self.settings.preconditioning
        return TARGETS[self.settings.target] if edm is None else edm_target(edm.sigma_data)

    def process(self) -> NoiseProcess:
        """Timesteps with their weights, or EDM's distribution of levels."""
        settings, edm = self.settings, self.settings.preconditioning
        if edm is not None:
            return LogNormalProcess(edm.mean, edm.deviation)
        left = alpha_bar(settings.schedule, settings.timesteps)
        return ForwardProcess(left, target_weights(settings.weighting.kind, self.target, left))

    @property
    def guidance(self) -> tuple[float, bool]:
        """The weight of guidance, and whether images are clipped at each step."""
        return self.settings.sampling.guidance, self.settings.sampling.clip

    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S."""
        levels, how = self._levels(), self.settings.sampling
        return SAMPLERS[how.kind](denoise, levels.start * noise, levels, how, generator)

    def _levels(self) -> NoiseLevels:
        """Those that the sampler visits."""
        settings, edm, how = self.settings, self.settings.preconditioning, self.settings.sampling
        if edm is not None:
            return sigma_levels(karras_sigmas(edm.sigma_min, edm.sigma_max, how.steps), c_noise)
        left = alpha_bar(settings.schedule, settings.timesteps)
        levels = karras_timestep_levels if how.kind == "heun" else timestep_levels
        return levels(left, how.steps)
