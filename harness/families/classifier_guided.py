"""Classifier guidance (Dhariwal & Nichol 2021, arXiv:2105.05233): a classifier of noisy images
leads the sampler of a conditional diffusion model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Phase, Player
from harness.families.denoiser import DenoiserInputs, noise_process
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.networks.noisy_classifier import NoisyClassifier
from harness.objectives.denoising import Denoised, Denoiser, NoiseLevel, add_noise
from harness.samplers.guidance import classifier_guided
from harness.samplers.settings import Sampling


class ClassifierSampling(Sampling):
    """A sampler, and the weight `classifier_guidance` of the classifier's gradient; at 0 there is
    none.
    """

    classifier_guidance: float = Field(default=1.0, ge=0)


class ClassifierGuidedSettings(DiffusionSettings):
    """A conditional diffusion model's; `classifier_width`: channels of the classifier at full
    resolution, per pixel of the image's side.
    """

    conditional: bool = True
    classifier_width: PositiveInt = 1
    sampling: ClassifierSampling = ClassifierSampling()

    @model_validator(mode="after")
    def _there_are_classes_to_ask_for(self) -> Self:
        if not self.conditional or self.network == "mlp":
            raise ValueError(
                "classifier guidance goes with conditional: true and network: conv; an"
                " unconditional model is asked for no class"
            )
        return self


class ClassifierGuided(Diffusion):
    """A conditional denoiser, and a classifier that is trained beside it on images as noisy."""

    Settings = ClassifierGuidedSettings
    settings: ClassifierGuidedSettings

    def build(self) -> nn.ModuleDict:
        """The denoiser with its process, and the classifier."""
        networks, shape = super().build(), self.shape
        width = self.settings.classifier_width * shape.size
        networks["classifier"] = NoisyClassifier(shape.channels, shape.size, width, self.classes)
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase, two players."""
        (phase,) = super().phases()
        classifier = Player(
            "classifier", ("classifier",), self.level_noise, self.classifier_loss,
            self.settings.optimizer,
        )  # fmt: skip
        return (replace(phase, players=(*phase.players, classifier)),)

    def level_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A level's time and an ε for each of n images."""
        times = noise_process(self.networks).draw(n, generator)
        return {"t": times, "epsilon": self._gaussian(n, generator)}

    def classifier_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The cross-entropy of the classes of noisy images, and the share that is right."""
        level = noise_process(networks)(noise["t"])
        x = self.target.scaled(add_noise(batch.x, noise["epsilon"], level), level)
        logits = networks["classifier"](x, level.time)
        accuracy = (logits.argmax(dim=1) == batch.labels).float().mean()
        return {"loss": F.cross_entropy(logits, batch.labels), "accuracy": accuracy}

    def class_score(self, x: Tensor, level: NoiseLevel, labels: Tensor) -> Tensor:
        """∇ log p(label | x_t) of the classifier, N×C×S×S."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            noisy = x.clone().requires_grad_()
            scaled = self.target.scaled(noisy, NoiseLevel(*(part.clone() for part in level)))
            logits = self.networks["classifier"](scaled, level.time.clone().expand(len(x)))
            chosen = logits.log_softmax(dim=1).gather(1, labels.clone()[:, None])
            (score,) = torch.autograd.grad(chosen.sum(), noisy)
        return score

    def unclipped(self, condition: tuple[Tensor, ...]) -> Denoiser:
        """The conditional denoiser, led by the classifier."""
        (labels,) = condition
        return classifier_guided(
            super().unclipped(condition),
            lambda x, level: self.class_score(x, level, labels),
            self.settings.sampling.classifier_guidance,
        )

    def _denoiser(self, condition: tuple[Tensor, ...]) -> Denoiser:
        """The denoiser as it is: gradients are not recorded."""

        def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
            return self._evaluate(DenoiserInputs(x, level, condition))

        return denoise
