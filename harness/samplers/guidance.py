"""Guidance as a denoiser made from denoisers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from harness.objectives.denoising import Denoised, Denoiser, NoiseLevel


def guided(conditional: Denoiser, unconditional: Denoiser, weight: float) -> Denoiser:
    """Classifier-free guidance: (1 − w)·ε_∅ + w·ε_c, and x₀ likewise (Ho & Salimans 2022,
    arXiv:2207.12598, equation 6, whose w is one less).

    Learned variances come from the conditional denoiser. With weight 1 the result is that denoiser,
    and the other is not evaluated.
    """
    if weight == 1:
        return conditional

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        toward, away = conditional(x, level), unconditional(x, level)
        return Denoised(
            (1 - weight) * away.x0 + weight * toward.x0,
            (1 - weight) * away.epsilon + weight * toward.epsilon,
            toward.share,
        )

    return denoise


def classifier_guided(
    denoiser: Denoiser, score: Callable[[Tensor, NoiseLevel], Tensor], weight: float
) -> Denoiser:
    """Classifier guidance: ε̂ − w·s·∇ log p(y | x_t), and the x₀ that goes with it (Dhariwal &
    Nichol 2021, arXiv:2105.05233, algorithm 2). `score` gives the gradient at x_t N×C×S×S.

    With weight 0 it is the denoiser, and no gradient is computed.
    """
    if weight == 0:
        return denoiser

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        image, epsilon, share = denoiser(x, level)
        change = weight * level.noise * score(x, level)
        return Denoised(image + level.noise / level.signal * change, epsilon - change, share)

    return denoise


def clipped(denoiser: Denoiser) -> Denoiser:
    """Holds x̂₀ to [-1, 1], and takes as ε̂ the noise that leads from there to x_t.

    With the predicted ε kept, x_s would no longer lie between image and noise, and what is missing
    would add up over the steps.
    """

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        image, epsilon, share = denoiser(x, level)
        inside = image.clamp(-1, 1)
        return Denoised(inside, epsilon + (image - inside) * level.signal / level.noise, share)

    return denoise
