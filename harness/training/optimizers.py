"""PyTorch's optimisers from a recipe's settings, and the bounds of gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.families.optimizers import SGD, Adam, AdamW, GradientClip, Optimizer, RMSprop

EPSILON = 1e-6
"""Added to the norm by which gradients are divided, as in `torch.nn.utils.clip_grad_norm_`."""


def make_optimizer(
    settings: Optimizer, parameters: list[nn.Parameter], captured: bool
) -> torch.optim.Optimizer:
    """The optimiser of `parameters`; a `captured` one keeps all that changes on the device."""
    common: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    match settings:
        case Adam():
            return torch.optim.Adam(
                parameters, betas=settings.betas, fused=True, capturable=captured, **common
            )
        case AdamW():
            return torch.optim.AdamW(
                parameters, betas=settings.betas, fused=True, capturable=captured, **common
            )
        case RMSprop():
            # On a CPU, where tests replay steps by hand, nothing has to be kept elsewhere.
            on_device = captured and parameters[0].is_cuda
            return torch.optim.RMSprop(
                parameters,
                alpha=settings.alpha,
                momentum=settings.momentum,
                capturable=on_device,
                **common,
            )
        case SGD():
            return torch.optim.SGD(
                parameters,
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                fused=True,
                **common,
            )
    raise TypeError(f"{type(settings).__name__} is no optimizer of harness.families.optimizers")


@torch.no_grad()
def gradient_norm(gradients: list[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, on their device."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm


@torch.no_grad()
def clip_gradients(gradients: list[Tensor], clip: GradientClip, norm: Tensor) -> None:
    """Holds gradients, whose Euclidean norm is `norm`, to their bound, in place."""
    if clip.norm is not None:
        torch._foreach_mul_(gradients, (clip.norm / (norm + EPSILON)).clamp(max=1.0))
    if clip.value is not None:
        torch._foreach_clamp_min_(gradients, -clip.value)
        torch._foreach_clamp_max_(gradients, clip.value)
