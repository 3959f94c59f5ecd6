"""Progressive distillation (Salimans & Ho 2022, arXiv:2202.00512): a sampler in few steps learns
what one in twice as many does.
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
from harness.families.base import Losses, Noise, Phase, Player
from harness.families.denoiser import noise_process
from harness.families.denoiser_networks import copy_denoiser
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.networks.dropout import use_masks
from harness.objectives.denoising import (
    ForwardProcess,
    NoiseLevel,
    add_noise,
    alpha_bar,
    network_denoiser,
    weighted_error,
)
from harness.samplers.levels import NoiseLevels, even_levels


class DistillationSettings(DiffusionSettings):
    """A diffusion model's, sampled by DDIM in `teacher_steps`, which are halved until
    `student_steps` are left, in training, so that each number is a training of its own.
    `pretraining` is the teacher's share of training; the students share the rest.
    """

    teacher_steps: PositiveInt = 16
    student_steps: PositiveInt = 1
    pretraining: Share = 0.5

    @model_validator(mode="after")
    def _steps_are_halved(self) -> Self:
        ratio, rest = divmod(self.teacher_steps, self.student_steps)
        if rest or ratio < 2 or ratio & (ratio - 1):
            raise ValueError(
                f"student_steps is {self.student_steps}: teacher_steps, {self.teacher_steps},"
                " halved once or more"
            )
        if self.timesteps % self.teacher_steps:
            raise ValueError(
                f"teacher_steps is {self.teacher_steps}: it does not divide timesteps,"
                f" {self.timesteps}"
            )
        if self.sampling.steps != self.student_steps or self.sampling.kind != "ddim":
            raise ValueError(
                f"sampling is DDIM in student_steps, {self.student_steps}: "
                f"{{kind: ddim, steps: {self.student_steps}}}"
            )
        if self.target != "v" or self.preconditioning is not None:
            raise ValueError("distillation needs target: v: at the most noise ε says nothing of x₀")
        if self.condition_dropout:
            raise ValueError(
                "distillation goes without condition_dropout: students learn from a teacher that"
                " has every condition"
            )
        return self


class Distillation(Diffusion):
    """A teacher, and students each of which takes one step of DDIM where its teacher takes two."""

    Settings = DistillationSettings
    settings: DistillationSettings

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the network that the phases after the first learn from."""
        networks = super().build()
        networks["teacher"] = super().build()["denoiser"]
        return networks

    @property
    def has_density(self) -> bool:
        """Whether it has a density: a student knows few noise levels."""
        return False

    @property
    def rounds(self) -> tuple[int, ...]:
        """The numbers of steps of the students, in the order of training: 8, 4, 2, 1."""
        settings, counts = self.settings, [self.settings.teacher_steps // 2]
        while counts[-1] > settings.student_steps:
            counts.append(counts[-1] // 2)
        return tuple(counts)

    def phases(self) -> tuple[Phase, ...]:
        """The teacher's, and one for each student, which begins as its teacher."""
        (first,), settings = super().phases(), self.settings
        share = (1 - settings.pretraining) / len(self.rounds)
        phases = [replace(first, name="teacher", share=settings.pretraining)]
        for steps in self.rounds:
            player = Player(
                "student", ("denoiser",), partial(self.step_noise, steps),
                partial(self.step_loss, steps), settings.optimizer,
            )  # fmt: skip
            phases.append(Phase((player,), f"{steps}-steps", share, begin=copy_denoiser("teacher")))
        return tuple(phases)

    def step_noise(self, steps: int, n: int, generator: torch.Generator) -> Noise:
        """Which of the student's `steps` each of n images is at, from 1, and its ε."""
        at = torch.randint(1, steps + 1, (n,), generator=generator, device=generator.device)
        return {"step": at, "epsilon": self._gaussian(n, generator), **self.masks(n, generator)}

    def step_loss(self, steps: int, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The error of x₀, weighted by SNR + 1 (section 4), against the image to which one step
        must lead to end where the teacher's two do (algorithm 2).
        """
        start, middle, end = (
            self._level(networks, noise["step"], steps, half) for half in (0, 1, 2)
        )
        x = add_noise(batch.x, noise["epsilon"], start)
        condition = self._condition(batch, noise)
        with torch.no_grad():
            teacher = network_denoiser(networks["teacher"], self.target, *condition)
            halfway = add_noise(*teacher(x, start)[:2], middle)
            last = add_noise(*teacher(halfway, middle)[:2], end)
            aim = distillation_image(x, last, start, end)
            epsilon = (x - start.signal * aim) / start.noise
        if self.drops_units:
            use_masks(networks["denoiser"], noise)
        output = networks["denoiser"](x, start.time, *condition)
        return {"loss": weighted_error(output, self.target.value(aim, epsilon, start), None)}

    def _level(self, networks: nn.ModuleDict, step: Tensor, steps: int, half: int) -> NoiseLevel:
        """The level `half` teacher's steps after the student's `step` of so many, N."""
        process = noise_process(networks)
        assert isinstance(process, ForwardProcess)
        stride = self.settings.timesteps // (2 * steps)
        left = (2 * step - half) * stride  # the timestep from 1; 0 is the image
        level = process((left - 1).clamp(min=0))
        is_image = (left == 0)[:, None, None, None]
        return NoiseLevel(
            level.time,
            torch.where(is_image, 1.0, level.signal),
            torch.where(is_image, 0.0, level.noise),
        )

    def _levels(self) -> NoiseLevels:
        """The levels at which the last student's steps begin."""
        settings = self.settings
        return even_levels(alpha_bar(settings.schedule, settings.timesteps), settings.student_steps)


def distillation_image(x: Tensor, last: Tensor, start: NoiseLevel, end: NoiseLevel) -> Tensor:
    """The x₀ with which one step of DDIM leads from x at `start` to `last` at `end`, N×C×S×S
    (Salimans & Ho 2022, appendix G).
    """
    ratio = end.noise / start.noise
    return (last - ratio * x) / (end.signal - ratio * start.signal)
