"""Denoising: how noise is added, what a network predicts, and how its error is weighted.

An image x₀ with noise ε of N(0, 1) is x_t = a·x₀ + s·ε: a is the signal, s the noise. Of the
variance-preserving process a = √ᾱ_t and s = √(1 − ᾱ_t), and the signal-to-noise ratio is
SNR = a²/s² (Kingma et al. 2021, arXiv:2107.00630, equation 2). All that follows are pure functions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn


class NoiseLevel(NamedTuple):
    """A place on the way from image to noise, of all images (0-d) or of each (N, N×1×1×1 twice)."""

    time: Tensor
    """What the network takes of it."""
    signal: Tensor
    noise: Tensor


class Denoised(NamedTuple):
    """What a noisy image is taken to consist of: x_t = signal·x0 + noise·epsilon."""

    x0: Tensor
    epsilon: Tensor
    share: Tensor | None = None
    """Where a network learns variances: how far ln σ² of each value is on the way from β̃ to β."""


Denoiser = Callable[[Tensor, NoiseLevel], Denoised]
"""Takes x_t N×C×S×S at one level apart."""


def add_noise(x0: Tensor, epsilon: Tensor, level: NoiseLevel) -> Tensor:
    """x_t = a·x₀ + s·ε."""
    return level.signal * x0 + level.noise * epsilon


# Schedules: ᾱ as a function of the number of timesteps, float64, falling from nearly 1 to nearly 0.


def _linear(timesteps: int) -> Tensor:
    """β from 10⁻⁴ to 0.02 for 1000 timesteps (Ho et al. 2020, arXiv:2006.11239, section 4), scaled
    for other numbers of them.
    """
    scale = 1000 / timesteps
    beta = torch.linspace(1e-4 * scale, 0.02 * scale, timesteps, dtype=torch.float64)
    return (1 - beta.clamp(max=0.999)).cumprod(0)


def _cosine(timesteps: int) -> Tensor:
    """Nichol & Dhariwal 2021 (arXiv:2102.09672), equation 17, β ≤ 0.999."""
    t = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    return _discrete(torch.cos((t + 0.008) / 1.008 * math.pi / 2).square())


def _sigmoid(timesteps: int) -> Tensor:
    """Jabri et al. 2022 (arXiv:2212.11972), algorithm 3 with start −3, end 3 and τ = 1: a logistic
    curve, scaled to go from 1 to 0; β ≤ 0.999.
    """
    t = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    curve = torch.sigmoid(6 * t - 3)
    return _discrete((curve[-1] - curve) / (curve[-1] - curve[0]))


def _discrete(left: Tensor) -> Tensor:
    """ᾱ at the timesteps 1 … T from the curve at 0 … T."""
    beta = 1 - left[1:] / left[:-1]
    return (1 - beta.clamp(max=0.999)).cumprod(0)


SCHEDULES: Mapping[str, Callable[[int], Tensor]] = {
    "linear": _linear,
    "cosine": _cosine,
    "sigmoid": _sigmoid,
}
"""By the name that recipes give it as `schedule:`."""


def alpha_bar(schedule: str, timesteps: int) -> Tensor:
    """ᾱ at each timestep, float64: entry t belongs to timestep t + 1 of the papers."""
    return SCHEDULES[schedule](timesteps)


# Targets: what the network predicts.


@dataclass(frozen=True)
class Target:
    """What a network predicts, from x₀ and ε; and both of them from the output and x_t.

    Unweighted, its squared error is the error of x₀ times `x0_weight`, a function of SNR. The
    network gets x_t times `scale`, a function of the level. `share` gives that of `Denoised`.
    """

    value: Callable[[Tensor, Tensor, NoiseLevel], Tensor]
    x0: Callable[[Tensor, Tensor, NoiseLevel], Tensor]
    epsilon: Callable[[Tensor, Tensor, NoiseLevel], Tensor]
    x0_weight: Callable[[Tensor], Tensor]
    scale: Callable[[NoiseLevel], Tensor] | None = None
    share: Callable[[Tensor], Tensor | None] = lambda out: None

    def scaled(self, x: Tensor, level: NoiseLevel) -> Tensor:
        """What the network takes for x_t."""
        return x if self.scale is None else self.scale(level) * x


TARGETS: Mapping[str, Target] = {
    # Ho et al. 2020, arXiv:2006.11239, equations 14 and 15.
    "epsilon": Target(
        value=lambda x0, epsilon, level: epsilon,
        x0=lambda out, x, level: (x - level.noise * out) / level.signal,
        epsilon=lambda out, x, level: out,
        x0_weight=lambda snr: snr,
    ),
    "x0": Target(
        value=lambda x0, epsilon, level: x0,
        x0=lambda out, x, level: out,
        epsilon=lambda out, x, level: (x - level.signal * out) / level.noise,
        x0_weight=torch.ones_like,
    ),
    # Salimans & Ho 2022, arXiv:2202.00512, appendix D: v = a·ε − s·x₀, where a² + s² = 1.
    "v": Target(
        value=lambda x0, epsilon, level: level.signal * epsilon - level.noise * x0,
        x0=lambda out, x, level: level.signal * x - level.noise * out,
        epsilon=lambda out, x, level: level.noise * x + level.signal * out,
        x0_weight=lambda snr: snr + 1,
    ),
}
"""By the name that recipes give it as `target:`."""


def network_denoiser(
    network: Callable[..., Tensor], target: Target, *condition: Tensor
) -> Denoiser:
    """A denoiser from `network(x_t, time, *condition)`, which predicts `target`."""

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        out = network(target.scaled(x, level), level.time.expand(len(x)), *condition)
        return Denoised(target.x0(out, x, level), target.epsilon(out, x, level), target.share(out))

    return denoise


# Weightings: the weight of the squared error of x₀ at each timestep, float64, from ᾱ.


def _snr(alpha_bar: Tensor) -> Tensor:
    """SNR: the unweighted loss of ε (Salimans & Ho 2022, arXiv:2202.00512, section 4)."""
    return alpha_bar / (1 - alpha_bar)


def _min_snr(alpha_bar: Tensor, gamma: float = 5.0) -> Tensor:
    """min(SNR, γ) (Hang et al. 2023, arXiv:2303.09556, equation 6)."""
    return _snr(alpha_bar).clamp(max=gamma)


def _p2(alpha_bar: Tensor) -> Tensor:
    """SNR/(k + SNR)^γ, k = γ = 1 (Choi et al. 2022, arXiv:2204.00227, equation 8)."""
    snr = _snr(alpha_bar)
    return snr / (1 + snr)


def _vlb(alpha_bar: Tensor) -> Tensor:
    """The terms of the variational bound with σ² = β: SNR·β/(2α(1 − ᾱ)) (Ho et al. 2020,
    arXiv:2006.11239, equation 12), times their number, so that the loss's mean over t is their sum
    in nats for each value.
    """
    alpha = alpha_bar / torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
    weight = (1 - alpha) / (2 * alpha * (1 - alpha_bar))
    return len(alpha_bar) * _snr(alpha_bar) * weight


WEIGHTINGS: Mapping[str, Callable[[Tensor], Tensor] | None] = {
    "simple": None,
    "snr": _snr,
    "min-snr": _min_snr,
    "p2": _p2,
    "vlb": _vlb,
}
"""By the name that recipes give it as `weighting:`; "simple" is the unweighted error of the target
(Ho et al. 2020, equation 14)."""


def target_weights(weighting: str, target: Target, alpha_bar: Tensor) -> Tensor | None:
    """The weight of the target's squared error at each timestep, float64; None for 1 everywhere."""
    of_x0 = WEIGHTINGS[weighting]
    return None if of_x0 is None else of_x0(alpha_bar) / target.x0_weight(_snr(alpha_bar))


class NoiseProcess(nn.Module, ABC):
    """The noise levels of training. A module so that its tables lie on the device."""

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n places on the way from image to noise, each by one number: N."""

    @abstractmethod
    def forward(self, t: Tensor) -> NoiseLevel:
        """Places t N → the level of each image."""

    def weight(self, t: Tensor) -> Tensor | None:
        """Places t N → the weight of each image's error, N; None where all are 1."""
        return None


class ForwardProcess(NoiseProcess):
    """The variance-preserving process at whole timesteps."""

    alpha_bar: Tensor
    weights: Tensor | None

    def __init__(self, alpha_bar: Tensor, weights: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("alpha_bar", alpha_bar.float(), persistent=False)
        values = None if weights is None else weights.float()
        self.register_buffer("weights", values, persistent=False)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n timesteps, int64, each as likely as any other."""
        timesteps = len(self.alpha_bar)
        return torch.randint(timesteps, (n,), generator=generator, device=generator.device)

    def forward(self, t: Tensor) -> NoiseLevel:
        """t int64 N → the level of each image."""
        left = self.alpha_bar[t][:, None, None, None]
        return NoiseLevel(t, left.sqrt(), (1 - left).sqrt())

    def weight(self, t: Tensor) -> Tensor | None:
        """t int64 N → N of the `weights` by timestep that it was made with."""
        return None if self.weights is None else self.weights[t]


def weighted_error(output: Tensor, value: Tensor, weight: Tensor | None) -> Tensor:
    """The mean squared error, each image's times its `weight` N."""
    error = (output - value).square()
    return error.mean() if weight is None else (weight * error.flatten(1).mean(dim=1)).mean()
