"""How two players move in one game: functions of the parameters of both.

Parameters are tensors by name. Gradients are taken by `torch.func.grad`, and can be differentiated
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Parameters = Mapping[str, Tensor]
GameLoss = Callable[[Parameters, Parameters], Tensor]
"""One player's loss, from its own parameters and from the other player's."""


def unrolled(
    loss: Callable[[Parameters], Tensor], parameters: Parameters, steps: int, rate: float
) -> Parameters:
    """Parameters after `steps` steps of gradient descent on `loss`, θ ← θ − η·∇L(θ), as a function
    of all that the loss depends on (Metz et al. 2017, arXiv:1611.02163, equations 7 to 9).
    """
    for _ in range(steps):
        slope = torch.func.grad(loss)(parameters)
        parameters = {name: value - rate * slope[name] for name, value in parameters.items()}
    return parameters


def simultaneous(
    first_loss: GameLoss, second_loss: GameLoss, first: Parameters, second: Parameters
) -> tuple[Tensor, Tensor]:
    """Both losses, each with gradients for its own player's parameters alone."""
    return first_loss(first, _fixed(second)), second_loss(second, _fixed(first))


def gradient_energy(
    first_loss: GameLoss, second_loss: GameLoss, first: Parameters, second: Parameters
) -> Tensor:
    """½‖v‖², with v the gradients of both players' losses for their own parameters; consensus
    optimisation adds a multiple of it to both losses (Mescheder et al. 2017, arXiv:1705.10461,
    section 4).
    """
    slopes = (
        torch.func.grad(first_loss)(first, second),
        torch.func.grad(second_loss)(second, first),
    )
    squares = [slope.square().sum() for player in slopes for slope in player.values()]
    return torch.stack(squares).sum() / 2


def _fixed(parameters: Parameters) -> Parameters:
    return {name: value.detach() for name, value in parameters.items()}
