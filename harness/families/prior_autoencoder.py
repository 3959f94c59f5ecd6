"""Autoencoders whose codes are held to a prior that samples are then drawn from."""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from pydantic import model_validator
from torch import Tensor

from harness.families.autoencoder import Autoencoder, AutoencoderSettings
from harness.objectives.codes import CODE_PENALTIES


class PriorAutoencoderSettings(AutoencoderSettings):
    """An autoencoder's, with a penalty that holds codes to the prior, `{kind: mmd}`."""

    @model_validator(mode="after")
    def _codes_have_a_prior(self) -> Self:
        if not any(CODE_PENALTIES[penalty.kind].of_prior for penalty in self.codes):
            raise ValueError("codes lack what holds them to the prior, such as {kind: mmd}")
        return self


class PriorAutoencoder(Autoencoder):
    """An autoencoder whose codes are distributed as a standard Gaussian (Tolstikhin et al. 2018,
    arXiv:1711.01558, equation 4).
    """

    Settings: ClassVar[type[AutoencoderSettings]] = PriorAutoencoderSettings

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] from codes of the prior."""
        return self.decode(self.latents(n, generator))
