"""Samplers of flows: ordinary methods for dx/dt = v(x, t), from noise at t = 0 to images at 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from harness.objectives.denoising import Denoiser
from harness.objectives.flow import flow_level
from harness.samplers.runge_kutta import runge_kutta

Velocity = Callable[[Tensor, Tensor], Tensor]
"""x N×C×S×S and t 0-d → dx/dt N×C×S×S."""

Step = Callable[[Velocity, Tensor, Tensor, Tensor], Tensor]
"""The velocity field, x at t, t, and the width h of the step → x at t + h."""


def straight_velocity(denoise: Denoiser) -> Velocity:
    """The velocity x̂₀ − ε̂ of straight paths x_t = t·x₀ + (1 − t)·ε."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        denoised = denoise(x, flow_level(t))
        return denoised.x0 - denoised.epsilon

    return velocity


def _euler(velocity: Velocity, x: Tensor, t: Tensor, h: Tensor) -> Tensor:
    """Of first order, one evaluation."""
    return x + h * velocity(x, t)


def _midpoint(velocity: Velocity, x: Tensor, t: Tensor, h: Tensor) -> Tensor:
    """Of second order, two evaluations, none of them at t + h."""
    return x + h * velocity(x + h / 2 * velocity(x, t), t + h / 2)


def _heun(velocity: Velocity, x: Tensor, t: Tensor, h: Tensor) -> Tensor:
    """Of second order, two evaluations."""
    slope = velocity(x, t)
    return x + h * (slope + velocity(x + h * slope, t + h)) / 2


STEPS: Mapping[str, Step] = {"euler": _euler, "midpoint": _midpoint, "heun": _heun}
"""By the name that recipes of flows give as `sampling: {kind: …}`."""


def flow(velocity: Velocity, x: Tensor, kind: str, steps: int) -> Tensor:
    """Images from noise `x` N×C×S×S in `steps` even steps of a method of `STEPS`."""
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64).to(x)
    for t, later in pairwise(times):
        x = STEPS[kind](velocity, x, t, later - t)
    return x


def adaptive_flow(velocity: Velocity, x: Tensor, tolerance: float) -> Tensor:
    """Images from noise `x` N×C×S×S by Runge and Kutta's method of order 5(4), in steps as wide as
    relative and absolute `tolerance` allow for the batch as a whole.
    """

    def slope(t: float, state: Tensor) -> Tensor:
        return velocity(state.to(x).view_as(x), x.new_tensor(t)).flatten()

    return runge_kutta(slope, x.flatten(), (0.0, 1.0), tolerance).to(x).view_as(x)
