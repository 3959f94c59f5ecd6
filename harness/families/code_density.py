"""Autoencoders with a density that is fitted to their codes once they are trained, which makes
samplers of them (Ghosh et al. 2020, arXiv:1903.12436, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.families.autoencoder import Autoencoder, AutoencoderSettings
from harness.families.base import Phase, TrainingImages
from harness.families.vae import VAE, VAESettings
from harness.networks.code_densities import CodeGaussian, CodeMixture

Codes = Callable[[nn.ModuleDict, Tensor, torch.Generator], Tensor]
"""Networks, x N×C×S×S and a generator → codes N×latent."""


def density_phase(codes: Codes) -> Phase:
    """The phase that fits the network `density` to the codes of all training images."""
    return Phase(name="density", share=0, begin=partial(_fit_density, codes))


def _fit_density(
    codes: Codes, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
) -> None:
    density: Any = networks["density"]
    every = [codes(networks, batch.x, generator) for batch in images.epoch()]
    density.fit(torch.cat(every), generator)


class _WithDensity(Autoencoder):
    """An autoencoder that is trained as ever, and then fits the network `density`."""

    def phases(self) -> tuple[Phase, ...]:
        """The phases of an autoencoder, and one that fits the density."""
        return (*super().phases(), density_phase(lambda nets, x, _: self._codes(nets, x)))


class GaussianAutoencoder(_WithDensity):
    """An autoencoder whose codes, once it is trained, are shifted and turned into ones with mean 0
    and covariance 1: a standard Gaussian is then their prior.
    """

    def build(self) -> nn.ModuleDict:
        """Encoder, decoder and the Gaussian of the codes."""
        networks = super().build()
        networks["density"] = CodeGaussian(self.settings.latent)
        return networks

    @property
    def _density(self) -> CodeGaussian:
        density: Any = self.networks["density"]
        return density  # type: ignore[no-any-return]

    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → whitened codes N×latent."""
        return self._density.whiten(super().encode(x))

    def decode(self, z: Tensor) -> Tensor:
        """Whitened codes N×latent → images N×C×S×S in [-1, 1]."""
        return super().decode(self._density.colour(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂ as without the density, both in [-1, 1]."""
        return super().decode(super().encode(x))

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n whitened codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], from codes of the prior."""
        return self.decode(self.latents(n, generator))


class MixtureSettings(AutoencoderSettings):
    """`components`: Gaussians in the mixture."""

    components: PositiveInt = 10


class MixtureAutoencoder(_WithDensity):
    """An autoencoder that is sampled from a mixture of Gaussians, fitted to its codes once it is
    trained.
    """

    Settings = MixtureSettings
    settings: MixtureSettings

    def build(self) -> nn.ModuleDict:
        """Encoder, decoder and the mixture."""
        networks = super().build()
        networks["density"] = CodeMixture(self.settings.latent, self.settings.components)
        return networks

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], from codes of the mixture."""
        density: Any = self.networks["density"]
        return self.decode(density.sample(n, generator))


class MixtureVAESettings(VAESettings):
    """`components`: Gaussians in the mixture."""

    components: PositiveInt = 10


class MixtureVAE(VAE):
    """A VAE that is sampled from a mixture of Gaussians, fitted once it is trained to a code of
    each training image, drawn from its posterior. Its bounds are those of the prior of training.
    """

    Settings = MixtureVAESettings
    settings: MixtureVAESettings

    def build(self) -> nn.ModuleDict:
        """The VAE's networks and the mixture."""
        networks = super().build()
        networks["density"] = CodeMixture(self.settings.latent, self.settings.components)
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """The phase of a VAE, and one that fits the density."""
        return (*super().phases(), density_phase(self._drawn_codes))

    def _drawn_codes(
        self, networks: nn.ModuleDict, x: Tensor, generator: torch.Generator
    ) -> Tensor:
        """x N×C×S×S → a code of each, N×latent, drawn from its posterior."""
        mean, logvar = networks["encoder"](x).chunk(2, dim=1)
        codes: Tensor = mean + (0.5 * logvar).exp() * self.latents(len(mean), generator)
        return codes

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1]: the decoder's mean at codes of the mixture."""
        density: Any = self.networks["density"]
        return self.decode(density.sample(n, generator))
