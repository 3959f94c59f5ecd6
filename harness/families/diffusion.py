"""Denoising diffusion (Ho et al. 2020, arXiv:2006.11239), sampled by DDIM."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from harness.families.base import (
    Batch,
    Family,
    Losses,
    Noise,
    Phase,
    Player,
)
from harness.families.ddim import Noising, Sampling, alpha_bar, ddim
from harness.families.parts import NetworkSettings, denoiser


class DiffusionSettings(NetworkSettings):
    """The noise schedule, and how samples are drawn."""

    width: PositiveInt = 2
    schedule: Literal["linear", "cosine"] = "linear"
    timesteps: int = Field(default=1000, ge=20)
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _steps_are_timesteps(self) -> Self:
        if self.sampling.steps > self.timesteps:
            raise ValueError(
                f"sampling.steps is {self.sampling.steps}: at most timesteps, {self.timesteps}"
            )
        return self


class Diffusion(Family):
    """A U-Net, or an MLP, that predicts the noise ε in x_t = √ᾱ_t·x + √(1−ᾱ_t)·ε."""

    Settings = DiffusionSettings
    averaged = ("denoiser",)
    settings: DiffusionSettings

    def build(self) -> nn.ModuleDict:
        """The noise predictor, and the forward process it undoes."""
        return nn.ModuleDict(
            {
                "denoiser": denoiser(self.settings, self.shape),
                "noising": Noising(alpha_bar(self.settings.schedule, self.settings.timesteps)),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        player = Player("model", ("denoiser",), self.noise, self.loss, self.settings.optimizer)
        return (Phase((player,)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A timestep and an ε for each of n images."""
        device = generator.device
        times = (self.settings.timesteps, (n,))
        return {
            "t": torch.randint(*times, generator=generator, device=device),
            "epsilon": self._gaussian(n, generator),
        }

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The mean squared error of ε (equation 14)."""
        noisy = networks["noising"](batch.x, noise["t"], noise["epsilon"])
        predicted = networks["denoiser"](noisy, noise["t"])
        return {"loss": (predicted - noise["epsilon"]).square().mean()}

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1]."""
        return ddim(
            self.networks["denoiser"],
            self._gaussian(n, generator),
            alpha_bar(self.settings.schedule, self.settings.timesteps),
            self.settings.sampling,
            generator,
        )

    def _gaussian(self, n: int, generator: torch.Generator) -> Tensor:
        size = self.shape.size
        shape = (n, self.shape.channels, size, size)
        return torch.randn(shape, generator=generator, device=generator.device)
