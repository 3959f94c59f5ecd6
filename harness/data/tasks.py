"""The tasks that can be made from any dataset, by the options that name them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.data import corruption
from harness.data.base import Split
from harness.data.corruption import Corruption
from harness.data.presentation import (
    Binarised,
    Corrupted,
    Dequantised,
    Presentation,
    binarise,
    stored,
)
from harness.spec.errors import BadInput

EACH = "each"
"""In the place of a class: one dataset for each class in turn, in a suite."""

ONE_CLASS = ("unseen", "normal")
PIXELS = (*corruption.TASKS, "binarized", "dequantized")
UNPAIRED = "unpaired"
"""Two domains (`harness.data.domains`)."""
OPTIONS = (*ONE_CLASS, *PIXELS, UNPAIRED)
"""The options that a dataset of any name takes."""

BINARIZED = ("static", "dynamic", "threshold")


@dataclass(frozen=True)
class Task:
    """What the options of a dataset ask for besides its classes; nothing where none is given."""

    corruption: Corruption | None = None
    binarized: str | None = None
    dequantized: bool = False

    def apply(self, name: str, train: Split, test: Split) -> tuple[Split, Split]:
        """The splits of the task; BadInput where their images do not suit it.

        What is drawn for a stored image follows from its place in its split alone, and what is
        drawn while training from the presentation's keys.
        """
        if self != Task() and train.images.dtype != torch.uint8:
            raise BadInput(f"{name}: its data are no images of bytes, which this task needs")
        if self.corruption:
            return self._damaged(name, self.corruption, train, test)
        if self.binarized:
            return self._binarized(name, self.binarized, train, test)
        if self.dequantized:
            return _shown_by(Dequantised(), train), _derived(test, Dequantised.label)
        return train, test

    @staticmethod
    def _damaged(name: str, damage: Corruption, train: Split, test: Split) -> tuple[Split, Split]:
        if train.sources is not None:
            raise BadInput(f"{name}: its images are made from others already")
        try:
            damage.check(train.images.shape[-1])
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from None
        shown = Corrupted(damage)
        pieces = stored(damage, test.images, "test")
        known = [mask for _, mask in pieces if mask is not None]
        test = _derived(
            test, shown.label, sources=torch.cat([source for source, _ in pieces]),
            known=torch.cat(known) if known else None,
        )  # fmt: skip
        return _shown_by(shown, train), test

    @staticmethod
    def _binarized(name: str, how: str, train: Split, test: Split) -> tuple[Split, Split]:
        if train.images.shape[1] != 1:
            raise BadInput(f"{name}: binarized is for grey images; these have colours")

        def binary(split: Split, part: str) -> Split:
            change = _threshold if how == "threshold" else binarise
            images = torch.cat(stored(change, split.images, part))
            return _derived(split, f"{how} v1", images=images)

        if how == "dynamic":
            return _shown_by(Binarised(), train), binary(test, "test")
        return binary(train, "train"), binary(test, "test")


def task(name: str, options: Mapping[str, str]) -> Task:
    """The task that the options of the dataset `name` ask for; BadInput where they are wrong."""
    given = [option for option in PIXELS if option in options]
    if len(given) > 1:
        raise BadInput(f"{name}: {' and '.join(given)} do not go together; choose one")
    try:
        return _task(given[0], options[given[0]]) if given else Task()
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None


def _task(option: str, value: str) -> Task:
    if option in corruption.TASKS:
        return Task(corruption.parse(option, value))
    if option == "binarized" and value in BINARIZED:
        return Task(binarized=value)
    if option == "dequantized" and value == "uniform":
        return Task(dequantized=True)
    right = "uniform" if option == "dequantized" else "static, dynamic or threshold"
    raise BadInput(f"{option}={value}: right is {right}")


def unseen_classes(
    name: str, options: Mapping[str, str], classes: Sequence[str]
) -> tuple[int, ...]:
    """The classes that the dataset `name` leaves out of training; none without such an option.

    `unseen=3+7` leaves out those, `normal=3+7` all others. Classes are named by number or by name
    (without regard to case, other characters than letters, digits, `.` and `-` written as `-`).
    Raises BadInput where they are not among `classes`, and where none would be left or left out.
    """
    given = _one_class_option(name, options)
    if not given:
        return ()
    text = options[given]
    if text == EACH:
        raise BadInput(f"{name}: {given}={EACH} stands for one dataset a class, and only in suites")
    labels = labels_of(text, classes)
    if labels is None:
        raise BadInput(
            f"{name}: {given}={text} names no classes; right are numbers from 0 to "
            f"{len(classes) - 1}, or names, joined by +, such as {given}=8 or {given}=3+7"
        )
    named = set(labels)
    if len(named) == len(classes):
        raise BadInput(
            f"{name}: all {len(classes)} classes are {given}; leave one "
            + ("to train on" if given == "unseen" else "to tell them from")
        )
    return tuple(c for c in range(len(classes)) if (c in named) == (given == "unseen"))


def labels_of(text: str, classes: Sequence[str]) -> list[int] | None:
    """The labels of the classes that `text` names, such as `3+7`; None where it names others."""
    known = {_spelled(known): number for number, known in enumerate(classes)}
    known |= {str(number): number for number in range(len(classes))}
    parts = [_spelled(part) for part in text.split("+")]
    return [known[part] for part in parts] if all(part in known for part in parts) else None


def each_class(
    name: str, options: Mapping[str, str], classes: Sequence[str]
) -> list[dict[str, str]]:
    """The options of the datasets that `unseen=each` or `normal=each` stands for, one a class;
    without it the options themselves.
    """
    given = _one_class_option(name, options)
    if not given or options[given] != EACH:
        return [dict(options)]
    if len(classes) < 2:
        raise BadInput(f"{name}: has no two classes to take in turn")
    return [{**options, given: str(number)} for number in range(len(classes))]


def _one_class_option(name: str, options: Mapping[str, str]) -> str:
    given = [option for option in ONE_CLASS if option in options]
    if len(given) > 1:
        raise BadInput(f"{name}: unseen and normal say the same in two ways; choose one")
    return given[0] if given else ""


def _spelled(name: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in name.lower())


def without(train: Split, unseen: tuple[int, ...]) -> Split:
    """The training images of one-class anomaly detection: those of the classes that are seen."""
    return train.keep(~torch.isin(train.labels, torch.tensor(unseen))) if unseen else train


def _threshold(images: Tensor, keys: Tensor) -> Tensor:
    return (images >= 128).to(torch.uint8) * 255


def _shown_by(presentation: Presentation, split: Split) -> Split:
    return _derived(split, presentation.label, presentation=presentation)


def _derived(split: Split, how: str, **changes: object) -> Split:
    """The split so changed. Its digest is made from the old one, and nothing is hashed again."""
    digest = hashlib.sha256(f"{split.digest()} {how}".encode()).hexdigest()
    return replace(split, **changes, known_digest=digest)  # type: ignore[arg-type]
