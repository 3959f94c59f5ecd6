"""The density of images under a flow: log p(x) by the instantaneous change of variables (Chen et
al. 2018, arXiv:1806.07366, equation 8; Song et al. 2021, arXiv:2011.13456, appendix D.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.samplers.runge_kutta import runge_kutta

EXACT_VALUES = 8
"""Up to so many values of an image the divergence is exact; beyond, it is estimated."""


@dataclass(frozen=True)
class ProbabilityFlow:
    """dx/ds = `velocity`(x, s), s 0-d, from the images at `start` to Gaussian noise of standard
    deviation `deviation` at `stop`.
    """

    velocity: Callable[[Tensor, Tensor], Tensor]
    start: float
    stop: float
    deviation: float = 1.0

    def log_density(self, x: Tensor, probes: Tensor, tolerance: float) -> Tensor:
        """Images x N×C×S×S → log p(x) in nats, N float64, by Runge and Kutta's method of order 5(4)
        with relative and absolute `tolerance`. `probes` K×N×C×S×S as `draw_probes` gives them.
        """
        with torch.inference_mode(mode=False):
            x, probes = x.clone(), probes.clone()
            count = len(x)

            def slope(s: float, state: Tensor) -> Tensor:
                images = state[:-count].to(x).view_as(x)
                change, divergence = _with_divergence(
                    self.velocity, images, images.new_tensor(s), probes
                )
                return torch.cat([change.flatten(), divergence])

            first = torch.cat([x.flatten(), x.new_zeros(count)])
            end = runge_kutta(slope, first, (self.start, self.stop), tolerance)
        noise, gained = end[:-count].view(count, -1) / self.deviation, end[-count:]
        values = noise.shape[1]
        constant = values * (math.log(self.deviation) + math.log(2 * math.pi) / 2)
        return gained - noise.square().sum(dim=1) / 2 - constant


def draw_probes(x: Tensor, generator: torch.Generator) -> Tensor:
    """Vectors v, K×N×C×S×S, with Σ vᵀJv the trace of a Jacobian: those of the axes where images
    have few values, else one of ±1 each, of which it is the mean (Hutchinson 1989,
    doi:10.1080/03610918908812806).
    """
    values = x[0].numel()
    if values <= EXACT_VALUES:
        axes = torch.eye(values, device=x.device, dtype=x.dtype).view(values, 1, *x.shape[1:])
        return axes.expand(values, *x.shape)
    bits = torch.randint(2, (1, *x.shape), generator=generator, device=x.device)
    return (2 * bits - 1).to(x.dtype)


def _with_divergence(
    velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor, s: Tensor, probes: Tensor
) -> tuple[Tensor, Tensor]:
    """The velocity N×C×S×S at x, and its divergence, N."""
    with torch.enable_grad():
        x = x.requires_grad_()
        change = velocity(x, s)
        products = [
            (torch.autograd.grad(change, x, probe, retain_graph=True)[0] * probe).flatten(1).sum(1)
            for probe in probes
        ]
    return change.detach(), torch.stack(products).sum(dim=0)
