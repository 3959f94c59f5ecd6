"""Diffusion in the codes of an autoencoder (Rombach et al. 2022, arXiv:2112.10752).

First an autoencoder learns maps of codes, held loosely to a Gaussian. Then, with its weights
frozen, a diffusion model learns the distribution of the maps, scaled to unit variance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import torch
from pydantic import NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.settings import Settings
from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import ImageShape, Losses, Noise, Phase, Player, TrainingImages
from harness.families.builders import at_least_float32, in_range
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.families.vq import Multiple
from harness.networks.spatial_autoencoder import SpatialDecoder, SpatialEncoder, map_size
from harness.objectives.codes import gaussian_kl
from harness.objectives.reconstruction import squared_error
from harness.samplers.settings import Sampling


class KLAutoencoderSettings(Settings):
    """An image's side is divided by `factor`, through `width` channels, to maps of `code_channels`.

    `kl` weighs the divergence of the codes from a standard Gaussian, in nats for each value of the
    image, beside the mean squared error. `share` is its share of training.
    """

    width: Multiple = 32
    factor: PositiveInt = 2
    code_channels: PositiveInt = 4
    kl: NonNegativeFloat = 1e-4
    share: Share = 0.4


class LatentDiffusionSettings(DiffusionSettings):
    """A diffusion model's, and the `autoencoder` of its codes. Codes have no bounds, so that
    sampling goes without clipping.
    """

    autoencoder: KLAutoencoderSettings | None = None
    sampling: Sampling = Sampling(clip=False)

    @model_validator(mode="after")
    def _codes_come_from_somewhere(self) -> Self:
        if self.autoencoder is None:
            raise ValueError(
                "autoencoder is missing: latent diffusion starts from one, such as"
                " {factor: 2, code_channels: 4}"
            )
        if self.network == "mlp":
            raise ValueError("maps of codes go with network: conv")
        if self.sampling.clip:
            raise ValueError("sampling.clip is for images; codes have no bounds: clip: false")
        return self


class LatentDiffusion(Diffusion):
    """A diffusion model of the codes z = (E(x) − mean)/deviation, and the decoder of such codes."""

    Settings = LatentDiffusionSettings
    averaged = ("encoder", "decoder", "denoiser")
    settings: LatentDiffusionSettings

    @property
    def has_density(self) -> bool:
        """Whether it has a density of images: it has one of codes."""
        return False

    @property
    def autoencoder(self) -> KLAutoencoderSettings:
        """The settings of the autoencoder."""
        assert self.settings.autoencoder is not None
        return self.settings.autoencoder

    @property
    def noisy_shape(self) -> ImageShape:
        """The maps of codes."""
        settings = self.autoencoder
        side = map_size(self.shape.size, settings.factor)
        return replace(self.shape, channels=settings.code_channels, size=side)

    def build(self) -> nn.ModuleDict:
        """The autoencoder, the moments of its codes, and the denoiser of these."""
        settings, shape = self.autoencoder, self.shape
        sizes = (shape.channels, shape.size, settings.width)
        channels, factor = settings.code_channels, settings.factor
        return nn.ModuleDict(
            {
                "encoder": SpatialEncoder(*sizes, 2 * channels, factor),
                "decoder": SpatialDecoder(channels, *sizes, factor),
                "moments": CodeMoments(channels),
                **super().build(),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then the diffusion model, which begins with the moments of the codes."""
        share, (latent,) = self.autoencoder.share, super().phases()
        coders = Player(
            "autoencoder", ("encoder", "decoder"), self._code_noise, self.coding_loss,
            self.settings.optimizer,
        )  # fmt: skip
        return (
            Phase((coders,), "autoencoder", share),
            replace(latent, name="latent", share=1 - share, begin=self.fit_moments),
        )

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A diffusion model's, and what codes are drawn from their posteriors by."""
        return {**super().noise(n, generator), **self._code_noise(n, generator)}

    def _code_noise(self, n: int, generator: torch.Generator) -> Noise:
        return {"code": self._gaussian(n, generator)}

    def coding_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The squared error of the reconstruction and the weighted divergence of the codes."""
        mean, logvar = posterior(networks, batch.x)
        made = networks["decoder"](mean + (logvar / 2).exp() * noise["code"])
        reconstruction = squared_error(batch.x, made)
        kl = gaussian_kl(mean.flatten(1), logvar.flatten(1)).mean() / batch.x[0].numel()
        loss = reconstruction + self.autoencoder.kl * kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl}

    def fit_moments(
        self, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
    ) -> None:
        """Fits the moments to the codes of the training images, under the weights that decode."""
        moments: Any = networks["moments"]
        moments.fit([posterior(networks, batch.x) for batch in images.epoch()])

    def clean(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Tensor:
        """Codes of unit variance, drawn from the posteriors of the images."""
        moments: Any = networks["moments"]
        with torch.no_grad():
            mean, logvar = posterior(networks, batch.x)
            scaled: Tensor = moments.scaled(mean + (logvar / 2).exp() * noise["code"])
        return scaled

    def images(self, x: Tensor) -> Tensor:
        """Codes of unit variance N×C×H×W → images N×C×S×S in [-1, 1]."""
        moments: Any = self.networks["moments"]
        return in_range(self.networks["decoder"](moments.restored(x)), self.shape)


class CodeMoments(nn.Module):
    """The mean and the deviation of each channel of maps of codes, over all training images."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.ones(channels, 1, 1))

    def fit(self, posteriors: list[tuple[Tensor, Tensor]]) -> None:
        """Takes the moments of codes drawn from these Gaussians: means and log-variances, N×C×H×W
        each.
        """
        means, logvars = (torch.cat(parts).double() for parts in zip(*posteriors, strict=True))
        dims = (0, 2, 3)
        variance = means.var(dims, correction=0, keepdim=True)[0]
        variance = variance + logvars.exp().mean(dims, keepdim=True)[0]
        self.mean.copy_(means.mean(dims, keepdim=True)[0])
        self.deviation.copy_(variance.sqrt())

    def scaled(self, z: Tensor) -> Tensor:
        """Codes N×C×H×W → codes of mean 0 and variance 1."""
        return (z - self.mean) / self.deviation

    def restored(self, z: Tensor) -> Tensor:
        """The other direction."""
        return z * self.deviation + self.mean


def posterior(networks: nn.ModuleDict, x: Tensor) -> tuple[Tensor, Tensor]:
    """Images N×C×S×S → mean and log-variance of their codes, N×C×H×W each."""
    mean, logvar = at_least_float32(networks["encoder"](x)).chunk(2, dim=1)
    return mean, logvar.clamp(-30, 20)
