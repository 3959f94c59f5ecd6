"""A check as workflow commands, which GitHub Actions shows beside a commit."""

from __future__ import annotations

from collections.abc import Iterator

from harness.regression.changes import Change
from harness.report.checks.words import CheckText

MOST = 10
"""GitHub shows as many of each kind for one step, and drops the others."""


def workflow_commands(words: CheckText) -> Iterator[str]:
    """A line for each regression (an error), and for each comparison that could not be decided (a
    warning); the last says how many there are beyond what GitHub shows.
    """
    check = words.check
    yield from _capped("error", words, check.among("regressed"))
    yield from _capped("warning", words, check.undecided)


def _capped(kind: str, words: CheckText, changes: list[Change]) -> Iterator[str]:
    shown = changes if len(changes) <= MOST else changes[: MOST - 1]
    for change in shown:
        title = f"{words.title(change)}: {change.outcome}"
        yield f"::{kind} title={_property(title)}::{_data(words.sentence(change))}"
    if more := len(changes) - len(shown):
        title = f"{more} more"
        yield f"::{kind} title={title}::{_data('; '.join(map(words.title, changes[len(shown) :])))}"


def _data(text: str) -> str:
    """As GitHub's own toolkit escapes a message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As it escapes a property, which commas and colons would end."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
