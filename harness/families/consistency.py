"""Consistency distillation (Song et al. 2023, arXiv:2303.01469, algorithm 2): a student of EDM's
sampler that leads from any noise level to the image in one evaluation.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Losses, Noise, Phase, Player
from harness.families.denoiser_networks import copy_denoiser
from harness.families.diffusion import EDM, Diffusion, DiffusionSettings
from harness.networks.dropout import use_masks
from harness.objectives.consistency import Consistency, consistency_function, multistep
from harness.objectives.denoising import Denoiser, NoiseLevel, network_denoiser
from harness.objectives.edm import c_noise
from harness.samplers.heun import heun_step
from harness.samplers.levels import karras_sigmas
from harness.samplers.settings import Sampling


class ConsistencySettings(DiffusionSettings):
    """EDM's model as the teacher, for the share `pretraining`, and a student of it over `levels` of
    noise, whose target network follows it with `decay` per step. Samples take `sampling.steps`
    evaluations.
    """

    pretraining: Share = 0.5
    levels: int = Field(default=18, ge=2)
    decay: float = Field(default=0.95, ge=0, lt=1)

    @model_validator(mode="after")
    def _teacher_is_edms(self) -> Self:
        if self.preconditioning is None:
            raise ValueError("consistency needs preconditioning: {kind: edm}, that of its teacher")
        if self.conditional or self.texts:
            raise ValueError("consistency goes without conditional and texts")
        if self.sampling != Sampling(steps=self.sampling.steps):
            raise ValueError("sampling of a consistency model takes steps alone: {steps: 1}")
        if self.sampling.steps > self.levels:
            raise ValueError(
                f"sampling.steps is {self.sampling.steps}: at most levels, {self.levels}"
            )
        return self


class ConsistencyModel(Diffusion):
    """A teacher, its student, and the slow copy of the student that gives targets."""

    Settings = ConsistencySettings
    settings: ConsistencySettings

    def build(self) -> nn.ModuleDict:
        """The denoiser, which is the teacher first and then the student, and both others."""
        networks = super().build()
        networks["teacher"] = super().build()["denoiser"]
        networks["follower"] = super().build()["denoiser"]
        return networks

    @property
    def has_density(self) -> bool:
        """Whether it has a density: the student has no flow."""
        return False

    @property
    def _edm(self) -> EDM:
        assert self.settings.preconditioning is not None
        return self.settings.preconditioning

    def phases(self) -> tuple[Phase, ...]:
        """The teacher's, then the student's, which begins as its teacher."""
        (first,), share = super().phases(), self.settings.pretraining
        player = Player(
            "student", ("denoiser",), self.pair_noise, self.consistency_loss,
            self.settings.optimizer, after=self.follow,
        )  # fmt: skip
        return (
            replace(first, name="teacher", share=share),
            Phase((player,), "student", 1 - share, begin=copy_denoiser("teacher", "follower")),
        )

    def pair_noise(self, n: int, generator: torch.Generator) -> Noise:
        """The σ of the two neighbouring levels that each of n images is at, N×1×1×1, and its ε."""
        pairs, sigmas = self.settings.levels - 1, self._sigmas.to(generator.device)
        at = torch.randint(pairs, (n,), generator=generator, device=generator.device)
        more, less = (sigmas[at + k][:, None, None, None] for k in (0, 1))
        noise = {"more": more, "less": less, "epsilon": self._gaussian(n, generator)}
        return {**noise, **self.masks(n, generator)}

    def consistency_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The squared distance of the images from two neighbouring levels of one path (equation
        7): a step of Heun's method by the teacher leads from one to the other.
        """
        more, less = (edm_level(noise[name]) for name in ("more", "less"))
        if self.drops_units:
            use_masks(networks["denoiser"], noise)
        x = batch.x + more.noise * noise["epsilon"]
        with torch.no_grad():
            teacher = network_denoiser(networks["teacher"], self.target)
            before = heun_step(teacher, x, less.noise - more.noise, more, less)
            aim = self._function(networks["follower"])(before, less)
        made = self._function(networks["denoiser"])(x, more)
        return {"loss": (made - aim).square().mean() / self._edm.sigma_data**2}

    def follow(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> None:
        """Moves the target network towards the student (equation 8)."""
        pair = networks["follower"].parameters(), networks["denoiser"].parameters()
        for slow, fast in zip(*pair, strict=True):
            slow.lerp_(fast, 1 - self.settings.decay)

    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S, by the student."""
        edm, steps = self._edm, self.settings.sampling.steps
        sigmas = karras_sigmas(edm.sigma_min, edm.sigma_max, steps + 1)[:-1].to(noise)
        levels = [edm_level(sigma) for sigma in sigmas]
        function = self._function(self.networks["denoiser"])
        return multistep(function, edm.sigma_max * noise, levels, edm.sigma_min, generator)

    def _function(self, network: nn.Module) -> Consistency:
        edm = self._edm
        return consistency_function(network, edm.sigma_data, edm.sigma_min)

    @cached_property
    def _sigmas(self) -> Tensor:
        """The levels of training, the noisiest first, float32."""
        edm = self._edm
        return karras_sigmas(edm.sigma_min, edm.sigma_max, self.settings.levels).float()


def edm_level(sigma: Tensor) -> NoiseLevel:
    """The level of x₀ + σ·ε, of all images (0-d) or of each (N×1×1×1)."""
    return NoiseLevel(c_noise(sigma.flatten() if sigma.ndim else sigma), sigma * 0 + 1, sigma)
