"""A comparison of runs in words: what each table's cells say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.measurement import Measurement
from harness.leaderboards.run_comparison import EntryEffect, Line, RunComparison
from harness.leaderboards.run_differences import Difference
from harness.report import tables
from harness.statistics.formatting import decimals, number

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNSAID = ("pictures",)
"""Facts that are no costs."""
OUTCOMES = {"better": "▲", "worse": "▼", "higher": ">", "lower": "<", "not told apart": "≈"}


@dataclass(frozen=True)
class Section:
    """What differs in one respect; `same` says so where nothing does."""

    title: str
    same: str
    differences: tuple[Difference, ...]


def sections(comparison: RunComparison) -> list[Section]:
    """What differs, in the order in which it should be looked at."""
    return [
        Section("Recipe", "The recipes are the same.", comparison.recipe),
        Section("Data", "The images are the same.", comparison.data),
        Section("Environment", "No difference is recorded.", comparison.environment),
        Section("Protocol", "What both have was measured alike.", comparison.protocols),
    ]


def training(comparison: RunComparison) -> list[Difference]:
    """What training took, with as many digits as say something."""
    return [
        Difference(fact.name.replace("_", " "), tuple(map(_fact, fact.values)))
        for fact in comparison.training
        if fact.name not in UNSAID
    ]


def _fact(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    return number(value, 0 if value.is_integer() else None)


def letters(comparison: RunComparison) -> list[str]:
    """A short name for each run: A, B, …, and numbers where letters do not last."""
    count = len(comparison.sides)
    return list(LETTERS[:count]) if count <= len(LETTERS) else [str(i + 1) for i in range(count)]


def value(line: Line, row: Measurement | None) -> str:
    """A run's number with its standard error, or why there is none."""
    if row is None:
        return "–"
    if row.value is None:
        return row.status
    places = decimals(row.stderr) if row.stderr else _places(row.value, line.metric.digits)
    text = number(row.value, places)
    return f"{text} ± {number(row.stderr, places)}" if row.stderr else text


def _places(value: float, usual: int) -> int | None:
    """The usual decimals of a metric; as many as needed where they would show nothing but zeros."""
    return usual if abs(value) >= 10.0**-usual or not value else None


def over(line: Line) -> str:
    """What the ± of a line are over; empty where there are none."""
    return next((row.over for row in line.values if row and row.stderr and row.over), "")


def effect(entry_effect: EntryEffect) -> str:
    """How a side's entry compares with the first one's, or why that is not said."""
    if entry_effect.versus is None:
        return entry_effect.why
    return f"{OUTCOMES[entry_effect.versus.outcome]} {tables.versus(entry_effect.versus)}"


def basis(entry_effect: EntryEffect) -> str:
    """What an effect rests on."""
    if entry_effect.versus is None:
        return ""
    return f"{entry_effect.paired} pairs" if entry_effect.paired >= 3 else "not paired"


def notices(comparison: RunComparison) -> Iterator[str]:
    """What must be known before the numbers are read."""
    yield from comparison.choices
    for letter, side in zip(letters(comparison), comparison.sides, strict=True):
        if side.run.status in ("failed", "diverged"):
            yield f"{letter} {side.run.status}: {side.run.reason or 'no reason was recorded'}"
        elif side.run.status == "training":
            yield f"{letter} is still in training"
        elif side.marks is None:
            yield f"whether {letter} is undertrained is not recorded"
        else:
            yield from (f"{letter} is {word}: {reason}" for word, reason in side.marks.items())
    if len({side.run.dataset for side in comparison.sides}) > 1:
        yield "the datasets differ: numbers stand side by side, and are not compared"
    if all(line.effects and not _any(line.effects) for line in comparison.lines):
        yield "nothing can be compared over seeds: below is what each run has"


def _any(effects: Sequence[EntryEffect]) -> bool:
    return any(effect.versus for effect in effects)
