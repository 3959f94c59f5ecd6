"""The known disturbances of images that a self-test tries, by name, and what they are in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Disturbance = Literal[
    "noise", "blur", "grey", "dropped_modes", "few_per_class", "duplicates", "copies"
]
"""What `fooled_by` of a metric or of a claim may name."""

WORDS: Mapping[Disturbance, str] = {
    "noise": "noise",
    "blur": "blur",
    "grey": "grey",
    "dropped_modes": "missing classes",
    "few_per_class": "few images per class",
    "duplicates": "repeated samples",
    "copies": "copies of training images",
}
"""What samples have under each disturbance, in words."""

Response = Literal["worse", "higher", "lower", "steady"]
"""How a metric must answer to a disturbance that would fool it: get worse, where one of its sides
is better; else get higher or lower, or stay the same except for chance."""


def disturbances_text(names: Iterable[Disturbance]) -> str:
    """Return disturbances in words.

    >>> disturbances_text(["noise", "blur", "copies"])
    'noise, blur and copies of training images'
    """
    *others, last = [WORDS[name] for name in names]
    return f"{', '.join(others)} and {last}" if others else last
