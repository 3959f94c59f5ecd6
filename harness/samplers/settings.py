"""How a recipe says that samples are drawn: the section `sampling`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Self

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.objectives.denoising import Denoiser
from harness.objectives.variational_bound import Variance
from harness.samplers.ancestral import ancestral
from harness.samplers.ddim import ddim
from harness.samplers.dpm_solver import dpm_solver
from harness.samplers.flow import STEPS, Velocity, adaptive_flow, flow
from harness.samplers.heun import heun
from harness.samplers.levels import NoiseLevels
from harness.samplers.unipc import check_diffusers, unipc

Sampler = Callable[[Denoiser, Tensor, NoiseLevels, "Sampling", torch.Generator], Tensor]
"""A denoiser, noise N×C×S×S, the levels to visit, settings and a generator → x₀ N×C×S×S."""

SAMPLERS: Mapping[str, Sampler] = {
    "ddim": lambda d, x, levels, how, rng: ddim(d, x, levels, rng, how.eta),
    "ancestral": lambda d, x, levels, how, rng: ancestral(d, x, levels, rng, how.variance),
    "heun": lambda d, x, levels, how, rng: heun(d, x, levels),
    "dpm-solver++": lambda d, x, levels, how, rng: dpm_solver(d, x, levels),
    "unipc": lambda d, x, levels, how, rng: unipc(d, x, levels),
}
"""By the name that recipes give as `sampling: {kind: …}`."""


class Guidance(Settings):
    """`guidance`: the weight of classifier-free guidance; at 1 there is none."""

    guidance: float = Field(default=1.0, ge=0)


class Sampling(Guidance):
    """A sampler in `steps` steps.

    `eta` of DDIM: 0 is deterministic, 1 adds DDPM's noise. `variance` of ancestral sampling: β̃
    ("small"), β ("large"), or between them as the network says ("learned"). With `clip`, the image
    that is predicted is held to [-1, 1] at every step. Heun's method evaluates the network
    2·steps − 1 times, all others `steps` times.
    """

    kind: Annotated[str, KeyOf(SAMPLERS)] = "ddim"
    steps: PositiveInt = 50
    eta: float = Field(default=0.0, ge=0, le=1)
    variance: Variance = "small"
    clip: bool = True

    @model_validator(mode="after")
    def _options_are_of_the_sampler(self) -> Self:
        if self.eta and self.kind != "ddim":
            raise ValueError(f"eta goes with kind: ddim, not {self.kind}")
        if self.variance != "small" and self.kind != "ancestral":
            raise ValueError(f"variance goes with kind: ancestral, not {self.kind}")
        if self.kind == "unipc":
            check_diffusers()
        return self


FLOW_SAMPLERS: Mapping[str, Callable[[Velocity, Tensor, FlowSampling], Tensor]] = {
    **{kind: lambda v, x, how: flow(v, x, how.kind, how.steps) for kind in STEPS},
    "rk45": lambda v, x, how: adaptive_flow(v, x, how.tolerance),
}
"""By the name that recipes of flows give as `sampling: {kind: …}`: the velocity, noise N×C×S×S and
settings → images N×C×S×S."""


class FlowSampling(Guidance):
    """A method for ordinary differential equations in `steps` even steps. Euler's evaluates the
    network once a step, the others twice.

    `rk45` chooses its steps by a relative and absolute `tolerance`, whatever `steps` is.
    """

    kind: Annotated[str, KeyOf(FLOW_SAMPLERS)] = "euler"
    steps: PositiveInt = 50
    tolerance: PositiveFloat = 1e-4

    @model_validator(mode="after")
    def _tolerance_is_of_rk45(self) -> Self:
        is_default = self.tolerance == type(self).model_fields["tolerance"].default
        if self.kind != "rk45" and not is_default:
            raise ValueError(f"tolerance goes with kind: rk45, not {self.kind}")
        return self
