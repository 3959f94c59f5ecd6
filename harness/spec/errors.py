"""Errors a user can put right: one line that says what, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class BadInput(Exception):  # noqa: N818 - reads as what it is: bad input
    """Something the user gave cannot be used. The command prints it as one line and exits 2."""

    exit_code = 2


class TryLater(BadInput):
    """Something that is needed is away for now. The command prints it as one line and exits 75,
    which sysexits.h calls a temporary failure.
    """

    exit_code = 75


class SpecError(BadInput):
    """A suite or recipe file is wrong at a known place."""

    def __init__(self, message: str, file: Path | str, line: int | None = None) -> None:
        where = f"{file}:{line}" if line else str(file)
        super().__init__(f"{where}: {message}")
        self.message = message


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of an error line: the nearest right word, or all of them.

    >>> suggest("gan/dcgn", ["gan/dcgan", "vae/vae"])
    "; did you mean 'gan/dcgan'?"
    """
    known = sorted(known)
    if near := difflib.get_close_matches(word, known, n=1, cutoff=0.6):
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
