"""Errors a user can put right: one line that says what, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


FAILURES = (Exception, SystemExit)
"""What code of a user may end with: `sys.exit` in it is a failure, and ends no command."""


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
        self.file, self.line = str(file), line


def one_line(error: BaseException) -> str:
    """What an exception says, in one line: of a traceback in it (TorchScript has one) the last."""
    text = str(error).strip()
    if "Traceback" in text:
        text = text.rpartition("\n")[2].removeprefix(f"{type(error).__name__}: ")
    return " ".join(text.split())


def error_text(error: BaseException) -> str:
    """What an exception says, in one line; its type where it says nothing."""
    return one_line(error) or type(error).__name__


def read_error(place: object, error: BaseException, verb: str = "read") -> BadInput:
    """The error for a file that its reader fails on, with what that has raised."""
    return BadInput(f"{place}: cannot be {verb}; cut short or damaged ({error_text(error)})")


MOST_NAMED = 8
"""Problems that one line names; of more it says how many there are."""
MOST_TRIED = 50
"""Problems after which no more are looked for."""


def all_of(errors: Sequence[BadInput], unread: int = 0, at_least: bool = False) -> BadInput:
    """Several problems as one error, in one line: the first with its place, then the others, and
    how many there are besides, with the `unread` that are not among them, or `at_least` so many.
    """
    first, *others = errors
    if not others and not unread:
        return first
    more = [_beside(error, first) for error in others[: MOST_NAMED - 1]]
    if hidden := len(others) - len(more) + unread:
        more.append(f"{'at least ' * at_least}{hidden} more")
    text = "; also ".join([first.message if isinstance(first, SpecError) else str(first), *more])
    if isinstance(first, SpecError):
        return SpecError(text, first.file, first.line)
    return BadInput(text)


class Problems:
    """Collects the errors of several things, to raise all of them as one."""

    def __init__(self) -> None:
        self._found: list[BadInput] = []

    def of(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """`make(*args)`; None where that raises BadInput, which is kept. Raises all that was kept
        where it has become very many.
        """
        try:
            return make(*args, **kwargs)
        except TryLater:
            raise
        except BadInput as error:
            self._found.append(error)
            if len(self._found) == MOST_TRIED:  # each may take a while of a file of thousands
                raise all_of(self._found, at_least=True) from None
            return None

    def told(self) -> None:
        """Raise what was kept, as one error, if anything was."""
        different = {str(error): error for error in self._found}
        if different:
            raise all_of(list(different.values()))


def _beside(error: BadInput, first: BadInput) -> str:
    """An error without the file that the first names already."""
    if not (isinstance(error, SpecError) and isinstance(first, SpecError)):
        return str(error)
    if error.file != first.file or error.line is None:
        return str(error)
    return f"line {error.line}: {error.message}"


LISTED = 40
"""The most words that an error line names."""


def suggest(word: str, words: Iterable[str]) -> str:
    """The end of an error line: the nearest right word, else all of them, or of many the first.

    >>> suggest("gan/dcgn", ["gan/dcgan", "vae/vae"])
    "; did you mean 'gan/dcgan'?"
    """
    words = sorted(set(words))
    lower = {name.lower(): name for name in words}
    if near := _close(word, words) or [lower[name] for name in _close(word.lower(), lower)]:
        return f"; did you mean {near[0]!r}?"
    if len(words) > LISTED:
        return f"; known: {first_three(words)} ({len(words)} in all, see `harness list`)"
    return f"; known: {', '.join(words)}" if words else ""


def _close(word: str, words: Iterable[str]) -> list[str]:
    """The words that are much like `word`, nearest first; before others those of the same letters,
    in which two were exchanged.
    """
    near = difflib.get_close_matches(word, words, n=3, cutoff=0.6)
    return sorted(near, key=lambda name: sorted(name) != sorted(word))


def first_three(names: Sequence[str]) -> str:
    """For an error line: `a, b, c, …`."""
    return ", ".join([*names[:3], "…"] if len(names) > 3 else names)
