"""The colour and the marker of each model, the same on every page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

# Okabe & Ito (2008), Color Universal Design: told apart with any colour vision.
COLOURS = {
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "pink": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
MARKERS = ("circle", "square", "up", "diamond", "down", "cross", "left", "right")
"""The shapes of markers; `up`, `down`, `left` and `right` are triangles."""


@dataclass(frozen=True)
class ModelStyle:
    """A colour, as `#rrggbb`, and one of `MARKERS`."""

    colour: str
    marker: str


def model_styles(models: Iterable[str]) -> dict[str, ModelStyle]:
    """Returns the style of each model. Its colour depends on its recipe's name alone. Its marker
    does too, unless another of these models would look the same: then it is the next free one.
    """
    styles: dict[str, ModelStyle] = {}
    for model in models:
        candidates = list(_candidates(recipe_name(model)))
        free = (style for style in candidates if style not in styles.values())
        styles[model] = next(free, candidates[0])
    return styles


def recipe_name(model: str) -> str:
    """Returns the name of a model's recipe: without a training fraction, and without what tells
    entries of one name apart.

    >>> recipe_name("gan/dcgan@0.5"), recipe_name("gan/dcgan (seeds of 2024)")
    ('gan/dcgan', 'gan/dcgan')
    """
    return re.split(r"[@ ]", model, maxsplit=1)[0]


def _candidates(recipe: str) -> Iterator[ModelStyle]:
    """A recipe's own style, then styles with the same colour and each following marker."""
    if recipe in _shipped():
        colour, marker = _shipped()[recipe].split()
    else:
        number = int.from_bytes(hashlib.sha256(recipe.encode()).digest()[:8], "big")
        colour = list(COLOURS)[number % len(COLOURS)]
        marker = MARKERS[number // len(COLOURS) % len(MARKERS)]
    first = MARKERS.index(marker)
    for each in (*MARKERS[first:], *MARKERS[:first]):
        yield ModelStyle(COLOURS[colour], each)


@cache
def _shipped() -> dict[str, str]:
    """Colour and marker of each shipped recipe."""
    text = files("harness.report").joinpath("colours.yaml").read_text(encoding="utf-8")
    styles: dict[str, str] = yaml.safe_load(text)
    return styles
