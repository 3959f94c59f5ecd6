"""Training fractions of a model, by name: `gan/dcgan@0.5` is half-way through it."""

from __future__ import annotations

import re

from harness.core.measurement import FLOORS

_AT = r"@(0\.\d+|\d(?:\.\d+)?e-\d+)"
_FRACTION = re.compile(f"(.*){_AT}")
_ON_DATASET = re.compile(f"([^@]+(?:{_AT}(?=@))?)@(.*)")


def fraction_name(model: str, at: float) -> str:
    """Return the name of a model after that fraction of its budget; its own name at the end."""
    return model if at == 1 else f"{model}@{at}"


def is_fraction(name: str) -> bool:
    """Whether it is a training fraction below 1, and so no entrant of its own."""
    return _FRACTION.fullmatch(name) is not None


def is_entrant(name: str) -> bool:
    """Whether it is a model of its own: no floor, and no training fraction of one."""
    return name not in FLOORS and not is_fraction(name)


def split_fraction(name: str) -> tuple[str, float]:
    """Return the model and its training fraction, 1 at the end of training."""
    match = _FRACTION.fullmatch(name)
    return (match[1], float(match[2])) if match else (name, 1.0)


def split_place(name: str) -> tuple[str, str]:
    """The model, or a training fraction of it, and the place in `gan/dcgan@0.5@digits#0`."""
    match = _ON_DATASET.fullmatch(name)
    return (match[1], match[3]) if match else (name, "")
