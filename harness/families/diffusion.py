"""Denoising diffusion (Ho et al. 2020, arXiv:2006.11239), with the choices that followed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor

from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.families.denoiser import DenoisingModel, noise_process
from harness.families.denoiser_networks import DenoiserSettings
from harness.objectives.denoising import (
    SCHEDULES,
    TARGETS,
    WEIGHTINGS,
    Denoiser,
    ForwardProcess,
    NoiseProcess,
    Target,
    add_noise,
    alpha_bar,
    target_weights,
)
from harness.objectives.edm import LogNormalProcess, c_noise, edm_target
from harness.objectives.variational_bound import VariationalBound, prior_divergence, strata
from harness.samplers.density import ProbabilityFlow
from harness.samplers.levels import (
    NoiseLevels,
    karras_sigmas,
    karras_timestep_levels,
    levels_between_timesteps,
    sigma_levels,
    timestep_levels,
    timestep_sigmas,
)
from harness.samplers.settings import SAMPLERS, Sampling

BOUND_STRATA = 10
"""Timesteps, beside the first, by which the variational bound of an image is estimated."""


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
    learns_variance: ClassVar[bool] = False

    @model_validator(mode="after")
    def _steps_are_timesteps(self) -> Self:
        if self.preconditioning is None and self.sampling.steps > self.timesteps:
            raise ValueError(
                f"sampling.steps is {self.sampling.steps}: at most timesteps, {self.timesteps}"
            )
        return self

    @model_validator(mode="after")
    def _variance_is_learned(self) -> Self:
        if self.sampling.variance == "learned" and not self.learns_variance:
            raise ValueError(
                "sampling.variance: learned goes with family: learned-variance-diffusion"
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

    def probability_flow(self, denoise: Denoiser) -> ProbabilityFlow:
        """dy/dln σ = σ·ε̂ with y = x_t/a and σ = s/a (Karras et al. 2022, arXiv:2206.00364, equation
        1), from the least noise to the most.
        """
        levels = self._levels_of_all_noise()

        def velocity(y: Tensor, s: Tensor) -> Tensor:
            level = levels(s.double().exp()).as_inputs(y)[0]
            return s.exp() * denoise(level.signal * y, level).epsilon

        low, high = (math.log(sigma) for sigma in self._noise_range)
        last = levels(torch.tensor(high, dtype=torch.float64).exp())
        return ProbabilityFlow(velocity, low, high, float(last.start / last.signal[0]))

    binary = False

    @property
    def has_bound(self) -> bool:
        """Whether the variational bound is defined: of timesteps, and without a condition."""
        return self.has_density and self.settings.preconditioning is None

    def elbo(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The variational bound of log p(x), N float64 nats, for images x N×C×S×S and ancestral
        sampling over all timesteps, with the variance of `sampling`.

        The sum over timesteps is estimated without bias by one of each of `BOUND_STRATA` parts.
        """
        left = alpha_bar(self.settings.schedule, self.settings.timesteps)
        bound, denoise = VariationalBound(left).to(x.device), self._denoiser(())
        total = prior_divergence(x.double(), left[-1].to(x.device))
        for start, stop in [(0, 1), *strata(len(left), BOUND_STRATA)]:
            t = torch.randint(start, stop, (len(x),), generator=generator, device=x.device)
            level, epsilon = noise_process(self.networks)(t), self._gaussian(len(x), generator)
            predicted = denoise(add_noise(x, epsilon, level), level)
            kind = self.settings.sampling.variance
            variance = bound.log_variance(t, kind, predicted.share)
            terms = bound.terms(t, x, predicted.x0, variance)
            total = total + (stop - start) * terms.double().flatten(1).sum(dim=1)
        return -total

    @property
    def _noise_range(self) -> tuple[float, float]:
        """The least and the greatest σ."""
        settings, edm = self.settings, self.settings.preconditioning
        if edm is not None:
            return edm.sigma_min, edm.sigma_max
        table = timestep_sigmas(alpha_bar(settings.schedule, settings.timesteps))
        return float(table[0]), float(table[-1])

    def _levels_of_all_noise(self) -> Callable[[Tensor], NoiseLevels]:
        """The level at any σ between these, 0-d float64."""
        settings, edm = self.settings, self.settings.preconditioning
        if edm is not None:
            return lambda sigma: sigma_levels(sigma[None].cpu(), c_noise)
        table = timestep_sigmas(alpha_bar(settings.schedule, settings.timesteps))
        return lambda sigma: levels_between_timesteps(sigma[None].cpu(), table)

    def _levels(self) -> NoiseLevels:
        """Those that the sampler visits."""
        settings, edm, how = self.settings, self.settings.preconditioning, self.settings.sampling
        if edm is not None:
            return sigma_levels(karras_sigmas(edm.sigma_min, edm.sigma_max, how.steps), c_noise)
        left = alpha_bar(settings.schedule, settings.timesteps)
        levels = karras_timestep_levels if how.kind == "heun" else timestep_levels
        return levels(left, how.steps)
