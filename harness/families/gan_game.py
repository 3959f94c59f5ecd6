"""The two losses of a GAN as functions of its discriminator and of images, real and made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.families.base import Losses, Noise
from harness.families.builders import at_least_float32
from harness.families.gan_settings import GANSettings, SlopePenaltySettings, Unrolled
from harness.networks.batch_features import pack
from harness.networks.conditioning import CONDITIONINGS, Conditioning, beside_planes
from harness.networks.discriminator import ImageDiscriminator
from harness.objectives.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    with_smoothed_labels,
)
from harness.objectives.augmentation import augment_images, draw_augmentations
from harness.objectives.dynamics import Parameters
from harness.objectives.generator_extras import GENERATOR_EXTRAS
from harness.objectives.penalties import PENALTIES

Network = Callable[..., Tensor]
"""A player's network, or a function in its place."""


@dataclass(frozen=True)
class Game:
    """What the players of a GAN minimise, for images of `classes` classes (0 if unconditional)."""

    settings: GANSettings
    classes: int

    @property
    def adversarial(self) -> AdversarialLoss:
        """The loss of both players."""
        smoothing = self.settings.discriminator.smoothing
        loss = ADVERSARIAL_LOSSES[self.settings.loss]
        return with_smoothed_labels(loss, smoothing.real, smoothing.fake)

    @property
    def _conditioning(self) -> Conditioning:
        return CONDITIONINGS[self.settings.discriminator.conditioning]

    @property
    def _classifies(self) -> bool:
        return self.settings.conditional and self._conditioning.classifies

    @property
    def is_constrained(self) -> bool:
        """Whether something follows each step of the discriminator."""
        discriminator = self.settings.discriminator
        return discriminator.clip is not None or discriminator.norm == "spectral"

    def augmentation_noise(self, n: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The numbers by which n real and n made images are augmented; none where they are not."""
        kinds = self.settings.discriminator.augment
        names = ("augment_real", "augment_fake") if kinds else ()
        return {name: draw_augmentations(kinds, n, generator) for name in names}

    def discriminator_loss(
        self, judge: Network, real: Tensor, fake: Tensor, labels: Tensor, noise: Noise
    ) -> Losses:
        """The discriminator's side of the loss, and each penalty times its weight."""
        real, fake = self._shown(real, noise, "augment_real"), self._shown(fake, noise)
        outputs = [self._outputs(judge, x, labels) for x in (real, fake)]
        loss = self.adversarial.discriminator(*(self._verdicts(o, labels) for o in outputs))
        parts: dict[str, Tensor] = {}
        if self._classifies:
            parts["classes"] = _class_loss(outputs[0], labels) + _class_loss(outputs[1], labels)
            loss = loss + parts["classes"]
        for penalty in self.settings.penalties:
            value = self._penalty(penalty, judge, real, fake, labels, noise)
            loss = loss + penalty.weight * value
            parts["penalty" if penalty.kind == "gradient" else penalty.kind] = value
        return {"loss": loss, **parts}

    def _penalty(  # noqa: PLR0913, PLR0917 - as the loss that it is a part of
        self, penalty: SlopePenaltySettings, judge: Network, real: Tensor, fake: Tensor,
        labels: Tensor, noise: Noise,
    ) -> Tensor:  # fmt: skip
        """A penalty without its weight, of its share of the images."""
        count = max(1, round(penalty.share * len(real)))
        part = labels[:count]
        draws = {name: noise[name][:count] for name in ("mix", "perturbation") if name in noise}
        return PENALTIES[penalty.kind].compute(
            lambda x: self._verdicts(self._outputs(judge, x, part), part),
            real[:count], fake[:count], draws,
        )  # fmt: skip

    def generator_loss(
        self, judge: Network, real: Tensor, fake: Tensor, labels: Tensor, noise: Noise
    ) -> Losses:
        """The generator's side of the loss times its weight, and each extra times its own."""
        fake = self._shown(fake, noise)
        outputs = self._outputs(judge, fake, labels)
        sides = [self._verdicts(outputs, labels)]
        if self.reads_real:
            real = self._shown(real, noise, "augment_real")
        if self.adversarial.relative:
            sides.insert(0, self._verdicts(self._outputs(judge, real, labels), labels))
        loss = self.adversarial.generator(*sides)
        if self._classifies:
            loss = loss + _class_loss(outputs, labels)
        loss = self.settings.generator.adversarial * loss
        extras: dict[str, Tensor] = {}
        for extra in self.settings.generator.extras:
            features = (self._features(judge, x, labels) for x in (real, fake))
            extras[extra.kind] = GENERATOR_EXTRAS[extra.kind](*features)
            loss = loss + extra.weight * extras[extra.kind]
        return {"loss": loss, **extras}

    @property
    def reads_real(self) -> bool:
        """Whether the generator's loss depends on real images."""
        unrolls = isinstance(self.settings.dynamics, Unrolled)
        return self.adversarial.relative or bool(self.settings.generator.extras) or unrolls

    def _shown(self, x: Tensor, noise: Noise, key: str = "augment_fake") -> Tensor:
        """Images as the discriminator sees them: augmented, and in packs."""
        discriminator = self.settings.discriminator
        if discriminator.augment:
            x = augment_images(x, discriminator.augment, noise[key])
        return pack(x, discriminator.packing) if discriminator.packing > 1 else x

    def _input(self, x: Tensor, labels: Tensor) -> Tensor:
        """What the network takes: the images, and planes of their classes beside them."""
        if self.settings.conditional and self._conditioning.planes:
            return beside_planes(x, labels, self.classes)
        return x

    def _outputs(self, judge: Network, x: Tensor, labels: Tensor) -> Tensor:
        """The raw outputs for each image."""
        return at_least_float32(judge(self._input(x, labels)))

    def _features(self, judge: Network, x: Tensor, labels: Tensor) -> Tensor:
        """What the discriminator's last layer takes for each image."""
        assert isinstance(judge, ImageDiscriminator)
        return at_least_float32(judge.features(self._input(x, labels)))

    def _verdicts(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What the discriminator says of each image, of its class if it is conditional: N×1."""
        return self._conditioning.judge(outputs, labels) if self.settings.conditional else outputs


def _class_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of the classes by all outputs but the first."""
    return F.cross_entropy(outputs[:, 1:], labels)


def with_parameters(network: nn.Module, parameters: Parameters) -> Network:
    """The network as a function, with these parameters in place of its own."""

    def call(*inputs: object) -> Tensor:
        output: Tensor = torch.func.functional_call(network, dict(parameters), inputs)
        return output

    return call
