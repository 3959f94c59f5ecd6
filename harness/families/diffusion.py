"""Denoising diffusion (Ho et al. 2020, arXiv:2006.11239), sampled by DDIM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.cuda_graphs import Replayed, captures, cuda_graph
from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import BUCKETS, word_ids
from harness.families.base import Family, Losses, Noise, Phase, single_player
from harness.families.builders import ConditionalSettings, denoiser, in_range, random_labels
from harness.families.ddim import (
    DDIMStepInputs,
    ForwardProcess,
    Sampling,
    alpha_bar,
    ddim,
    ddim_step,
)


class DiffusionSettings(ConditionalSettings):
    """The noise schedule, and how samples are drawn.

    A `conditional` U-Net adds an embedding of the class to that of the timestep, one with `texts`
    the mean of the embeddings of the text's words, whose order does not count.
    """

    width: PositiveInt = 2
    texts: bool = False
    schedule: Literal["linear", "cosine"] = "linear"
    timesteps: int = Field(default=1000, ge=20)
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _steps_are_timesteps(self) -> Self:
        if self.sampling.steps > self.timesteps:
            raise ValueError(
                f"sampling.steps is {self.sampling.steps}: at most timesteps, {self.timesteps}"
            )
        if self.flip and self.texts:
            raise ValueError("flip and texts do not go together: a mirrored image's text says left")
        if self.conditional and self.texts:
            raise ValueError("conditional and texts do not go together")
        if (self.conditional or self.texts) and self.network == "mlp":
            raise ValueError("conditional and texts go with network: conv")
        return self


class Diffusion(Family):
    """A U-Net, or an MLP, that predicts the noise ε in x_t = √ᾱ_t·x + √(1−ᾱ_t)·ε."""

    Settings = DiffusionSettings
    averaged = ("denoiser",)
    settings: DiffusionSettings
    _recorded: tuple[list[int], Replayed[DDIMStepInputs, Tensor]] | None = None

    def build(self) -> nn.ModuleDict:
        """The noise predictor, and the forward process it undoes."""
        if self.takes_texts and not self.shape.texts:
            raise BadInput("its images have no texts")
        return nn.ModuleDict(
            {
                "denoiser": denoiser(
                    self.settings, self.shape, self.classes, BUCKETS if self.takes_texts else 0
                ),
                "noising": ForwardProcess(
                    alpha_bar(self.settings.schedule, self.settings.timesteps)
                ),
            }
        )

    @property
    def classes(self) -> int:
        """How many classes it is told apart; 0 where it is told none."""
        return self.settings.classes(self.shape)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for classes."""
        return self.settings.conditional

    @property
    def takes_texts(self) -> bool:
        """Whether it can be asked for texts."""
        return self.settings.texts

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("denoiser",), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A timestep and an ε for each of n images."""
        device = generator.device
        times = (self.settings.timesteps, (n,))
        return {
            "t": torch.randint(*times, generator=generator, device=device),
            "epsilon": self._gaussian(n, generator),
        }

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The mean squared error of ε (equation 14)."""
        noisy = networks["noising"](batch.x, noise["t"], noise["epsilon"])
        told = batch.labels if self.conditional else batch.words if self.takes_texts else None
        predicted = networks["denoiser"](noisy, noise["t"], *([] if told is None else [told]))
        return {"loss": (predicted - noise["epsilon"]).square().mean()}

    @torch.inference_mode()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], of classes drawn at random if it is conditional, and of a
        text without words if it takes texts.
        """
        if self.conditional:
            return self.sample_labels(random_labels(n, self.classes, generator), generator)
        if self.takes_texts:
            return self.sample_texts([""] * n, generator)
        return self._denoised(n, generator)

    @torch.inference_mode()
    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        return self._told(labels, generator)

    @torch.inference_mode()
    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts."""
        return self._told(word_ids(texts).to(self.device), generator)

    def _told(self, condition: Tensor, generator: torch.Generator) -> Tensor:
        return self._denoised(len(condition), generator, condition)

    def _denoised(self, n: int, generator: torch.Generator, *told: Tensor) -> Tensor:
        made = ddim(
            self._step(),
            self._gaussian(n, generator),
            alpha_bar(self.settings.schedule, self.settings.timesteps),
            self.settings.sampling,
            generator,
            told,
        )
        # A copy, since the next call may overwrite what a recorded step gave.
        return in_range(made.clone(), self.shape)

    def _step(self) -> Callable[[DDIMStepInputs], Tensor]:
        """A step of DDIM; on CUDA one that is recorded, anew where the weights have moved."""
        network = self.networks["denoiser"]
        step = ddim_step(network, clip=self.settings.sampling.clip)
        if not captures(self.accelerate, self.device):
            return step
        places = [parameter.data_ptr() for parameter in network.parameters()]
        if self._recorded is None or self._recorded[0] != places:
            self._recorded = places, Replayed(step, cuda_graph)
        return self._recorded[1]

    def _gaussian(self, n: int, generator: torch.Generator) -> Tensor:
        size = self.shape.size
        shape = (n, self.shape.channels, size, size)
        return torch.randn(shape, generator=generator, device=generator.device)
