"""Damage to the images that a denoising autoencoder is shown, as functions of draws.

It is drawn outside the loss, again for each step, and so differs from the damage of a test set,
which `harness.data.corruption` draws by keys of its own. Images are float N×C×S×S in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class InputNoise:
    """A kind of damage: `apply` takes images, draws and an amount.

    Its draws are `gaussian`, a number for each value, or else uniform in [0, 1), one for each
    pixel.
    """

    apply: Callable[[Tensor, Tensor, float], Tensor]
    gaussian: bool = False


def _add_gaussian(x: Tensor, draws: Tensor, amount: float) -> Tensor:
    """Noise of standard deviation `amount` where black is 0 and white 1."""
    return (x + 2 * amount * draws).clamp(-1, 1)


def _mask(x: Tensor, draws: Tensor, amount: float) -> Tensor:
    """A share `amount` of the pixels turned black."""
    return x.masked_fill(draws < amount, -1)


def _salt_and_pepper(x: Tensor, draws: Tensor, amount: float) -> Tensor:
    """A share `amount` of the pixels turned black or white, half of them each."""
    return x.masked_fill(draws < amount / 2, -1).masked_fill(draws >= 1 - amount / 2, 1)


INPUT_NOISE: Mapping[str, InputNoise] = {
    # Vincent et al. 2010, JMLR 11:3371, section 3.4.
    "gaussian": InputNoise(_add_gaussian, gaussian=True),
    "masking": InputNoise(_mask),
    "saltpepper": InputNoise(_salt_and_pepper),
}
"""By the `kind` that recipes give as `corruption:`."""


def draw_input_noise(
    kind: str, shape: tuple[int, int, int, int], generator: torch.Generator
) -> Tensor:
    """The draws for images of `shape` N×C×S×S: of that shape, or N×1×S×S, one for each pixel."""
    if INPUT_NOISE[kind].gaussian:
        return torch.randn(*shape, generator=generator, device=generator.device)
    n, _, height, width = shape
    return torch.rand(n, 1, height, width, generator=generator, device=generator.device)
