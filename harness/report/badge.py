"""A badge for a README: one verdict or one number as an SVG file that fetches nothing."""

from __future__ import annotations

import re
from html import escape
from typing import TypeVar

from harness.core.errors import BadInput, suggest
from harness.core.printable import printable
from harness.leaderboards.board import Board, Row
from harness.report.results import Results
from harness.statistics.formatting import decimals, interval, number, percent

COLOURS = {
    "supported": "#00694d",
    "refuted": "#a63d00",
    "inconclusive": "#735600",
    "not evaluable": "#555555",
}
"""Behind white text, each with a contrast above 4.5 (WCAG 2.2, 1.4.3)."""
LABEL, NUMBER = "#3b3b3b", "#005b94"
NARROW, WIDE = frozenset("fijlrt.,:;!|'()[]{} "), frozenset("mwMWQO@%→×")
PADDING, HEIGHT = 7.0, 20

T = TypeVar("T")


def claim_badge(results: Results, claim: str) -> str:
    """The verdict on a claim, in its colour. Raises BadInput where the suite does not ask it."""
    verdicts = {verdict.claim.id: verdict for verdict in results.verdicts}
    verdict = _chosen(verdicts, claim, "claim", results)
    title = f"{verdict.outcome}: {verdict.claim.statement}"
    return _svg(claim, verdict.outcome, COLOURS[verdict.outcome], title)


def number_badge(
    results: Results, metric: str | None, model: str | None, dataset: str | None
) -> str:
    """The mean of a metric of a model over training seeds, with its interval. Raises BadInput where
    it was not measured, and where several datasets have one and none is named.
    """
    boards = {board.metric: board for board in results.boards}
    name = _chosen(boards, metric, "metric", results).metric
    rows: dict[tuple[str, str], tuple[Board, Row]] = {}
    for board in results.boards:  # the first of a dataset has the usual protocol
        for row in board.rows:
            if board.metric == name and row.mean is not None:
                rows.setdefault((board.dataset, row.model), (board, row))
    models = {each: each for _, each in rows}
    of_model = _chosen(models, model, f"model with {name}", results)
    on = {place: each for (place, other), each in rows.items() if other == of_model}
    if dataset is None and len(on) == 1:
        [dataset] = on
    board, row = _chosen(on, dataset, f"dataset with {name} of {of_model}", results)
    heading = f"{results.metrics[name].heading} of {of_model} on {board.dataset}"
    return _svg(heading, _value(row), NUMBER, f"{heading}: {_sentence(board, row)}")


def _chosen(choices: dict[str, T], name: str | None, what: str, results: Results) -> T:
    """The one that is called so. Raises BadInput, which lists them, where none is."""
    if name in choices:
        return choices[name]
    listed = ", ".join(choices) or "none"
    if name is None:
        raise BadInput(f"name a {what}; {results.suite_name} has {listed}")
    hint = suggest(name, choices) or f"; there is {listed}"
    raise BadInput(f"{results.suite_name} has no {what} called {name!r}{hint}")


def _value(row: Row) -> str:
    assert row.mean is not None
    if row.low is None or row.high is None or row.low == row.high:
        return number(row.mean)
    places = decimals((row.high - row.low) / 2)
    return f"{number(row.mean, places)} {interval(row.low, row.high, places)}"


def _sentence(board: Board, row: Row) -> str:
    ends = f", {percent(board.level)} interval" if row.low is not None else ""
    return f"{_value(row)} ({board.mean} over {row.seeds} {board.over}{ends})"


def _svg(label: str, value: str, colour: str, title: str) -> str:
    """Two fields side by side, as wide as their texts."""
    left, right = _width(label), _width(value)
    width = left + right
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{HEIGHT}" \
viewBox="0 0 {width:.0f} {HEIGHT}" role="img" aria-label="{_text(title)}">
<title>{_text(title)}</title>
<rect width="{width:.0f}" height="{HEIGHT}" rx="3" fill="{LABEL}"/>
<path d="M{left:.0f} 0h{right - 3:.0f}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3:.0f}z" \
fill="{colour}"/>
<g fill="#ffffff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" \
text-anchor="middle" aria-hidden="true">
{_words(label, left / 2, left)}
{_words(value, left + right / 2, right)}
</g>
</svg>
"""


def _words(text: str, centre: float, width: float) -> str:
    length = f'textLength="{width - 2 * PADDING:.0f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{centre:.1f}" y="14" {length}>{_text(text)}</text>'


def _width(text: str) -> float:
    """Pixels of a text in Verdana of 11 pixels, about, with the space beside it."""
    letters = sum(4.2 if c in NARROW else 10.2 if c in WIDE else 7.0 for c in printable(text))
    return round(letters + 2 * PADDING)


def _text(text: str) -> str:
    """Text in XML, which has no control characters."""
    return escape(re.sub("[\ufffe\uffff]", "?", printable(text)))
