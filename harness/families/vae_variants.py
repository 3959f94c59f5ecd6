"""VAEs with other networks: a class as condition, maps of codes, an autoregressive decoder."""

from __future__ import annotations

from typing import Any, Self

import torch
import torch.nn.functional as F
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.families.autoencoding import encoder_and_decoder
from harness.families.builders import check_classes, encoder, random_labels
from harness.families.vae import VAE, GaussianCoder, VAESettings
from harness.networks.autoregressive import GatedPixelCNN
from harness.networks.spatial_autoencoder import SpatialDecoder, SpatialEncoder, map_size


class ConditionalVAE(GaussianCoder):
    """A VAE whose decoder takes the class beside the code, as a vector that is 1 at the class (Sohn
    et al. 2015, NeurIPS, with an encoder that does not take the class).
    """

    conditional = True

    def coders(self) -> nn.ModuleDict:
        """The encoder, and a decoder of code and class. BadInput where the data have no classes."""
        check_classes(self.shape)
        latent = self.settings.latent
        wider = self.settings.model_copy(update={"latent": latent + self.shape.classes})
        return encoder_and_decoder(wider, self.shape, 2 * latent)

    def image_log_likelihood(
        self, networks: nn.ModuleDict, x: Tensor, z: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """log p(x|z, class) in nats, N."""
        assert labels is not None
        return super().image_log_likelihood(networks, x, self._beside(z, labels))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], of classes drawn at random."""
        return self.sample_labels(random_labels(n, self.shape.classes, generator), generator)

    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        return self.images(self._beside(self.latents(len(labels), generator), labels))

    def _beside(self, z: Tensor, labels: Tensor) -> Tensor:
        return torch.cat([z, F.one_hot(labels, self.shape.classes).to(z.dtype)], dim=1)


class SpatialVAESettings(VAESettings):
    """A code is a map of `code_channels` channels, whose side is the image's divided by `factor`.
    `latent` is not used.
    """

    factor: PositiveInt = 4
    code_channels: PositiveInt = 4

    @model_validator(mode="after")
    def _networks_are_convolutions(self) -> Self:
        if self.network == "mlp":
            raise ValueError("maps of codes go with network: conv")
        if self.width % 4:
            raise ValueError("width is a multiple of 4: the networks normalise in four groups")
        return self


class SpatialVAE(VAE):
    """A VAE with maps of codes, as latent diffusion starts from (Rombach et al. 2022,
    arXiv:2112.10752, section 3.1). Codes are given as vectors N×d, channel by channel.
    """

    Settings = SpatialVAESettings
    settings: SpatialVAESettings

    def coders(self) -> nn.ModuleDict:
        """The encoder to mean and log-variance maps as vectors, and the decoder of vectors."""
        settings, shape = self.settings, self.shape
        channels, side = settings.code_channels, map_size(shape.size, settings.factor)
        sizes = (shape.channels, shape.size, settings.width)
        first = SpatialEncoder(*sizes, 2 * channels, settings.factor)
        last = SpatialDecoder(channels, *sizes, settings.factor)
        return nn.ModuleDict(
            {
                "encoder": nn.Sequential(first, nn.Flatten()),
                "decoder": FlatDecoder(last, (channels, side, side)),
            }
        )

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes N×d from the prior, a standard Gaussian."""
        side = map_size(self.shape.size, self.settings.factor)
        count = self.settings.code_channels * side**2
        return torch.randn(n, count, generator=generator, device=generator.device)


class FlatDecoder(nn.Module):
    """A decoder of maps that takes them as vectors."""

    def __init__(self, decoder: SpatialDecoder, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.decoder, self.shape = decoder, shape

    def forward(self, z: Tensor) -> Tensor:
        """z N×d → images N×C×S×S."""
        images: Tensor = self.decoder(z.view(len(z), *self.shape))
        return images

    def logits(self, z: Tensor) -> Tensor:
        """z N×d → the log odds that a value is 1 and not −1, N×C×S×S."""
        return self.decoder.logits(z.view(len(z), *self.shape))


class AutoregressiveVAESettings(VAESettings):
    """`layers` of the PixelCNN, of `decoder_width` channels."""

    layers: PositiveInt = 4
    decoder_width: PositiveInt = 16

    @model_validator(mode="after")
    def _images_are_binary(self) -> Self:
        if self.likelihood != "bernoulli":
            raise ValueError("an autoregressive decoder goes with likelihood: bernoulli")
        return self


class AutoregressiveVAE(VAE):
    """A VAE whose decoder also sees the pixels before the one that it predicts, and so may leave
    the code unused (Chen et al. 2017, arXiv:1611.02731; Gulrajani et al. 2017, arXiv:1611.05013).

    A value above 0 is white. Images have one channel.
    """

    Settings = AutoregressiveVAESettings
    settings: AutoregressiveVAESettings

    def coders(self) -> nn.ModuleDict:
        """The encoder, and a PixelCNN conditioned on the code. BadInput for images in colour."""
        settings, shape = self.settings, self.shape
        if shape.channels != 1:
            raise BadInput("its decoder takes grey images, as of mnist[binarise=static]")
        latent = settings.latent
        pixels = GatedPixelCNN(2, settings.decoder_width, settings.layers, condition=latent)
        return nn.ModuleDict(
            {
                "encoder": encoder(settings, shape, 2 * latent, nn.LeakyReLU(0.2)),
                "decoder": pixels,
            }
        )

    def image_log_likelihood(
        self, networks: nn.ModuleDict, x: Tensor, z: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """log p(x|z) in nats, N."""
        decoder: Any = networks["decoder"]
        likelihood: Tensor = decoder.log_likelihood((x[:, 0] > 0).long(), z)
        return likelihood.to(x.dtype)

    def images(self, z: Tensor) -> Tensor:
        """Codes N×latent → the likeliest image pixel by pixel, N×1×S×S of −1 and 1."""
        decoder: Any = self.networks["decoder"]
        return _as_images(decoder.most_likely((len(z), self.shape.size, self.shape.size), z))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×1×S×S of −1 and 1, code and pixels drawn."""
        decoder: Any = self.networks["decoder"]
        z = self.latents(n, generator)
        shape = (n, self.shape.size, self.shape.size)
        uniforms = torch.rand(shape, generator=generator, device=generator.device)
        return _as_images(decoder.sample(uniforms, z))


def _as_images(symbols: Tensor) -> Tensor:
    """0 and 1, N×S×S → −1 and 1, N×1×S×S."""
    return symbols[:, None].float() * 2 - 1
