"""The variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.autoencoding import CodingSettings, encoder_and_decoder
from harness.families.base import PROGRESS, Family, Losses, Noise, Phase, Player
from harness.families.builders import at_least_float32, in_range
from harness.networks.dropout import draw_masks, use_masks
from harness.objectives.codes import DIVERGENCES, PosteriorInputs, gaussian_kl
from harness.objectives.reconstruction import (
    bernoulli_log_likelihood,
    log_likelihood,
    scaled_log_likelihood,
)


class DivergenceSettings(Settings):
    """What holds codes to the prior, one of `objectives.codes`, and the number that it takes."""

    kind: Annotated[str, KeyOf(DIVERGENCES)] = "weighted"
    amount: PositiveFloat | None = None

    @model_validator(mode="after")
    def _amount_fits(self) -> Self:
        meaning = DIVERGENCES[self.kind].amount
        if bool(meaning) != (self.amount is not None):
            raise ValueError(
                f"divergence: {self.kind} needs an amount: {meaning}"
                if meaning
                else f"divergence: {self.kind} takes no amount"
            )
        return self


class VAESettings(CodingSettings):
    """`likelihood` is the decoder's distribution of each pixel: a Gaussian of standard deviation
    `sigma`, which may be learned, around a value in [-1, 1], or, for binarised images, a Bernoulli.

    `beta` weighs the `divergence` (Higgins et al. 2017); 1 is the evidence lower bound, or with
    `importance_samples` the bound of several codes an image (Burda et al. 2016). `gradient`: how
    the encoder's is estimated.
    """

    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    sigma: PositiveFloat | Literal["learned"] = 0.2
    beta: NonNegativeFloat = 1.0
    divergence: DivergenceSettings = DivergenceSettings()
    importance_samples: PositiveInt = 1
    gradient: Literal["reparameterised", "score-function"] = "reparameterised"

    @model_validator(mode="after")
    def _importance_samples_are_of_the_plain_bound(self) -> Self:
        plain = self.beta == 1 and self.divergence.kind == "weighted"
        if self.importance_samples > 1 and not (plain and self.gradient == "reparameterised"):
            raise ValueError(
                "importance_samples go with beta 1, the weighted divergence and the"
                " reparameterised gradient"
            )
        return self


class GaussianCoder(Family):
    """An encoder to a Gaussian for each image, a decoder, and the loss that trains them.

    What a trained one can do depends on what its decoder takes beside a code.
    """

    Settings = VAESettings
    settings: VAESettings

    def build(self) -> nn.ModuleDict:
        """An encoder to mean and log-variance, a decoder, and the width of a learned Gaussian."""
        if self.binary and not self.shape.pixels:
            raise BadInput("a Bernoulli likelihood needs images of 8-bit pixels, in [0, 1]")
        networks = self.coders()
        if self.settings.sigma == "learned":
            networks["width"] = LogScale()
        return networks

    def coders(self) -> nn.ModuleDict:
        """The networks `encoder` and `decoder`."""
        return encoder_and_decoder(self.settings, self.shape, 2 * self.settings.latent)

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        player = Player(
            "model", tuple(self.networks), self.noise, self.loss, self.settings.optimizer,
            reads_progress=DIVERGENCES[self.settings.divergence.kind].reads_progress,
        )  # fmt: skip
        return (Phase((player,)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """Standard Gaussian numbers for the code, or the codes, of each of n images."""
        samples = self.settings.importance_samples
        epsilon = self.latents(n * samples, generator)
        noise = {"epsilon": epsilon if samples == 1 else epsilon.view(n, samples, -1)}
        return noise | (draw_masks(self.networks, n, generator) if self.settings.dropout else {})

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Minus the evidence lower bound (equation 10), and its two parts, in nats per image."""
        if self.settings.dropout:
            use_masks(networks, noise)
        mean, logvar = at_least_float32(networks["encoder"](batch.x)).chunk(2, dim=1)
        if self.settings.importance_samples > 1:
            return self._importance_loss(networks, batch, mean, logvar, noise["epsilon"])
        z = mean + (0.5 * logvar).exp() * noise["epsilon"]
        if self.settings.gradient == "score-function":
            z = z.detach()
        likelihood = self.image_log_likelihood(networks, batch.x, z, batch.labels)
        settings = self.settings
        inputs = PosteriorInputs(
            mean, logvar, z, settings.beta, settings.divergence.amount or 0.0, noise.get(PROGRESS)
        )
        divergence = DIVERGENCES[settings.divergence.kind].compute(inputs)
        expected = likelihood.mean()
        if settings.gradient == "score-function":
            expected = expected + _score_term(likelihood, mean, logvar, z)
        reconstruction = -likelihood.mean()
        return {"loss": divergence - expected, "reconstruction": reconstruction, "kl": inputs.kl}

    def _importance_loss(
        self, networks: nn.ModuleDict, batch: Batch, mean: Tensor, logvar: Tensor, epsilon: Tensor
    ) -> Losses:
        """Minus the bound of several codes an image, N×k×latent of them (Burda et al. 2016,
        arXiv:1509.00519, equation 8).
        """
        samples = epsilon.shape[1]
        z = mean[:, None] + (0.5 * logvar[:, None]).exp() * epsilon
        x, labels = batch.x.repeat_interleave(samples, 0), batch.labels.repeat_interleave(samples)
        likelihood = self.image_log_likelihood(networks, x, z.flatten(0, 1), labels)
        prior = 0.5 * _log_ratio(epsilon, logvar[:, None], z).sum(dim=2)
        weights = likelihood.view(-1, samples) + prior
        bound = weights.logsumexp(dim=1) - math.log(samples)
        kl = gaussian_kl(mean, logvar).mean()
        return {"loss": -bound.mean(), "reconstruction": -likelihood.mean(), "kl": kl}

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the posterior's mean N×latent."""
        return self.posterior(x)[0]

    @torch.no_grad()
    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x N×C×S×S → the mean and the log-variance of q(z|x), each N×latent."""
        mean, logvar = self.networks["encoder"](x).chunk(2, dim=1)
        return mean, logvar

    @property
    def binary(self) -> bool:
        """Whether the likelihood is one of binary images."""
        return self.settings.likelihood == "bernoulli"

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def image_log_likelihood(
        self, networks: nn.ModuleDict, x: Tensor, z: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """log p(x|z) in nats, N, in the precision of x: summed over thousands of pixels in float32
        it would lose the small terms.
        """
        decoder: Any = networks["decoder"]
        if self.binary:
            return bernoulli_log_likelihood(x, decoder.logits(z).to(x.dtype))
        if self.settings.sigma == "learned":
            log_sigma = networks["width"]().to(x.dtype)
            return scaled_log_likelihood(x, decoder(z).to(x.dtype), log_sigma)
        return log_likelihood(x, decoder(z).to(x.dtype), self.settings.sigma)

    @torch.no_grad()
    def images(self, z: Tensor) -> Tensor:
        """What the decoder takes, N×d → its means, images N×C×S×S in [-1, 1]."""
        decoder: Any = self.networks["decoder"]
        images: Tensor = (decoder.logits(z) / 2).tanh() if self.binary else decoder(z)
        return in_range(images, self.shape)


class VAE(GaussianCoder):
    """Encoder and decoder of an autoencoder, with distributions for the code and for the image."""

    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        return self.images(z)

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
        likelihood = self.image_log_likelihood(self.networks, x.double(), z)
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
            prior = 0.5 * _log_ratio(noise, logvar, z).double().sum(dim=1)
            likelihood = self.image_log_likelihood(self.networks, x.double(), z)
            total = total.logaddexp(likelihood + prior)
        return total - math.log(k)


class LogScale(nn.Module):
    """The logarithm of a Gaussian's standard deviation, which is learned; it starts at σ = 1."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))

    def forward(self) -> Tensor:
        """The 0-d parameter."""
        return self.value


def _log_ratio(epsilon: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    """2·log(p(z) / q(z|x)) of each number of codes z = mean + exp(logvar/2)·ε: the densities'
    constants cancel.
    """
    return epsilon.square() + logvar - z.square()


def _score_term(likelihood: Tensor, mean: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    """0, with the gradient E log p(x|z)·∇ log q(z|x) (Paisley et al. 2012, arXiv:1206.6430,
    equation 4).
    """
    density = -0.5 * ((z - mean).square() * (-logvar).exp() + logvar).sum(dim=1)
    return (likelihood.detach() * (density - density.detach())).mean()
