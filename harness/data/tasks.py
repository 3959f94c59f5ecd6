"""The tasks that options make from any dataset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data import corruption, training_set
from harness.data.base import Split
from harness.data.corruption import Corruption
from harness.data.transforms import (
    RandomBinarisation,
    RandomCorruption,
    TrainTransform,
    UniformDequantisation,
    binarise,
    transform_stored,
)

_OPTION = re.compile(r"[A-Za-z0-9_.:/-]+")
"""A class as an option can write it."""

EACH = "each"
"""In the place of a class: one dataset for each class in turn, in a suite."""

ONE_CLASS = ("unseen", "normal")
PIXELS = (*corruption.TASKS, "binarized", "dequantized")
UNPAIRED = "unpaired"
"""Two domains (`harness.data.domains`)."""
OPTIONS = (*ONE_CLASS, *PIXELS, UNPAIRED, *training_set.OPTIONS)
"""The options that a dataset of any name takes."""

BINARIZED = ("static", "dynamic", "threshold")


@dataclass(frozen=True)
class Task:
    """The task that the options of a dataset ask for, besides its classes; empty without
    options.
    """

    corruption: Corruption | None = None
    binarized: str | None = None
    dequantized: bool = False

    def apply(self, name: str, train: Split, test: Split) -> tuple[Split, Split]:
        """Return the splits of the task. Raises BadInput where their images do not suit it.

        What is drawn for a stored image depends only on its index in its split; what is drawn
        during training depends on the transform's keys.
        """
        if self != Task() and train.images.dtype != torch.uint8:
            raise BadInput(f"{name}: its data are no images of bytes, which this task needs")
        if self.corruption:
            return self._damaged(name, self.corruption, train, test)
        if self.binarized:
            return self._binarized(name, self.binarized, train, test)
        if self.dequantized:
            return _shown_by(UniformDequantisation(), train), _derived(
                test, UniformDequantisation.label
            )
        return train, test

    @staticmethod
    def _damaged(name: str, damage: Corruption, train: Split, test: Split) -> tuple[Split, Split]:
        if train.sources is not None:
            raise BadInput(f"{name}: its images are made from others already")
        try:
            damage.check(train.images.shape[-1])
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from None
        transform = RandomCorruption(damage)
        pieces = transform_stored(damage, test.images, "test")
        masks = [mask for _, mask in pieces if mask is not None]
        test = _derived(
            test,
            transform.label,
            sources=torch.cat([source for source, _ in pieces]),
            known=torch.cat(masks) if masks else None,
        )
        return _shown_by(transform, train), test

    @staticmethod
    def _binarized(name: str, how: str, train: Split, test: Split) -> tuple[Split, Split]:
        if train.images.shape[1] != 1:
            raise BadInput(f"{name}: binarized is for grey images; these have colours")

        def binary(split: Split, part: str) -> Split:
            change = _threshold if how == "threshold" else binarise
            images = torch.cat(transform_stored(change, split.images, part))
            return _derived(split, f"{how} v1", images=images)

        if how == "dynamic":
            return _shown_by(RandomBinarisation(), train), binary(test, "test")
        return binary(train, "train"), binary(test, "test")


def task(name: str, options: Mapping[str, str]) -> Task:
    """Return the task that the options of the dataset `name` ask for. Raises BadInput."""
    selected = [option for option in PIXELS if option in options]
    if len(selected) > 1:
        raise BadInput(f"{name}: {' and '.join(selected)} do not go together; choose one")
    try:
        return _task(selected[0], options[selected[0]]) if selected else Task()
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
    """Return the labels that the dataset `name` leaves out of training; none without such an
    option.

    `unseen=3+7` leaves out these classes, `normal=3+7` all others. A class is given by its number
    or its name: exactly, or without regard to case and with other characters than letters, digits,
    `.` and `-` written as `-`. Where classes are called by numbers, a number is a name. Raises
    BadInput where a class is not among `classes`, and where no class would be left, or left out.
    """
    option = _one_class_option(name, options)
    if not option:
        return ()
    text = options[option]
    if text == EACH:
        raise BadInput(
            f"{name}: {option}={EACH} stands for one dataset a class, and only in suites"
        )
    try:
        labels = labels_of(text, classes)
    except BadInput as error:
        raise BadInput(f"{name}: {option}={error}") from None
    if labels is None:
        raise BadInput(f"{name}: {option}={text} names no classes; {_right(option, classes)}")
    named = set(labels)
    if len(named) == len(classes):
        raise BadInput(
            f"{name}: all {len(classes)} classes are {option}; leave one "
            + ("to train on" if option == "unseen" else "to tell them from")
        )
    return tuple(c for c in range(len(classes)) if (c in named) == (option == "unseen"))


def _right(option: str, classes: Sequence[str]) -> str:
    if not _are_numbered(classes):
        some = ", ".join(sorted(classes)[:5])
        return f"right are names such as {some}, joined by +"
    return (
        f"right are numbers from 0 to {len(classes) - 1}, or names, joined by +, such as "
        f"{option}=8 or {option}=3+7"
    )


def labels_of(text: str, classes: Sequence[str]) -> list[int] | None:
    """Return the labels of the classes that `text` names, such as `3+7`; None where it names no
    classes.

    Raises BadInput where a part of it may mean several.
    """
    if text in classes:
        return [list(classes).index(text)]
    labels = [_label_of(part, classes) for part in text.split("+")]
    return None if None in labels else [label for label in labels if label is not None]


def _label_of(part: str, classes: Sequence[str]) -> int | None:
    """The class whose name is `part` to the letter, else as it is written in options, else the one
    of this number, unless classes are called by other numbers than their own.
    """
    if part in classes:
        return list(classes).index(part)
    alike = [label for label, name in enumerate(classes) if _spelled(name) == _spelled(part)]
    if len(alike) > 1:
        names = " or ".join(repr(classes[label]) for label in alike)
        raise BadInput(
            f"{part} may be {names}; write one as it is, name it by number, or rename it"
        )
    if alike:
        return alike[0]
    is_number = part.isascii() and part.isdigit() and str(int(part)) == part
    return int(part) if is_number and _are_numbered(classes) and int(part) < len(classes) else None


def _are_numbered(classes: Sequence[str]) -> bool:
    """Whether a number can stand for a class: none has the number of another as its name."""
    return all(name == str(n) for n, name in enumerate(classes) if name.isdigit())


def _written(name: str, label: int, classes: Sequence[str]) -> str:
    """How an option writes the class of a label: by its number, unless that is another's name."""
    for text in (str(label), classes[label], _spelled(classes[label])):
        try:
            if _OPTION.fullmatch(text) and labels_of(text, classes) == [label]:
                return text
        except BadInput:
            continue
    raise BadInput(f"{name}: no option can name the class {classes[label]!r}; rename it")


def one_class_options(
    name: str, options: Mapping[str, str], classes: Sequence[str]
) -> list[dict[str, str]]:
    """The options of the datasets that `unseen=each` or `normal=each` stands for, one a class;
    without it the options themselves.
    """
    option = _one_class_option(name, options)
    if not option or options[option] != EACH:
        return [dict(options)]
    if len(classes) < 2:
        raise BadInput(f"{name}: has no two classes to take in turn")
    return [{**options, option: _written(name, n, classes)} for n in range(len(classes))]


def _one_class_option(name: str, options: Mapping[str, str]) -> str:
    options_set = [option for option in ONE_CLASS if option in options]
    if len(options_set) > 1:
        raise BadInput(f"{name}: unseen and normal say the same in two ways; choose one")
    return options_set[0] if options_set else ""


def _spelled(name: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in name.lower())


def without(train: Split, unseen: tuple[int, ...]) -> Split:
    """Return the training images of the classes that are not `unseen`, for one-class anomaly
    detection.
    """
    return train.keep(~torch.isin(train.labels, torch.tensor(unseen))) if unseen else train


def _threshold(images: Tensor, keys: Tensor) -> Tensor:
    return (images >= 128).to(torch.uint8) * 255


def _shown_by(transform: TrainTransform, split: Split) -> Split:
    return _derived(split, transform.label, transform=transform)


def _derived(split: Split, how: str, **changes: object) -> Split:
    """Return the split with these changes. Its digest is made from the old one; nothing is hashed
    again.
    """
    digest = hashlib.sha256(f"{split.digest()} {how}".encode()).hexdigest()
    return replace(split, **changes, known_digest=digest)  # type: ignore[arg-type]
