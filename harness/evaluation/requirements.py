"""What evidence is made of: why it is missing where it is, and how many images it is.

A requirement stands beside the evidence that has it. Here are the ones that several modules share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.families.base import Family
from harness.families.capabilities import Remembers, Samples

Need = str
"""The name of a requirement."""

Part = Literal["made", "judged", "real", ""]
"""What the images are in a comparison: made by a model, judged by it, or what is compared with."""


@dataclass(frozen=True)
class Candidate:
    """What evidence may be had of: a dataset with a model on it, or with images from elsewhere.

    `model` is the model's name, `family` the `Family` of it, to be asked for its capabilities, and
    `samples` how many images are drawn from it. Where there is no model, `family` is None, and
    `no_model` the reason why nothing that needs one can be had.
    """

    dataset: Dataset
    model: str = ""
    family: object = None
    samples: int = 0
    no_model: str = ""


Unavailable = Callable[[Candidate], str | None]
"""The reason why a candidate does not meet a requirement; None where it does."""

Count = Callable[[Candidate], int | None]
"""How many images meet a requirement; None where it is not a number of images."""


def always_available(_: Candidate) -> None:
    """No reason against it."""


def uncounted(_: Candidate) -> None:
    """No number of images."""


@dataclass(frozen=True)
class Requirement:
    """Something that must be there for evidence to be computed.

    `split` is the part of the dataset that it takes, `noun` what `Metric.least` counts, in words.
    """

    name: Need
    unavailable: Unavailable = always_available
    count: Count = uncounted
    part: Part = ""
    split: str = ""
    noun: str = ""


REQUIREMENTS: dict[Need, Requirement] = {}
"""Every requirement by name, in the order in which they were declared."""


def require(requirement: Requirement) -> None:
    """Declare a requirement. Raises BadInput where another module has one of that name."""
    name, other = requirement.name, REQUIREMENTS.get(requirement.name)
    if other and other.unavailable.__module__ != requirement.unavailable.__module__:
        raise BadInput(f"the requirement {name!r} exists already; choose another name")
    REQUIREMENTS[name] = requirement


def of_model(unavailable: Unavailable) -> Unavailable:
    """The same reason for models; where there is none, the candidate's reason for that."""

    def reason(candidate: Candidate) -> str | None:
        return candidate.no_model if candidate.family is None else unavailable(candidate)

    reason.__module__ = unavailable.__module__
    return reason


def lacks(capability: type, words: str) -> Unavailable:
    """The reason of a model that has not got a capability: its name and these words."""

    def reason(candidate: Candidate) -> str | None:
        return None if isinstance(candidate.family, capability) else f"{candidate.model} {words}"

    return of_model(reason)


def _one_class(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    parts = (dataset.train, dataset.normal_test)
    one = any(bool((part.labels == part.labels[0]).all()) for part in parts)
    return f"{dataset.name} has images of one class only" if one else None


def _no_pixels(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return None if dataset.has_pixels else f"{dataset.name} has real numbers, not 8-bit pixels"


def _samples_are_training_images(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, Remembers) and isinstance(candidate.family, Samples):
        return f"{candidate.model} is not compared with the training images that it is made of"
    return None


@of_model
def _untrained(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, Family) and not candidate.family.takes_steps:
        return f"{candidate.model} is not trained"
    return None


def _enlarged(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    if not (native := dataset.card.enlarged_from):
        return None
    return (
        f"{dataset.name} was enlarged from {native}×{native} pixels, and its finest detail is the "
        "interpolation's"
    )


require(
    Requirement(
        "samples", lacks(Samples, "does not make new images"), lambda c: c.samples, part="made"
    )
)
require(
    Requirement(
        "reference",
        count=lambda c: len(c.dataset.normal_test),
        part="real",
        split="test",
        noun="reference images",
    )
)
require(
    Requirement(
        "train",
        _samples_are_training_images,
        count=lambda c: len(c.dataset.train),
        part="real",
        split="train",
        noun="training images",
    )
)
require(Requirement("labels", _one_class))
require(Requirement("logits"))
require(Requirement("pixels", _no_pixels))
require(Requirement("detail", _enlarged))
require(Requirement("costs", _untrained))
