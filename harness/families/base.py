"""A model as a set of players, each minimising its own loss over its own parameters.

An autoencoder, VAE or diffusion model has one player, a GAN two. Phases run one after the other
where a method trains in stages. One loop (`harness.training.loop`) trains them all.

A loss is a pure function of networks, batch and noise. Whatever is random is drawn outside it by
`Player.noise` from a named generator, so that a step can be captured, compiled, stacked over
seeds, and replayed to the bit. What changes without a gradient changes in `Player.after`, inside
the step, or in `Player.prepare`, before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from harness.config.inheritance import merge_settings
from harness.core.cuda_graphs import Accelerate
from harness.core.settings import Settings
from harness.data.batch import Batch
from harness.data.tokenizer import Tokenizer
from harness.families.optimizers import Adam, AnyOptimizer, Optimizer
from harness.networks.feature_network import FeatureNetwork

Noise = Mapping[str, Tensor]
"""What a step takes beside its batch: random tensors by name, and `PROGRESS` where it is read."""
PROGRESS = "progress"
"""In the noise of a player that reads it: the share of the phase that is done before the step, a
0-d tensor in [0, 1)."""
Losses = Mapping[str, Tensor]
"""Scalars by name. The player minimises `"loss"`; the others are logged beside it."""


Layers = Annotated[NonNegativeInt, Field(le=1000)]
"""A number of layers. It is bounded: each layer is an object, even where it takes no memory."""


class FamilySettings(Settings):
    """What every recipe can set, whatever its family."""

    batch_size: PositiveInt = 64
    optimizer: AnyOptimizer = Adam()
    """Of each player whose own settings name no other."""
    ema: float | None = None
    """Decay per step of the weights' moving average, which is then what is measured."""
    flip: bool = False
    """Horizontal flips at random: half of the training images are shown mirrored."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of training: bf16 computes losses under PyTorch's autocast. Weights, optimiser and all that
    is measured later are in single precision."""
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    """In training: the order of an image's numbers in memory. Each is the faster on some device."""

    @model_validator(mode="before")
    @classmethod
    def _complete_optimizers(cls, settings: Any) -> Any:
        """Fills in an optimizer that a player's settings change in part, `discriminator:
        {optimizer: {lr: 4e-4}}`, from the recipe's.
        """
        if not isinstance(settings, Mapping):
            return settings
        common = settings.get("optimizer")
        if common is None:
            common = cls.model_fields["optimizer"].default.model_dump()
        return {name: _completed(value, common) for name, value in settings.items()}


class PlayerSettings(Settings):
    """What a recipe can set of one player. Its `optimizer` changes the recipe's: settings that it
    does not name stay, unless it is of another kind.
    """

    optimizer: AnyOptimizer | None = None


def _completed(settings: Any, common: Any) -> Any:
    """A player's settings with the whole of its optimizer; all else as it is."""
    change = settings.get("optimizer") if isinstance(settings, Mapping) else None
    if not isinstance(change, Mapping):
        return settings
    return merge_settings({"optimizer": common}, settings)


@dataclass(frozen=True)
class ImageShape:
    """The images a model is built for: C×S×S, with `classes` labels (0 where there are none).

    Where images are to be made from others, these have `source_channels`, and `masked` says whether
    a mask of their known pixels comes with them. `texts` says whether each image has one,
    `unpaired` whether the classes are two domains to translate between, whose images take turns in
    batches. Images are 8-bit `pixels`, or else real numbers, which have no bounds.

    Of videos, an image has the channels of its `frames`, one frame after the other; images have one
    frame. `tokenizer` knows the words of training texts; `strange_words` are in test texts alone.
    """

    channels: int
    size: int
    classes: int = 0
    source_channels: int = 0
    masked: bool = False
    texts: bool = False
    unpaired: bool = False
    pixels: bool = True
    frames: int = 1
    tokenizer: Tokenizer | None = None
    strange_words: tuple[str, ...] = ()

    @property
    def is_video(self) -> bool:
        """Whether an image is a video."""
        return self.frames > 1


class TrainingImages(Protocol):
    """The training images as a phase can ask for them: `harness.data.loader.Batches`."""

    def batch(self, index: int) -> Batch:
        """The batch of this index in the endless shuffled sequence of training images."""
        ...

    def epoch(self) -> Iterator[Batch]:
        """Every training image once, in batches; the last one may be smaller."""
        ...

    def of_size(self, batch_size: int) -> TrainingImages:
        """The same sequence in batches of another size."""
        ...


Loss = Callable[[nn.ModuleDict, Batch, Noise], Losses]
After = Callable[[nn.ModuleDict, Batch, Noise], Losses | None]
Prepare = Callable[[nn.ModuleDict, Batch, Noise], Noise]
Begin = Callable[[nn.ModuleDict, TrainingImages, torch.Generator], None]


@dataclass(frozen=True)
class Player:
    """Minimises `loss` over the parameters of the networks it `trains`.

    `noise(n, generator)` draws what a loss over n images needs, on the generator's device.
    `updates` is the number of optimiser steps it makes per training step, each on images of its
    own where it `sees_data`. A player that `reads_progress` has `PROGRESS` in its noise.

    `after` changes networks in place, without gradients, right after each of its optimiser steps:
    clipped weights, a codebook's moving average, a teacher. It is part of the step, so that it must
    not wait for the device, and what it changes must be parameters or persistent buffers of
    networks; it may return further scalars to be logged. Where several processes share a batch,
    each gives it the whole batch.

    `prepare` gives the noise that the step takes in place of what was drawn, on the host before the
    step and without gradients: a pairing by optimal transport, a pool of images. It may read
    values. Networks are as the last step left them. Where it has state it is an `nn.Module`, whose
    `state_dict` is part of checkpoints.
    """

    name: str
    trains: tuple[str, ...]
    noise: Callable[[int, torch.Generator], Noise]
    loss: Loss
    optimizer: Optimizer
    updates: int = 1
    sees_data: bool = True
    reads_progress: bool = False
    after: After | None = None
    prepare: Prepare | None = None


@dataclass(frozen=True)
class Phase:
    """A stage of training: its players take turns for `share` of the budget.

    `begin(networks, images, generator)` runs first: it fits or copies what the phase starts from
    into `networks`, in place, with all its randomness from the generator. Networks that no player
    of the phase trains are frozen and in evaluation mode. Each phase has optimisers and a moving
    average of its own; the networks have the averaged weights when the next phase begins.

    `batch_size` is the recipe's where it is None. A phase without players has a share of 0: all it
    does is to begin.
    """

    players: tuple[Player, ...] = ()
    name: str = "train"
    share: float = 1.0
    begin: Begin | None = None
    batch_size: int | None = None

    @property
    def trains(self) -> frozenset[str]:
        """The networks that its players train."""
        return frozenset(name for player in self.players for name in player.trains)


def single_player(
    trains: tuple[str, ...],
    noise: Callable[[int, torch.Generator], Noise],
    loss: Loss,
    optimizer: Optimizer,
) -> tuple[Phase]:
    """The phases of a model that trains in one phase, by one player, named `model`."""
    return (Phase((Player("model", trains, noise, loss, optimizer),)),)


class Family(ABC):
    """A kind of model. A recipe configures it through `Settings`.

    What it can do once trained, it says by having the methods of the capabilities below. They use
    `self.networks`, which hold the weights that are measured (the moving average, where there is
    one), in evaluation mode; tensors are on the networks' device, images in [-1, 1].
    """

    Settings: ClassVar[type[FamilySettings]]
    averaged: ClassVar[tuple[str, ...]] = ()
    """The networks that have a moving average, when the recipe sets `ema`."""
    raw: nn.ModuleDict | None = None
    """The networks of `averaged` as the last step left them, where `networks` have their moving
    average; None where there is none. A discriminator is read beside these: it has never seen what
    the averaged generator makes."""
    accelerate: Accelerate = "off"
    """How it samples: steps that are taken again and again may be replayed as CUDA graphs."""
    takes_steps: ClassVar[bool] = True
    """Whether it is trained by steps. A family that takes none has no budget, and no training
    fractions: it is fitted, or made of the data as they are."""
    samples_at_once: ClassVar[bool] = False
    """Whether all samples of a draw come from one call of `sample`, and not from one call a batch:
    images that are drawn without replacement."""
    begin_count: ClassVar[str | None] = None
    """The setting that says how many things a phase begins with, where its time is in proportion
    to them."""
    _device: torch.device = torch.device("cpu")

    def __init__(self, settings: Any, shape: ImageShape) -> None:
        self.settings = settings
        self.shape = shape
        self.networks = self.build()

    @abstractmethod
    def build(self) -> nn.ModuleDict:
        """The networks, by name. Their initialisation is seeded by the caller."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """How it trains."""

    def files(self) -> Sequence[Path]:
        """The files that the model depends on beside its code, such as weights that it starts
        from. Their content is part of the training key, so that a changed file trains again. Files
        that `build` opens and paths among the settings are found without being named here.
        """
        return ()

    def frozen_networks(self) -> tuple[FeatureNetwork, ...]:
        """The networks that its losses compare images by, and that nobody trains. Their weights are
        part of the training key, and no metric of the same weights measures the model.
        """
        return ()

    def to(self, device: torch.device | str) -> None:
        """Moves all networks there, those with the raw weights too."""
        self._device = torch.device(device)
        self.networks.to(device)
        if self.raw is not None:
            self.raw.to(device)

    @property
    def device(self) -> torch.device:
        """Where the networks are; where they have no tensors, where they were moved to."""
        tensor = next(chain(self.networks.parameters(), self.networks.buffers()), None)
        return self._device if tensor is None else tensor.device
