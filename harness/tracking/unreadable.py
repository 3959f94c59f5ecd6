"""Runs that say nonsense are left out by name, and stop no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

from harness.tracking.refusals import brief

SHORT = 8
"""Characters of a run's id that are shown to people."""
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading text that is not what the harness wrote may raise."""

T = TypeVar("T")


@lru_cache(maxsize=10_000)
def leave_out(run_id: str, part: str, reason: str) -> None:
    """Warn, once, that a part of a run cannot be read and is left out."""
    logging.getLogger(__name__).warning(
        "run %s: %s cannot be read and is left out: %s", run_id[:SHORT], part, reason
    )


def readable(
    run_id: str, tags: Mapping[str, str], prefix: str, read: Callable[[str], T]
) -> Iterator[T]:
    """What `read` makes of the tags whose names begin so, in their order, without those that
    cannot be read.
    """
    for name in sorted(name for name in tags if name.startswith(prefix)):
        try:
            yield read(tags[name])
        except UNREADABLE as error:
            leave_out(run_id, f"tag {name}", unreadable_reason(error))


def unreadable_reason(error: Exception) -> str:
    """What is wrong with something that cannot be read."""
    missing = isinstance(error, KeyError) and error.args
    return f"{error.args[0]!r} is missing" if missing else brief(error)
