"""RePaint (Lugmayr et al. 2022, arXiv:2201.09865): holes filled by an unconditional model."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.samplers.ddim import forward_deviation, posterior_deviation
from harness.samplers.levels import NoiseLevels


def repaint(  # noqa: PLR0913 - what a sampler takes, and the image with its holes
    denoise: Denoiser,
    x: Tensor,
    levels: NoiseLevels,
    generator: torch.Generator,
    *,
    source: Tensor,
    known: Tensor,
    repeats: int,
) -> Tensor:
    """x₀ from noise `x` N×C×S×S, equal to `source` where `known` N×1×S×S is 1 (algorithm 1).

    At each level the known pixels are those of the noisy source, the others come from an ancestral
    step; the step is taken `repeats` times, each but the last undone by adding noise, so that both
    parts come to agree.
    """

    def gaussian() -> Tensor:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    signal, noise = levels.next_ones()
    added, forward = posterior_deviation(levels), forward_deviation(levels)
    rest = (noise.square() - added.square()).clamp(min=0).sqrt()
    back = levels.signal / signal
    rows = torch.stack([signal, noise, rest, added, back, forward], dim=1).to(x)
    inputs = levels.as_inputs(x)
    for number, (level, row) in enumerate(zip(inputs, rows, strict=True), start=1):
        kept, kept_noise, rest_noise, new_noise, shrink, again = row
        count = repeats if number < len(inputs) else 1
        for repeat in range(count):
            image, epsilon, _ = denoise(x, level)
            unknown = kept * image + rest_noise * epsilon + new_noise * gaussian()
            x = torch.where(known > 0, kept * source + kept_noise * gaussian(), unknown)
            if repeat < count - 1:
                x = shrink * x + again * gaussian()
    return x
