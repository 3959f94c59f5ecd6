"""What diffusion models and flows have in common: one network that takes noise out of images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.cuda_graphs import Replayed, captures, cuda_graph
from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import BUCKETS, word_ids
from harness.families.base import Family, ImageShape, Losses, Noise, Phase, single_player
from harness.families.builders import ConditionalSettings, in_range, random_labels
from harness.networks.ddpm_unet import DDPMUNet, UNetSettings
from harness.networks.dit import DiT, DiTSettings
from harness.networks.dropout import draw_masks, use_masks
from harness.networks.mlp import MLPDenoiser
from harness.networks.unet import UNet
from harness.objectives.denoising import (
    Denoised,
    Denoiser,
    NoiseLevel,
    NoiseProcess,
    Target,
    add_noise,
    network_denoiser,
    weighted_error,
)
from harness.samplers.guidance import clipped, guided


class DenoiserSettings(ConditionalSettings):
    """A `conditional` network adds an embedding of the class to that of the time, one with `texts`
    the mean of the embeddings of the text's words, whose order does not count.

    `condition_dropout`: the share of training images whose class or text the network is not told,
    for classifier-free guidance.

    The network of `network: conv` is a small U-Net, with or without `skips`; with `unet` it is
    DDPM's; with `transformer` it is DiT.
    """

    width: PositiveInt = 2
    skips: bool = True
    unet: UNetSettings | None = None
    transformer: DiTSettings | None = None
    texts: bool = False
    condition_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if self.unet is not None and self.transformer is not None:
            raise ValueError("unet and transformer do not go together")
        if self.network == "mlp" and (self.unet or self.transformer or not self.skips):
            raise ValueError("unet, transformer and skips go with network: conv")
        if self.transformer is not None and not self.skips:
            raise ValueError("skips go with a U-Net, not with transformer")
        if self.texts and (self.unet is not None or self.transformer is not None):
            raise ValueError("texts go with the small U-Net: unset unet and transformer")
        return self

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if self.flip and self.texts:
            raise ValueError("flip and texts do not go together: a mirrored image's text says left")
        if self.conditional and self.texts:
            raise ValueError("conditional and texts do not go together")
        if (self.conditional or self.texts) and self.network == "mlp":
            raise ValueError("conditional and texts go with network: conv")
        if self.condition_dropout and not (self.conditional or self.texts):
            raise ValueError("condition_dropout goes with conditional or texts")
        return self

    def check_guidance(self, guidance: float) -> None:
        """Raise ValueError where there is no unconditional model to be guided away from."""
        if guidance != 1 and not self.condition_dropout:
            raise ValueError(
                f"sampling.guidance is {guidance:g}: it goes with condition_dropout, by which the"
                " network learns images of no condition too"
            )


@dataclass(frozen=True)
class DenoiserInputs:
    """Noisy images N×C×S×S, their level, and the labels or words that the network is told."""

    x: Tensor
    level: NoiseLevel
    condition: tuple[Tensor, ...]


class DenoisingModel(Family):
    """A U-Net, or an MLP, from a noisy image to what `target` says."""

    averaged = ("denoiser",)
    settings: DenoiserSettings
    target: Target
    _recorded: tuple[list[int], Replayed[DenoiserInputs, Denoised]] | None = None

    @abstractmethod
    def process(self) -> NoiseProcess:
        """The noise levels of training."""

    @abstractmethod
    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S, by the sampler of the settings."""

    @property
    @abstractmethod
    def guidance(self) -> tuple[float, bool]:
        """The weight of guidance, and whether images are clipped at each step."""

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the process that it undoes."""
        if self.takes_texts and not self.shape.texts:
            raise BadInput("its images have no texts")
        classes = self.classes + (self.settings.condition_dropout > 0 and self.conditional)
        words = BUCKETS if self.takes_texts else 0
        network = build_denoiser(self.settings, self.shape, classes, words)
        return nn.ModuleDict({"denoiser": network, "noising": self.process()})

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
        """A level's time and an ε for each of n images, and whether its condition is left out."""
        noise = {
            "t": _process(self.networks).draw(n, generator),
            "epsilon": self._gaussian(n, generator),
        }
        if self.settings.condition_dropout:
            share = torch.rand(n, generator=generator, device=generator.device)
            noise["drop"] = share < self.settings.condition_dropout
        return noise | draw_masks(self.networks["denoiser"], n, generator)

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The weighted mean squared error of the target."""
        process, epsilon = _process(networks), noise["epsilon"]
        level = process(noise["t"])
        use_masks(networks["denoiser"], noise)
        x = self.target.scaled(add_noise(batch.x, epsilon, level), level)
        output = networks["denoiser"](x, level.time, *self._condition(batch, noise))
        value = self.target.value(batch.x, epsilon, level)
        return {"loss": weighted_error(output, value, process.weight(noise["t"]))}

    def _condition(self, batch: Batch, noise: Noise) -> tuple[Tensor, ...]:
        """What the network is told beside the time: labels, words or nothing."""
        told = batch.labels if self.conditional else batch.words if self.takes_texts else None
        if told is None:
            return ()
        if "drop" not in noise:
            return (told,)
        drop = noise["drop"].view(-1, *[1] * (told.ndim - 1))
        return (torch.where(drop, self._nothing(told), told),)

    def _nothing(self, condition: Tensor) -> Tensor:
        """The class beyond all others, or a text without words."""
        return torch.full_like(condition, self.classes if self.conditional else 0)

    @torch.inference_mode()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], of classes drawn at random if it is conditional, and of a
        text without words if it takes texts.
        """
        if self.conditional:
            return self.sample_labels(random_labels(n, self.classes, generator), generator)
        if self.takes_texts:
            return self.sample_texts([""] * n, generator)
        return self._sampled(n, generator, ())

    @torch.inference_mode()
    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        return self._sampled(len(labels), generator, (labels,))

    @torch.inference_mode()
    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts."""
        return self._sampled(len(texts), generator, (word_ids(texts).to(self.device),))

    def _sampled(self, n: int, generator: torch.Generator, condition: tuple[Tensor, ...]) -> Tensor:
        noise = self._gaussian(n, generator)
        return in_range(self.denoised(self._denoiser(condition), noise, generator), self.shape)

    def _denoiser(self, condition: tuple[Tensor, ...]) -> Denoiser:
        """The trained network as a denoiser; on CUDA one that is recorded, again where the weights
        have moved.
        """
        network = self.networks["denoiser"]
        if not captures(self.accelerate, self.device):
            return lambda x, level: self._evaluate(DenoiserInputs(x, level, condition))
        places = [parameter.data_ptr() for parameter in network.parameters()]
        if self._recorded is None or self._recorded[0] != places:
            self._recorded = places, Replayed(self._evaluate, cuda_graph)
        replayed = self._recorded[1]

        def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
            # Copies, since the next call overwrites what a recorded step gave.
            return Denoised(
                *(part.clone() for part in replayed(DenoiserInputs(x, level, condition)))
            )

        return denoise

    def _evaluate(self, inputs: DenoiserInputs) -> Denoised:
        """What the network takes noisy images to consist of, guided and clipped."""
        network, condition = self.networks["denoiser"], inputs.condition
        guidance, clip = self.guidance
        denoise = network_denoiser(network, self.target, *condition)
        if condition:
            nothing = network_denoiser(network, self.target, *map(self._nothing, condition))
            denoise = guided(denoise, nothing, guidance)
        return (clipped(denoise) if clip else denoise)(inputs.x, inputs.level)

    def _gaussian(self, n: int, generator: torch.Generator) -> Tensor:
        size = self.shape.size
        shape = (n, self.shape.channels, size, size)
        return torch.randn(shape, generator=generator, device=generator.device)


def build_denoiser(
    settings: DenoiserSettings, shape: ImageShape, classes: int = 0, words: int = 0
) -> nn.Module:
    """x N×C×S×S and times N (and labels N of so many classes, or N×L of so many words) → N×C×S×S.

    Raises BadInput where the network does not take images of this size.
    """
    channels, size, width = shape.channels, shape.size, settings.width
    if settings.depth is not None:
        return MLPDenoiser(channels, size, width, settings.depth)
    if settings.transformer is not None:
        return DiT(channels, size, settings.transformer, classes=classes)
    if settings.unet is not None:
        return DDPMUNet(
            channels, size, width * size, settings.unet, classes=classes, skips=settings.skips
        )
    return UNet(channels, size, width * size, classes=classes, words=words, skips=settings.skips)


def _process(networks: nn.ModuleDict) -> NoiseProcess:
    return cast(NoiseProcess, networks["noising"])
