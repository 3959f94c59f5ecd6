"""The variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, single_player
from harness.families.builders import NetworkSettings, at_least_float32, decoder, encoder, in_range


class VAESettings(NetworkSettings):
    """`latent`: numbers in the code.

    `likelihood` is the decoder's distribution of each pixel: a Gaussian of standard deviation
    `sigma` around a value in [-1, 1], or, for binarised images, a Bernoulli (appendix C.1).
    `beta` weighs the KL term (Higgins et al. 2017), and 1 is the evidence lower bound.
    """

    latent: PositiveInt = 32
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    sigma: PositiveFloat = 0.2
    beta: NonNegativeFloat = 1.0


class VAE(Family):
    """Encoder and decoder of an autoencoder, with distributions for the code and for the image."""

    Settings = VAESettings
    settings: VAESettings

    def build(self) -> nn.ModuleDict:
        """An encoder to mean and log-variance, and a decoder."""
        settings, shape, leaky = self.settings, self.shape, nn.LeakyReLU(0.2)
        return nn.ModuleDict(
            {
                "encoder": encoder(settings, shape, 2 * settings.latent, leaky),
                "decoder": decoder(settings, shape, settings.latent, leaky),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("encoder", "decoder"), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A standard Gaussian for the code of each of n images."""
        return {"epsilon": self.latents(n, generator)}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Minus the evidence lower bound (equation 10), and its two parts, in nats per image."""
        mean, logvar = at_least_float32(networks["encoder"](batch.x)).chunk(2, dim=1)
        z = mean + (0.5 * logvar).exp() * noise["epsilon"]
        reconstruction = -self._log_likelihood(networks, batch.x, z)
        kl = gaussian_kl(mean, logvar).mean()
        reconstruction = reconstruction.mean()
        return {
            "loss": reconstruction + self.settings.beta * kl,
            "reconstruction": reconstruction,
            "kl": kl,
        }

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the posterior's mean N×latent."""
        return self.posterior(x)[0]

    @torch.no_grad()
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x N×C×S×S → the mean and the log-variance of q(z|x), each N×latent."""
        mean, logvar = self.networks["encoder"](x).chunk(2, dim=1)
        return mean, logvar

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        decoder: Any = self.networks["decoder"]
        images: Tensor = (decoder.logits(z) / 2).tanh() if self.binary else decoder(z)
        return in_range(images, self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂ through the posterior's mean, both in [-1, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1]: the decoder's mean at codes from the prior."""
        return self.decode(self.latents(n, generator))

    @torch.no_grad()
    def elbo(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → the evidence lower bound (equation 10), N float64 nats.

        One code per image stands for the expectation of log p(x|z); the KL is exact. `beta` is a
        weight of training and has no part in it. The density is over pixels on [-1, 1] as given; of
        a Bernoulli it is the probability of the binary image.
        """
        mean, logvar = self.posterior(x)
        z = mean + (0.5 * logvar).exp() * self.latents(len(x), generator)
        likelihood = self._log_likelihood(self.networks, x.double(), z)
        return likelihood - gaussian_kl(mean.double(), logvar.double())

    @torch.no_grad()
    def importance_bound(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → log 1/k Σ p(x, z_i) / q(z_i|x) over `k` codes z_i from q: N float64 nats.

        Burda et al. 2016, arXiv:1509.00519, equation 8. At most log p(x) in expectation, which it
        approaches as k grows. The codes are taken one by one, in the memory of a single decoding.
        """
        if k < 1:
            raise BadInput(f"an importance-weighted bound of {k} codes per image has no value")
        mean, logvar = self.posterior(x)
        total = x.new_full((len(x),), -math.inf, dtype=torch.float64)
        for _ in range(k):
            noise = self.latents(len(x), generator)
            z = mean + (0.5 * logvar).exp() * noise
            # log p(z) − log q(z|x), of which the constants cancel.
            prior = 0.5 * (noise.square() + logvar - z.square()).double().sum(dim=1)
            total = total.logaddexp(self._log_likelihood(self.networks, x.double(), z) + prior)
        return total - math.log(k)

    @property
    def binary(self) -> bool:
        """Whether the likelihood is one of binary images."""
        return self.settings.likelihood == "bernoulli"

    def _log_likelihood(self, networks: nn.ModuleDict, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) in nats, N, in the precision of x: summed over thousands of pixels in float32
        it would lose the small terms.
        """
        decoder: Any = networks["decoder"]
        if self.binary:
            return bernoulli_log_likelihood(x, decoder.logits(z).to(x.dtype))
        return log_likelihood(x, decoder(z).to(x.dtype), self.settings.sigma)

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) ‖ N(0, 1)) in nats, summed over dimension 1 (appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def log_likelihood(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """log N(x; mean, sigma²) in nats, summed over all but the first dimension."""
    error = (x - mean).square().flatten(1)
    constant = math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return -error.sum(dim=1) / (2 * sigma**2) - error.shape[1] * constant


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x) in nats of x N×C×S×S in [-1, 1], where (x + 1) / 2 is 1 with the log odds `logits`;
    summed over all but the first dimension.
    """
    losses = F.binary_cross_entropy_with_logits(logits, (x + 1) / 2, reduction="none")
    return -losses.flatten(1).sum(dim=1)
