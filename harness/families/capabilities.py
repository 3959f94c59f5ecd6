"""What a trained model can do: small protocols that metrics ask for, met by having their methods.

They use a family's `networks`, in evaluation mode; tensors are on the networks' device, images in
[-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from harness.data.base import Split
from harness.objectives.adversarial import OutputMeaning

Direction = Literal["forward", "backward"]
"""Of a translation between two domains: forward is from class 0 to class 1."""


@runtime_checkable
class Remembers(Protocol):
    """Keeps the training images themselves, where other models learn weights from them."""

    def remember(self, train: Split, seed: int) -> None:
        """Takes the training images, before anything else is asked. `seed` is the cell's."""
        ...


@runtime_checkable
class ChoosesImages(Protocol):
    """Trains on some of the training images, and is measured against all."""

    def choose_images(self, train: Split) -> Split:
        """Returns the training images that the model is shown."""
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
class MixesStyles(Protocol):
    """Makes images whose earlier layers are steered by one code and the later ones by another."""

    def mix_styles(self, first: Tensor, second: Tensor) -> Tensor:
        """Codes N×d of both → x N×C×S×S in [-1, 1]; the first half of the layers, rounded down, is
        steered by `first`.
        """
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
class FillsIn(Protocol):
    """Fills in what is hidden from it or damaged, where the recipe trains it to."""

    @property
    def learns_to_fill_in(self) -> bool:
        """Whether it has learnt that."""
        ...

    def fill_in(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]: every pixel as it is filled in where it is hidden, or
        repaired where it is damaged, in the manner of training.
        """
        ...


def fills_in(model: object) -> bool:
    """Whether a model has learnt to fill in what is hidden from it."""
    return isinstance(model, FillsIn) and model.learns_to_fill_in


@runtime_checkable
class Posterior(Protocol):
    """Gives a Gaussian with independent dimensions as the code of an image."""

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x N×C×S×S → mean and log-variance, each N×d."""
        ...


@runtime_checkable
class Quantises(Protocol):
    """Turns images into symbols, entries of a codebook."""

    def symbols(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the numbers of the entries, int64 N×H×W."""
        ...


@runtime_checkable
class Compresses(Protocol):
    """Writes images as bits, from which it makes its reconstructions."""

    def code_bits(self, x: Tensor) -> Tensor:
        """x N×C×S×S → how many bits the code of each has, N of at least 0."""
        ...


@runtime_checkable
class Likelihood(Protocol):
    """Bounds the log density of images from below.

    `binary` says that it is the log probability of images that have no values but −1 and 1.
    """

    @property
    def binary(self) -> bool:
        """Whether it is the log probability of binary images."""
        ...

    def elbo(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → N float64 nats: at most log p(x) in expectation over the generator.

        The density is over pixel values on [-1, 1] as they are given, 8-bit or dequantised.
        """
        ...


def bounds_likelihood(model: object) -> bool:
    """Whether a model bounds the log density of images. One that does for some settings alone says
    so by `has_bound`.
    """
    return isinstance(model, Likelihood) and getattr(model, "has_bound", True)


@runtime_checkable
class FlowLikelihood(Protocol):
    """Has the log density of images under a flow to Gaussian noise, up to a solver's error."""

    @property
    def has_density(self) -> bool:
        """Whether it is of images, without a condition."""
        ...

    def ode_log_likelihood(self, x: Tensor, generator: torch.Generator, tolerance: float) -> Tensor:
        """x N×C×S×S → N float64 nats, as `Likelihood.elbo`, by a solver of this relative and
        absolute tolerance.
        """
        ...


def has_density(model: object) -> bool:
    """Whether a model has the log density of images under a flow."""
    return isinstance(model, FlowLikelihood) and model.has_density


@runtime_checkable
class ImportanceBound(Protocol):
    """Bounds the log density of images from below, the tighter the more codes it may try."""

    def importance_bound(self, x: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """As `Likelihood.elbo`, with `k` codes per image."""
        ...
