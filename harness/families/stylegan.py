"""GANs with a style-based generator (Karras et al. 2019, arXiv:1812.04948; 2020,
arXiv:1912.04958).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Phase
from harness.families.builders import in_range
from harness.families.gan import GAN
from harness.families.gan_game import Network
from harness.families.gan_networks import discriminator_network, start_discriminator
from harness.families.stylegan_settings import StyleGANSettings
from harness.networks.conditioning import CONDITIONINGS
from harness.networks.style import StyleGenerator, mixed_styles
from harness.networks.style_discriminator import StyleDiscriminator
from harness.objectives.path_length import path_length_penalty, path_lengths

MEAN_CODES = 4096
"""Codes whose styles are averaged to be what truncated ones are drawn towards."""


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
        networks = nn.ModuleDict({"generator": generator, "discriminator": self._discriminator()})
        if settings.path_length:
            networks["path_mean"] = PathMean()
        return networks

    def _discriminator(self) -> nn.Module:
        settings, shape, player = self.settings, self.shape, self.settings.discriminator
        if player.architecture == "stylegan2":
            conditioning = CONDITIONINGS[player.conditioning]
            channels = player.packing * shape.channels + conditioning.channels(self.classes)
            width = player.width or settings.width
            outputs = conditioning.outputs(self.classes)
            return StyleDiscriminator(channels, shape.size, width, outputs)
        discriminator = discriminator_network(settings, shape)
        start_discriminator(discriminator, settings)
        return discriminator

    def phases(self) -> tuple[Phase, ...]:
        """As a GAN's; the mean length of paths follows each step of the generator."""
        (phase,) = super().phases()
        if not self.settings.path_length:
            return (phase,)
        *others, generator = phase.players
        generator = replace(generator, after=self._follow_lengths)
        return (replace(phase, players=(*others, generator)),)

    def generator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """As a GAN's, what the layers of the generator are given, and directions of images."""
        noise = {**super().generator_noise(n, generator), **self._style_noise(n, generator)}
        if self.settings.path_length:
            size = self.shape.size
            shape = (n, self.shape.channels, size, size)
            directions = torch.randn(shape, generator=generator, device=generator.device)
            noise["directions"] = directions / size
        return noise

    def discriminator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """As a GAN's, and what the layers of the generator are given."""
        return {**super().discriminator_noise(n, generator), **self._style_noise(n, generator)}

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """As a GAN's, and the regularisation of path lengths times its weight."""
        losses = super().generator_loss(networks, batch, noise)
        if not (settings := self.settings.path_length):
            return losses
        lengths = self._path_lengths(networks, batch, noise)
        penalty = path_length_penalty(lengths, _path_mean(networks))
        loss = losses["loss"] + settings.weight * penalty
        return {**losses, "loss": loss, "path_length": penalty}

    def _path_lengths(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Tensor:
        """The lengths of the share of the images that are regularised."""
        network = networks["generator"]
        assert isinstance(network, StyleGenerator)
        assert self.settings.path_length is not None
        count = max(1, round(self.settings.path_length.share * len(noise["z"])))
        layers = [noise[f"layer_{index}"][:count] for index in range(len(network.layers))]
        code, other = (self._code(noise[name], batch.labels)[:count] for name in ("z", "other"))
        styles = mixed_styles(
            network.styles(code), network.styles(other), noise["crossover"][:count]
        )
        directions = noise["directions"][:count]
        return path_lengths(lambda w: network.synthesise(w, layers), styles, directions)

    def _follow_lengths(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Moves the mean towards the lengths of the generator after its step; that mean."""
        assert self.settings.path_length is not None
        mean = _path_mean(networks)
        lengths = self._path_lengths(networks, batch, noise)
        mean.lerp_(lengths.mean(), self.settings.path_length.rate)
        return {"mean_path_length": mean.clone()}

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
        styles = self._styles(z)[:, None].expand(-1, len(self._generator.layers), -1)
        return in_range(self._generator.synthesise(styles), self.shape)

    @torch.no_grad()
    def mix_styles(self, first: Tensor, second: Tensor) -> Tensor:
        """Codes of both, as `decode` takes them → images N×C×S×S in [-1, 1] with the style of
        `first` in the first half of the layers, rounded down, and of `second` in the others.
        """
        layers = len(self._generator.layers)
        early, late = (self._styles(z)[:, None].expand(-1, layers, -1) for z in (first, second))
        crossover = torch.full((len(first),), layers // 2, device=first.device)
        return in_range(
            self._generator.synthesise(mixed_styles(early, late, crossover)), self.shape
        )

    def _styles(self, z: Tensor) -> Tensor:
        """The styles N×latent of codes, truncated as the recipe says."""
        sampling = self.settings.sampling
        w = z if sampling.space == "w" else self._mapped(z)
        if sampling.truncation < 1:
            generator = torch.Generator(z.device).manual_seed(0)
            codes = self.codes(MEAN_CODES, generator)
            labels = torch.arange(MEAN_CODES, device=z.device) % max(1, self.classes)
            mean = self._mapped(self._code(codes, labels)).mean(dim=0)
            w = mean + sampling.truncation * (w - mean)
        return w

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


class PathMean(nn.Module):
    """The moving mean of path lengths, which starts at 0."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(()))


def _path_mean(networks: nn.ModuleDict) -> Tensor:
    network = networks["path_mean"]
    assert isinstance(network, PathMean)
    return network.value
