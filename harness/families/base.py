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
from typing import Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable

import torch
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn

from harness.config.inheritance import merge_settings
from harness.core.cuda_graphs import Accelerate
from harness.core.settings import Settings
from harness.data.base import Split
from harness.data.batch import Batch
from harness.data.tokenizer import Tokenizer
from harness.families.optimizers import Adam, AnyOptimizer, Optimizer
from harness.networks.feature_network import FeatureNetwork
from harness.objectives.adversarial import OutputMeaning

Noise = Mapping[str, Tensor]
"""What a step takes beside its batch: random tensors by name, and `PROGRESS` where it is read."""
PROGRESS = "progress"
"""In the noise of a player that reads it: the share of the phase that is done before the step, a
0-d tensor in [0, 1)."""
Direction = Literal["forward", "backward"]
"""Of a translation between two domains: forward is from class 0 to class 1."""
Losses = Mapping[str, Tensor]
"""Scalars by name. The player minimises `"loss"`; the others are logged beside it."""


Layers = Annotated[NonNegativeInt, Field(le=1000)]
"""A number of layers, each of which is an object of its own even where it takes no memory."""


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
    `unpaired` whether the classes are two domains to translate between, of which batches show an
    image each in turn. Images are 8-bit `pixels`, or else real numbers, which have no bounds.

    Of videos, an image has the channels of its `frames`, one frame after the other; images have one
    frame. `tokenizer` is that of the training texts; `strange_words` are of test texts alone.
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
        """Every training image once, in batches of which the last may be smaller."""
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
    """The networks of which a moving average is kept, when the recipe sets `ema`."""
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
        from. Their content is part of the training key, so that a changed file trains anew. Files
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


@runtime_checkable
class Remembers(Protocol):
    """Keeps the training images themselves, where other models learn weights from them."""

    def remember(self, train: Split, seed: int) -> None:
        """Takes the training images, before anything else is asked. `seed` is that of the cell."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Gives images back after passing them through a code."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]; deterministic."""
        ...


@runtime_checkable
class Restores(Protocol):
    """Makes images from damaged ones, or from others that belong to them."""

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source N×C'×S×S → x̂ N×C×S×S, both in [-1, 1]; deterministic.

        mask N×1×S×S is 1 where the source's pixels are known, or None.
        """
        ...


@runtime_checkable
class Translates(Protocol):
    """Turns images of one of two domains into the other, learnt without pairs."""

    def translate(self, x: Tensor, direction: Direction) -> Tensor:
        """x N×C×S×S → images N×C×S×S of the other domain, both in [-1, 1]; deterministic."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Turns images into codes."""

    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → z N×d; deterministic (a VAE gives the posterior mean)."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Turns codes into images."""

    def decode(self, z: Tensor) -> Tensor:
        """z N×d → x N×C×S×S in [-1, 1]."""
        ...


@runtime_checkable
class Latents(Protocol):
    """Makes images from codes of a Gaussian prior."""

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×d from the prior, from the generator's randomness alone."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """z N×d → x N×C×S×S in [-1, 1]."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Makes new images."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], from the generator's randomness alone."""
        ...


@runtime_checkable
class ConditionalSamples(Protocol):
    """Makes new images of a class, where the recipe makes it `conditional`."""

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for classes."""
        ...

    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        ...


@runtime_checkable
class TextSamples(Protocol):
    """Makes new images of a text, where the recipe makes it."""

    @property
    def takes_texts(self) -> bool:
        """Whether it can be asked for texts."""
        ...

    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts."""
        ...


def takes_texts(model: object) -> bool:
    """Whether a model can be asked for images of a text."""
    return isinstance(model, TextSamples) and model.takes_texts


def is_conditional(model: object) -> bool:
    """Whether a model can be asked for images of a class."""
    return isinstance(model, ConditionalSamples) and model.conditional


@runtime_checkable
class Discriminates(Protocol):
    """Has an adversary that tells images of the data from its own samples.

    `output_meaning` is "log odds" that an image is real, a critic's "value", whose mean difference
    between real and made images estimates a distance, or a "score" alone.
    """

    @property
    def output_meaning(self) -> OutputMeaning:
        """What the values of `discriminate` are."""
        ...

    def discriminate(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N values, higher for what it takes to be of the data.

        Images are judged as in training: in batches of the recipe's size, each of one kind (all
        real or all generated), over which batch normalisation takes its moments.
        """
        ...

    def opponent_samples(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] as the adversary met them in training: of the generator's
        raw weights, normalised over batches of the recipe's size.
        """
        ...


@runtime_checkable
class Scores(Protocol):
    """Says how anomalous images are. Where a model only reconstructs, the default is used: the
    mean squared error of its reconstruction.
    """

    def score(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N values, higher for the more anomalous."""
        ...


@runtime_checkable
class ScoreMaps(Protocol):
    """Says how anomalous each pixel is. Where a model only reconstructs, the default is used: the
    squared error of its reconstruction, averaged over channels.
    """

    def score_map(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×S×S values, higher for the more anomalous."""
        ...


@runtime_checkable
class Posterior(Protocol):
    """Gives a Gaussian with independent dimensions as the code of an image."""

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x N×C×S×S → mean and log-variance, each N×d."""
        ...


@runtime_checkable
class Likelihood(Protocol):
    """Bounds the log density of images from below.

    `binary` says that it is the log probability of images that have no values but −1 and 1.
    """

    @property
    def binary(self) -> bool:
        """Of which kind of images it is."""
        ...

    def elbo(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → N float64 nats: at most log p(x) in expectation over the generator.

        The density is over pixel values on [-1, 1] as they are given, 8-bit or dequantised.
        """
        ...


@runtime_checkable
class ImportanceBound(Protocol):
    """Bounds the log density of images from below, the tighter the more codes it may try."""

    def importance_bound(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """As `Likelihood.elbo`, with `k` codes per image."""
        ...
