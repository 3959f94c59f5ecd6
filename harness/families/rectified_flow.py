"""Rectified flow (Liu et al. 2023, arXiv:2209.03003): a second flow learns from pairs of noise and
image that the first one has made, so that its paths cross less and become straighter.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Losses, Noise, Phase, TrainingImages
from harness.families.flow import Flow, FlowSettings
from harness.objectives.denoising import network_denoiser
from harness.samplers.flow import flow, straight_velocity

CHUNK = 256
"""Pairs made at a time."""


class RectifiedFlowSettings(FlowSettings):
    """A flow's, trained for the share `pretraining`, then again on `pairs` of noise and image that
    it makes itself in `pair_steps` of Euler's method.
    """

    pretraining: Share = 0.5
    pairs: PositiveInt = 1024
    pair_steps: PositiveInt = 20

    @model_validator(mode="after")
    def _noise_says_all(self) -> Self:
        if self.conditional or self.texts:
            raise ValueError("a rectified flow goes without conditional and texts")
        return self


class Pairs(nn.Module):
    """Noise, and the images that a flow leads it to; gives those that a step draws."""

    start: Tensor
    end: Tensor

    def __init__(self, count: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("start", torch.zeros(count, *shape))
        self.register_buffer("end", torch.zeros(count, *shape))

    def make(
        self,
        steps: int,
        networks: nn.ModuleDict,
        images: TrainingImages,
        generator: torch.Generator,
    ) -> None:
        """Draws noise, and follows the flow of the denoiser."""
        denoise = network_denoiser(networks["denoiser"], Flow.target)
        velocity = straight_velocity(denoise)
        self.to(generator.device)
        noise = torch.randn(self.start.shape, generator=generator, device=generator.device)
        parts = [flow(velocity, part, "euler", steps) for part in torch.split(noise, CHUNK)]
        self.start.copy_(noise)
        self.end.copy_(torch.cat(parts))

    def forward(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Noise:
        """The noise of a step with a pair for each image."""
        index = noise["pair"]
        return {**noise, "epsilon": self.start[index], "end": self.end[index]}


class RectifiedFlow(Flow):
    """A flow, trained twice."""

    Settings = RectifiedFlowSettings
    begin_count = "pairs"
    settings: RectifiedFlowSettings

    def phases(self) -> tuple[Phase, ...]:
        """On images, then on the flow's own pairs."""
        (first,), settings = super().phases(), self.settings
        shape = self.shape
        pairs = Pairs(settings.pairs, (shape.channels, shape.size, shape.size))
        (player,) = first.players
        again = replace(player, noise=self.pair_noise, loss=self.pair_loss, prepare=pairs)
        return (
            replace(first, share=settings.pretraining),
            Phase(
                (again,), "reflow", 1 - settings.pretraining,
                begin=partial(pairs.make, settings.pair_steps),
            ),
        )  # fmt: skip

    def pair_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A time for each of n images, and the pair that it shows; ε comes with the pair."""
        pair = torch.randint(
            self.settings.pairs, (n,), generator=generator, device=generator.device
        )
        return {**self.noise(n, generator), "pair": pair}

    def pair_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The loss of a flow whose images are the ends of pairs (equation 1)."""
        end = noise.get("end", batch.x)
        return self.loss(networks, replace(batch, x=end), noise)
