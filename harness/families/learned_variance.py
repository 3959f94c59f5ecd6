"""Diffusion that learns the variances of its steps (Nichol & Dhariwal 2021, arXiv:2102.09672)."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Self, cast

from pydantic import PositiveFloat, model_validator
from torch import Tensor, nn

from harness.families.base import Losses
from harness.families.denoiser import noise_process
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.objectives.denoising import Denoised, Target, add_noise, alpha_bar
from harness.objectives.variational_bound import VariationalBound


class LearnedVarianceSettings(DiffusionSettings):
    """A diffusion model's. `bound_weight` is λ of equation 16: the weight of the variational bound,
    nats for each value of the image and summed over all timesteps, beside the error.
    """

    bound_weight: PositiveFloat = 0.001
    learns_variance: ClassVar[bool] = True

    @model_validator(mode="after")
    def _network_has_two_outputs(self) -> Self:
        if self.network == "mlp" or self.transformer is not None:
            raise ValueError("variances are learned by a U-Net: network: conv")
        if self.preconditioning is not None:
            raise ValueError("variances are of timesteps: preconditioning has none")
        return self


class LearnedVariance(Diffusion):
    """A U-Net that gives two numbers for each value of the image: what it predicts, and how far the
    logarithm of the variance is on the way from β̃ to β (equation 15).
    """

    Settings = LearnedVarianceSettings
    settings: LearnedVarianceSettings
    outputs = 2

    @cached_property
    def target(self) -> Target:  # type: ignore[override]
        """What the network predicts with the first of its numbers, and the share by the second."""
        return with_share(super().target)

    def build(self) -> nn.ModuleDict:
        """The denoiser, its process, and the bound that variances are learned by."""
        networks = super().build()
        left = alpha_bar(self.settings.schedule, self.settings.timesteps)
        networks["bound"] = VariationalBound(left)
        return networks

    def error(self, networks: nn.ModuleDict, output: Tensor, truth: Denoised, t: Tensor) -> Losses:
        """L_simple + λ·L_vlb (equation 16); the bound moves variances alone (section 3.1)."""
        simple = super().error(networks, output.chunk(2, dim=1)[0], truth, t)["loss"]
        bound, level = cast(VariationalBound, networks["bound"]), noise_process(networks)(t)
        predicted = self.target.x0(output.detach(), add_noise(*truth[:2], level), level)
        variance = bound.log_variance(t, "learned", self.target.share(output))
        terms = bound.terms(t, truth.x0, predicted, variance)
        vlb = self.settings.timesteps * terms.mean()
        loss = simple + self.settings.bound_weight * vlb
        return {"loss": loss, "simple": simple, "vlb": vlb}


def with_share(target: Target) -> Target:
    """The target of a network whose output is N×2C×S×S: `target` from the first C channels, and
    (1 + v)/2 of the others v as the share, so that a network that starts at 0 starts between β̃ and
    β. The share has no bounds, as in the paper.
    """
    return replace(
        target,
        x0=lambda out, x, level: target.x0(out.chunk(2, dim=1)[0], x, level),
        epsilon=lambda out, x, level: target.epsilon(out.chunk(2, dim=1)[0], x, level),
        share=lambda out: (1 + out.chunk(2, dim=1)[1]) / 2,
    )
