"""The tasks that can be made from any dataset, by the options that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from harness.data.base import Split
from harness.spec.errors import BadInput

OPTIONS = ("unseen",)
"""The options that a dataset of any name takes."""


def unseen_classes(
    name: str, options: Mapping[str, str], classes: Sequence[str]
) -> tuple[int, ...]:
    """The classes that `unseen=3+7` of the dataset `name` leaves out of training; none without it.

    Raises BadInput where they are not among `classes`, and where none would be left.
    """
    if "unseen" not in options:
        return ()
    text = options["unseen"]
    known = {str(number): number for number in range(len(classes))}
    parts = text.split("+")
    if not all(part in known for part in parts):
        raise BadInput(
            f"{name}: unseen={text} names no classes; right are numbers from 0 to "
            f"{len(classes) - 1} joined by +, such as unseen=8 or unseen=3+7"
        )
    unseen = tuple(sorted({known[part] for part in parts}))
    if len(unseen) == len(classes):
        raise BadInput(f"{name}: all {len(classes)} classes are unseen; leave one to train on")
    return unseen


def without(train: Split, unseen: tuple[int, ...]) -> Split:
    """The training images of one-class anomaly detection: those of the classes that are seen."""
    return train.keep(~torch.isin(train.labels, torch.tensor(unseen))) if unseen else train
