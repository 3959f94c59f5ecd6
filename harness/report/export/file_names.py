"""Names of models, datasets and figures as parts of the names of files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, count

LONGEST = 90
"""The characters of the longest slug."""


def file_slug(name: str) -> str:
    """A name as part of a file's name: small letters and digits, joined by hyphens.

    >>> file_slug("Fréchet distance on digits[unseen=8]")
    'frechet-distance-on-digits-unseen-8'
    """
    plain = unicodedata.normalize("NFKD", name.lower())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:LONGEST] or "x"


def slugs(names: Iterable[str]) -> dict[str, str]:
    """The slug of each name, by name; a number tells apart those that would be alike."""
    distinct = list(dict.fromkeys(names))
    return dict(zip(distinct, unique_slugs(distinct), strict=True))


def unique_slugs(names: Iterable[str]) -> list[str]:
    """A slug for each of the names in their order, all of them different."""
    taken: list[str] = []
    for name in names:
        base = file_slug(name)
        candidates = chain([base], (f"{base}-{number}" for number in count(2)))
        taken.append(next(each for each in candidates if each not in taken))
    return taken
