"""A check as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.checks.words import HEADINGS, NUMBERS, CheckText
from harness.report.plain import plain_text

OPEN = ("worse before correction", "inconclusive", "not comparable")
MARKS = {"regressed": "❌", **dict.fromkeys(OPEN, "❔")}
ORDER = (*MARKS, "improved", "tolerated", "not worse", "unchanged")


def check_markdown(words: CheckText) -> str:
    """The summary, what needs a look, and the whole table folded below it."""
    check, made = words.check, words.check.baseline.made
    mark = {0: "✅", 1: "❌"}.get(check.exit_code, "❔")
    lines = [f"### {mark} {plain_text(check.suite)}", "", plain_text(words.summary()), ""]
    changes = sorted(check.changes, key=lambda change: ORDER.index(change.outcome))
    pressing = [change for change in changes if change.outcome in (*MARKS, "improved")]
    if pressing:
        lines += [*_table([words.row(change) for change in pressing]), ""]
    lines += [f"- {plain_text(note)}" for note in words.notes()]
    if len(pressing) < len(changes):
        rest = [words.row(change) for change in changes[len(pressing) :]]
        lines += ["", f"<details><summary>{len(rest)} more</summary>", "", *_table(rest), ""]
        lines += ["</details>"]
    saved = f"saved {made.date} with harness {made.harness} at {made.commit} on {made.machine}"
    return "\n".join([*lines, "", f"Baseline {plain_text(saved)}.", ""])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    marked = [[*row[:-1], f"{MARKS.get(row[-1], '')} {row[-1]}".strip()] for row in rows]
    return [
        f"| {' | '.join(HEADINGS)} |",
        f"|{'|'.join('--:' if heading in NUMBERS else '---' for heading in HEADINGS)}|",
        *(f"| {' | '.join(map(plain_text, row))} |" for row in marked),
    ]
