"""GANs with a style-based generator (Karras et al. 2019, arXiv:1812.04948; 2020,
arXiv:1912.04958).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from harness.core.settings import Settings
from harness.families.base import Layers, Noise
from harness.families.builders import in_range
from harness.families.gan import GAN
from harness.families.gan_game import Network
from harness.families.gan_networks import discriminator_network, start_discriminator
from harness.families.gan_player_settings import GeneratorSettings
from harness.families.gan_settings import GANSettings
from harness.networks.style import StyleGenerator

MEAN_CODES = 4096
"""Codes whose styles are averaged to be what truncated ones are drawn towards."""


class StyleSampling(Settings):
    """`space`: what its codes are, z or the styles w that the mapping makes of them. `truncation`:
    how far a style is from the mean one, as a share (StyleGAN, appendix B).
    """

    space: Literal["z", "w"] = "z"
    truncation: Annotated[float, Field(gt=0, le=1)] = 1.0


class StyleGANSettings(GANSettings):
    """`mapping`: layers from a code to its style, which both have `latent` numbers. `modulation`:
    StyleGAN's AdaIN, or StyleGAN2's of weights. `mixing`: how often an image of training has the
    style of another code from some layer on. The generator has twice the recipe's `width`.
    """

    mapping: Annotated[Layers, Field(ge=1)] = 4
    modulation: Literal["adain", "weights"] = "weights"
    mixing: Annotated[float, Field(ge=0, le=1)] = 0.9
    sampling: StyleSampling = StyleSampling()

    @model_validator(mode="after")
    def _has_a_style_based_generator(self) -> Self:
        if self.network != "conv":
            raise ValueError("a style-based generator is of convolutions; leave out network")
        plain = GeneratorSettings()
        for name in ("blocks", "norm", "attention"):
            if getattr(self.generator, name) != getattr(plain, name):
                raise ValueError(f"a style-based generator has no {name}; leave it out")
        if self.conditional and self.sampling.space == "w":
            raise ValueError("sampling: {space: w} goes with a model that is not conditional")
        return self


class StyleGAN(GAN):
    """A mapping of codes to styles, which steer every layer of the generator."""

    Settings = StyleGANSettings
    settings: StyleGANSettings

    def build(self) -> nn.ModuleDict:
        """The two players' networks."""
        settings, shape = self.settings, self.shape
        generator = StyleGenerator(
            settings.latent + self.classes, shape.channels, shape.size, 2 * settings.width,
            latent=settings.latent, mapping=settings.mapping,
            second=settings.modulation == "weights",
        )  # fmt: skip
        discriminator = discriminator_network(settings, shape)
        start_discriminator(discriminator, settings)
        return nn.ModuleDict({"generator": generator, "discriminator": discriminator})

    def generator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """As a GAN's, and what the layers of the generator are given."""
        return {**super().generator_noise(n, generator), **self._style_noise(n, generator)}

    def discriminator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """As a GAN's, and what the layers of the generator are given."""
        return {**super().discriminator_noise(n, generator), **self._style_noise(n, generator)}

    def made(self, generator: Network, labels: Tensor, noise: Noise) -> Tensor:
        """The images of the noise's codes, with styles mixed as it says, N×C×S×S."""
        layers = [noise[f"layer_{index}"] for index in range(len(self._generator.layers))]
        code, other = (self._code(noise[name], labels) for name in ("z", "other"))
        return generator(code, layers, other, noise["crossover"])

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent, of the space that is sampled in."""
        codes = self.codes(n, generator)
        return self._mapped(codes) if self.settings.sampling.space == "w" else codes

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent of the space that is sampled in, with their classes if it is conditional
        and with the same noise for all → images N×C×S×S in [-1, 1].
        """
        sampling, network = self.settings.sampling, self._generator
        w = z if sampling.space == "w" else self._mapped(z)
        if sampling.truncation < 1:
            generator = torch.Generator(z.device).manual_seed(0)
            codes = self.codes(MEAN_CODES, generator)
            labels = torch.arange(MEAN_CODES, device=z.device) % max(1, self.classes)
            mean = self._mapped(self._code(codes, labels)).mean(dim=0)
            w = mean + sampling.truncation * (w - mean)
        styles = w[:, None].expand(-1, len(network.layers), -1)
        return in_range(network.synthesise(styles), self.shape)

    @torch.no_grad()
    def opponent_samples(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] as the discriminator met them, if they need no class."""
        network = (self.raw or self.networks)["generator"]
        labels = torch.zeros(n, dtype=torch.int64, device=generator.device)
        return in_range(self.made(network, labels, self.generator_noise(n, generator)), self.shape)

    @property
    def _generator(self) -> StyleGenerator:
        network = self.networks["generator"]
        assert isinstance(network, StyleGenerator)
        return network

    @torch.no_grad()
    def _mapped(self, z: Tensor) -> Tensor:
        """Codes N×latent, with their classes if it is conditional → their styles N×latent."""
        w: Tensor = self._generator.mapping(z)
        return w

    def _style_noise(self, n: int, generator: torch.Generator) -> Noise:
        """Noise for each layer, another code for each image, and the layer from which on its style
        takes over: none but for a share of `mixing`.
        """
        layers, device = len(self._generator.layers), generator.device
        noise = {
            f"layer_{index}": value
            for index, value in enumerate(self._generator.draw_noise(n, generator))
        }
        crossover = torch.randint(1, layers, (n,), generator=generator, device=device)
        mixes = torch.rand(n, generator=generator, device=device) < self.settings.mixing
        return {
            **noise,
            "other": self.codes(n, generator),
            "crossover": torch.where(mixes, crossover, layers),
        }
