"""What a recipe can set of one player of a GAN."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.families.base import Layers, PlayerSettings
from harness.networks.batch_features import BATCH_FEATURES
from harness.networks.conditioning import CONDITIONINGS
from harness.networks.hidden_layers import HIDDEN_LAYERS
from harness.networks.normalisation import NORMS
from harness.objectives.augmentation import AUGMENTATIONS
from harness.objectives.generator_extras import GENERATOR_EXTRAS

Blocks = Literal["strided", "residual"]


class LabelSmoothing(Settings):
    """How far the discriminator's labels are from 1 for real images and from 0 for made ones."""

    real: float = Field(default=0.0, ge=0, lt=0.5)
    fake: float = Field(default=0.0, ge=0, lt=0.5)


class NetworkPlayerSettings(PlayerSettings):
    """`width` and `depth` of a player's own network, in place of the recipe's. `hidden`: what the
    layers of an MLP are, of `networks.hidden_layers`.
    """

    width: PositiveInt | None = None
    depth: Layers | None = None
    hidden: Annotated[str, KeyOf(HIDDEN_LAYERS)] = "plain"


class DiscriminatorSettings(NetworkPlayerSettings):
    """`blocks`: of convolutions, DCGAN's, or the blocks of `networks.resnet`. `norm`: one of
    `networks.normalisation`; an MLP's layers are only normalised spectrally. `head`: what it
    takes of the batch, of `networks.batch_features`. `attention`: over all places at half of the
    image's size. `augment`: what is done to all images that it sees, of `objectives.augmentation`.
    `packing`: images that it judges together. `conditioning`: how a conditional one takes the
    class, of `networks.conditioning`. `smoothing`: of the labels in its loss.

    `clip` bounds each of its parameters. `updates`: steps that it takes before the generator takes
    one, each on images of its own.
    """

    blocks: Blocks = "strided"
    norm: Annotated[str, KeyOf(NORMS)] = "batch"
    activation: Literal["leaky-relu", "relu"] = "leaky-relu"
    augment: tuple[Annotated[str, KeyOf(AUGMENTATIONS)], ...] = ()
    head: tuple[Annotated[str, KeyOf(BATCH_FEATURES)], ...] = ()
    attention: bool = False
    packing: PositiveInt = 1
    conditioning: Annotated[str, KeyOf(CONDITIONINGS)] = "projection"
    smoothing: LabelSmoothing = LabelSmoothing()
    clip: PositiveFloat | None = None
    updates: PositiveInt = 1


class GeneratorExtra(Settings):
    """One of `objectives.generator_extras`, and its weight."""

    kind: Annotated[str, KeyOf(GENERATOR_EXTRAS)]
    weight: PositiveFloat


class GeneratorSettings(NetworkPlayerSettings):
    """`norm`: whether its convolutions are normalised over the batch. `blocks` and `attention`: as
    the discriminator's; residual blocks have twice the recipe's `width`. `adversarial` weighs its
    side of the loss, `extras` are added to it.
    """

    blocks: Blocks = "strided"
    norm: Literal["batch", "none"] = "batch"
    attention: bool = False
    adversarial: NonNegativeFloat = 1.0
    extras: tuple[GeneratorExtra, ...] = ()

    @model_validator(mode="after")
    def _minimises_something(self) -> Self:
        if not (self.adversarial or self.extras):
            raise ValueError("a generator with adversarial: 0 minimises extras, and has none")
        return self
