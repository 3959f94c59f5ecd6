"""What diffusion models and flows have in common: one network that takes noise out of images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from harness.core.cuda_graphs import Replayed, captures, cuda_graph
from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import BUCKETS, word_ids
from harness.data.tokenizer import START
from harness.families.base import Family, ImageShape, Losses, Noise, Phase, single_player
from harness.families.builders import in_range, random_labels
from harness.families.denoiser_networks import DenoiserSettings, build_denoiser
from harness.networks.dropout import draw_masks, has_dropout, use_masks
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
from harness.samplers.density import ProbabilityFlow, draw_probes
from harness.samplers.guidance import clipped, guided


@dataclass(frozen=True)
class DenoiserInputs:
    """Noisy images N×C×S×S, their level, and the labels or words that they are conditioned on."""

    x: Tensor
    level: NoiseLevel
    condition: tuple[Tensor, ...]


class DenoisingModel(Family):
    """A U-Net, or an MLP, from a noisy image to what `target` says."""

    averaged: ClassVar[tuple[str, ...]] = ("denoiser",)
    settings: DenoiserSettings
    target: Target
    outputs: ClassVar[int] = 1
    """How many numbers the network gives for each value of an image."""
    _recorded: tuple[list[int], Replayed[DenoiserInputs, Denoised]] | None = None

    @abstractmethod
    def process(self) -> NoiseProcess:
        """The noise levels of training."""

    @abstractmethod
    def denoised(self, denoise: Denoiser, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Images from Gaussian `noise` N×C×S×S, by the sampler of the settings."""

    @abstractmethod
    def probability_flow(self, denoise: Denoiser) -> ProbabilityFlow:
        """The differential equation that leads from images to noise by the denoiser."""

    @property
    @abstractmethod
    def guidance(self) -> tuple[float, bool]:
        """The weight of guidance, and whether images are clipped at each step."""

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the process that it undoes."""
        if self.takes_texts and not self.shape.texts:
            raise BadInput("its images have no texts")
        if self.settings.text_encoder is not None and self.shape.strange_words:
            word = self.shape.strange_words[0]
            raise BadInput(f"no training text has the word {word!r}, which a test text has")
        classes = self.classes + (self.settings.condition_dropout > 0 and self.conditional)
        words = BUCKETS if self.takes_texts else 0
        shape, out = self.noisy_shape, self.outputs * self.noisy_shape.channels
        network = build_denoiser(self.settings, shape, classes, words, out=out)
        return nn.ModuleDict({"denoiser": network, "noising": self.process()})

    @property
    def noisy_shape(self) -> ImageShape:
        """The shape of what noise is added to: the images."""
        return self.shape

    def clean(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Tensor:
        """What noise is added to in training, N×C×S×S: the images."""
        return batch.x

    def images(self, x: Tensor) -> Tensor:
        """What the sampler gives, N×C×S×S → images in [-1, 1]."""
        return in_range(x, self.shape)

    @property
    def classes(self) -> int:
        """How many classes it is conditioned on; 0 where it takes none."""
        return self.settings.classes(self.shape)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for classes."""
        return self.settings.conditional

    @property
    def takes_texts(self) -> bool:
        """Whether it can be asked for texts."""
        return self.settings.texts

    @cached_property
    def drops_units(self) -> bool:
        """Whether its network has dropout."""
        return has_dropout(self.networks["denoiser"])

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("denoiser",), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A level's time and an ε for each of n images, and whether its condition is left out."""
        noise = {
            "t": noise_process(self.networks).draw(n, generator),
            "epsilon": self._gaussian(n, generator),
        }
        if self.settings.condition_dropout:
            share = torch.rand(n, generator=generator, device=generator.device)
            noise["drop"] = share < self.settings.condition_dropout
        return {**noise, **self.masks(n, generator)}

    def masks(self, n: int, generator: torch.Generator) -> Noise:
        """The masks of dropout for n images; none where nothing is dropped."""
        return draw_masks(self.networks["denoiser"], n, generator) if self.drops_units else {}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The weighted mean squared error of the target."""
        process, epsilon = noise_process(networks), noise["epsilon"]
        level, clean = process(noise["t"]), self.clean(networks, batch, noise)
        if self.drops_units:
            use_masks(networks["denoiser"], noise)
        x = self.target.scaled(add_noise(clean, epsilon, level), level)
        output = networks["denoiser"](x, level.time, *self._condition(batch, noise))
        return self.error(networks, output, Denoised(clean, epsilon), noise["t"])

    def error(self, networks: nn.ModuleDict, output: Tensor, truth: Denoised, t: Tensor) -> Losses:
        """The loss of the network's output for what a noisy image at places t N consists of."""
        process = noise_process(networks)
        value = self.target.value(truth.x0, truth.epsilon, process(t))
        return {"loss": weighted_error(output, value, process.weight(t))}

    def _condition(self, batch: Batch, noise: Noise) -> tuple[Tensor, ...]:
        """What the network takes beside the time: labels, words or nothing."""
        condition = batch.labels if self.conditional else None
        if self.takes_texts:
            condition = batch.words if self.settings.text_encoder is None else batch.tokens
            if self.settings.shuffled_texts and condition is not None:
                condition = condition.roll(1, dims=0)
        if condition is None:
            return ()
        if "drop" not in noise:
            return (condition,)
        drop = noise["drop"].view(-1, *[1] * (condition.ndim - 1))
        return (torch.where(drop, self._nothing(condition), condition),)

    def _nothing(self, condition: Tensor) -> Tensor:
        """The class beyond all others, or a text without words."""
        if self.settings.text_encoder is not None:
            return torch.eye(1, condition.shape[1]).to(condition) * START + torch.zeros_like(
                condition
            )
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
        """An image N×C×S×S in [-1, 1] for each of the texts. Raises BadInput for words that no
        training text has, where the model knows words and no hashes of them.
        """
        tokenizer = self.shape.tokenizer if self.settings.text_encoder is not None else None
        ids = word_ids(texts) if tokenizer is None else tokenizer.encode(texts)
        return self._sampled(len(texts), generator, (ids.to(self.device),))

    @property
    def has_density(self) -> bool:
        """Whether it has a density of images: one without a condition."""
        return not (self.conditional or self.takes_texts)

    def ode_log_likelihood(self, x: Tensor, generator: torch.Generator, tolerance: float) -> Tensor:
        """log p(x) of images N×C×S×S under the probability flow, in nats, N float64."""
        denoise = network_denoiser(self.networks["denoiser"], self.target)
        probes = draw_probes(x, generator)
        return self.probability_flow(denoise).log_density(x, probes, tolerance)

    def _sampled(self, n: int, generator: torch.Generator, condition: tuple[Tensor, ...]) -> Tensor:
        noise = self._gaussian(n, generator)
        return self.images(self.denoised(self._denoiser(condition), noise, generator))

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
            image, epsilon, share = replayed(DenoiserInputs(x, level, condition))
            return Denoised(
                image.clone(), epsilon.clone(), None if share is None else share.clone()
            )

        return denoise

    def _evaluate(self, inputs: DenoiserInputs) -> Denoised:
        """What the network takes noisy images to consist of, guided and clipped."""
        denoise, (_, clip) = self.unclipped(inputs.condition), self.guidance
        return (clipped(denoise) if clip else denoise)(inputs.x, inputs.level)

    def unclipped(self, condition: tuple[Tensor, ...]) -> Denoiser:
        """The network as a denoiser, guided where it has a condition."""
        network, (guidance, _) = self.networks["denoiser"], self.guidance
        denoise = network_denoiser(network, self.target, *condition)
        if not condition or guidance == 1:
            return denoise
        nothing = network_denoiser(network, self.target, *map(self._nothing, condition))
        return guided(denoise, nothing, guidance)

    def _gaussian(self, n: int, generator: torch.Generator) -> Tensor:
        noisy = self.noisy_shape
        shape = (n, noisy.channels, noisy.size, noisy.size)
        return torch.randn(shape, generator=generator, device=generator.device)


def noise_process(networks: nn.ModuleDict) -> NoiseProcess:
    """The process among the networks of a denoising model."""
    return cast(NoiseProcess, networks["noising"])
