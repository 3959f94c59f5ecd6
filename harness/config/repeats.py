"""Values that a list should have once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

H = TypeVar("H", bound=Hashable)


def repeated(values: Iterable[H]) -> H | None:
    """Return the first value that occurs a second time, or None."""
    earlier: set[H] = set()
    for value in values:
        if value in earlier:
            return value
        earlier.add(value)
    return None
