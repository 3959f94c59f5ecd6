"""A check in words: what every output of it says alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.counting import counted
from harness.metrics.base import Metric
from harness.regression.changes import Change, ChangeEffect
from harness.regression.check import Check
from harness.report import tables
from harness.statistics.formatting import decimals, number, percent

HEADINGS = tuple("dataset model metric baseline now change level detects outcome".split())
NUMBERS = ("baseline", "now", "change", "level", "detects")
"""The columns of numbers."""


@dataclass(frozen=True)
class CheckText:
    """Says what the comparisons of a check came to; `altered` is what else has changed since the
    baseline was saved (`harness.regression.provenance.alterations`).
    """

    check: Check
    metrics: Mapping[str, Metric]
    altered: tuple[str, ...] = ()

    def title(self, change: Change) -> str:
        """`FID of gan/dcgan on digits`."""
        return f"{self._metric(change)} of {change.model} on {change.dataset}"

    def sentence(self, change: Change) -> str:
        """All there is to say of a comparison, apart from its title."""
        text = f"{change.outcome}: {change.reason}"
        if change.effect and change.before is not None and change.now is not None:
            places = self._places(change)
            means = f"{number(change.before, places)} → {number(change.now, places)}"
            text += f"; {means}, {amount(change.effect)}{self._how(change, change.effect)}"
        if change.needed:
            text += f"; about {change.needed} seeds would decide it"
        return text

    def row(self, change: Change) -> tuple[str, ...]:
        """A line of the table with `HEADINGS`."""
        places = self._places(change)
        means = ("–" if x is None else number(x, places) for x in (change.before, change.now))
        effect = change.effect
        arrow = ""
        if change.metric in self.metrics:
            arrow = f" {tables.arrow(self.metrics[change.metric])}".rstrip()
        return (
            change.dataset,
            change.model,
            change.metric + arrow,
            *means,
            amount(effect) if effect else "–",
            *_fineness(effect),
            change.outcome,
        )

    def summary(self) -> str:
        """The one sentence that counts."""
        check, total = self.check, len(self.check.changes)
        comparisons = counted(total, "comparison")
        match check.outcome:
            case "no regression":
                return f"No regression in {comparisons}: {self._counts()}."
            case "regression":
                worse = check.among("regressed")
                return f"Regression in {len(worse)} of {comparisons}: {self._named(worse)}."
            case "nothing comparable":
                reason = next((change.reason for change in check.changes), "nothing was chosen")
                return f"Nothing comparable was measured: {reason}."
            case _:
                open_ones, suspects = len(check.undecided), check.among("worse before correction")
                seen = "no regression is seen"
                if suspects:
                    seen = f"{self._named(suspects)} worse before correction"
                return (
                    f"Inconclusive: {seen}, and {open_ones} of {comparisons} "
                    f"cannot rule a regression out ({self._counts()})."
                )

    def report(self) -> list[str]:
        """Everything in lines of text, for where there is no table."""
        return [
            self.summary(),
            *(f"{self.title(change)} {self.sentence(change)}" for change in self.pressing),
            *self.remarks(),
        ]

    def notes(self) -> list[str]:
        """What a reader of the table must know besides: why, what to do, what was left out."""
        return [
            *(f"{self.title(change)}: {change.reason}{_seeds(change)}" for change in self.pressing),
            *self.remarks(),
        ]

    @property
    def pressing(self) -> list[Change]:
        """Returns the changes that someone should look at: regressions, and what is undecided."""
        return [*self.check.among("regressed"), *self.check.undecided]

    def remarks(self) -> list[str]:
        """What holds for the check as a whole."""
        check = self.check
        lines = [f"changed since the baseline: {line}" for line in self.altered]
        if check.tests:
            lines.append(
                f'{check.tests} tested; "level" is that of the interval beside it, and "detects" '
                "the change that would have been called a regression in 8 of 10 cases, after the "
                "correction for several comparisons"
            )
        if check.new:
            lines.append(f"{len(check.new)} not in the baseline, and not compared")
        if check.timings:
            named = ", ".join(check.timings)
            lines.append(f"compared only where they have a tolerance: {named}")
        if check.sideless:
            named = ", ".join(check.sideless)
            lines.append(f"not compared, as no side of their values is worse: {named}")
        return lines

    def _named(self, changes: Sequence[Change]) -> str:
        named = ", ".join(self.title(change) for change in changes[:3])
        return f"{named} and {len(changes) - 3} more" if len(changes) > 3 else named

    def _counts(self) -> str:
        counts = Counter(change.outcome for change in self.check.changes)
        return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())

    def _metric(self, change: Change) -> str:
        metric = self.metrics.get(change.metric)
        return metric.title if metric else change.metric

    def _places(self, change: Change) -> int | None:
        effect, before, now = change.effect, change.before, change.now
        if effect is None or effect.high <= effect.low or before is None or now is None:
            return None
        width = (effect.high - effect.low) / 2
        if effect.kind == "ratio":  # of the smaller mean, which may be much the smaller
            width *= min(before, now) / effect.value
        return decimals(width)

    def _how(self, change: Change, effect: ChangeEffect) -> str:
        if effect.shows is None:
            return ""
        now, before = change.seeds[1], change.seeds[0]
        seeds = (
            counted(now, "seed") if now == before else f"{now} against {counted(before, 'seed')}"
        )
        return f" ({percent(effect.level)} interval, {seeds})"


def amount(effect: ChangeEffect) -> str:
    """A change and its interval: `+4.9 % [+1.0 %, +9.0 %]`, `−0.021 [−0.030, −0.012]`."""
    if effect.low == effect.high:
        return _share(effect, effect.value)
    factor = 100 if effect.kind == "ratio" else 1
    places = decimals(factor * (effect.high - effect.low) / 2)
    value, low, high = (_share(effect, x, places) for x in (effect.value, effect.low, effect.high))
    return f"{value} [{low}, {high}]"


def _share(effect: ChangeEffect, value: float, places: int | None = None) -> str:
    if effect.kind == "ratio":
        return f"{number(100 * (value - 1), 1 if places is None else places, signed=True)} %"
    return number(value, places, signed=True)


def _fineness(effect: ChangeEffect | None) -> tuple[str, str]:
    """The level of the interval, and what could have been found; dashes where there is no noise."""
    if effect is None or effect.shows is None:
        return "–", "–"
    return percent(effect.level), _rounded(effect, effect.shows)


def _rounded(effect: ChangeEffect, value: float) -> str:
    """With two digits: it is known no better."""
    change = 100 * (value - 1) if effect.kind == "ratio" else value
    return _share(effect, value, decimals(abs(change)))


def _seeds(change: Change) -> str:
    return f"; about {change.needed} seeds would decide it" if change.needed else ""
