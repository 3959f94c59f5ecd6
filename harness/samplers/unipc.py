"""UniPC (Zhao et al. 2023, arXiv:2302.04867), by the package diffusers."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.samplers.levels import NoiseLevels


def check_diffusers() -> None:
    """Raise ValueError where diffusers is not installed."""
    if find_spec("diffusers") is None:
        raise ValueError("kind: unipc needs diffusers: python -m pip install 'harness[diffusers]'")


def unipc(denoise: Denoiser, x: Tensor, levels: NoiseLevels) -> Tensor:
    """x₀ from noise `x` N×C×S×S, by a predictor and a corrector of order 2 on x̂₀."""
    from diffusers import UniPCMultistepScheduler  # noqa: PLC0415 - an extra, and slow

    scheduler = UniPCMultistepScheduler(prediction_type="sample", solver_order=2)
    inputs = levels.as_inputs(x)
    scheduler.set_timesteps(len(inputs))
    # Its levels are replaced by ours, in the scale of a variance-preserving process.
    scheduler.timesteps = torch.arange(len(inputs))
    scheduler.sigmas = torch.cat([levels.sigmas(), levels.noise.new_zeros(1)]).float()
    sigma = (levels.noise.square() + levels.signal.square()).sqrt().to(x)
    x = x / sigma[0]
    for step, level in enumerate(inputs):
        image = denoise(x * sigma[step], level).x0
        x = scheduler.step(image, scheduler.timesteps[step], x).prev_sample
    return x
