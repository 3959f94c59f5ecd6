"""A leaderboard as LaTeX tables with booktabs, for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from harness.core.printable import printable
from harness.leaderboards.aggregate import MetricSummary
from harness.leaderboards.standings import Standings
from harness.report import tables
from harness.report.boards import view
from harness.statistics.formatting import MINUS, THIN_SPACE

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    MINUS: "$-$",
    THIN_SPACE: r"\,",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≈": r"$\approx$",
    "–": "--",
    "’": "'",
    "→": r"$\to$",
    "←": r"$\gets$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "·": r"$\cdot$",
    "²": r"$^2$",
    "σ": r"$\sigma$",
    "β": r"$\beta$",
    "η": r"$\eta$",
    "\xa0": "~",
}
PREAMBLE = (
    "% \\usepackage{booktabs} in the preamble; \\usepackage[T1]{fontenc} for quotation marks."
)
MARKS = {"better": "+", "worse": "-", "higher": ">", "lower": "<", "not told apart": r"\approx"}


def escape(text: object) -> str:
    """Text that LaTeX takes for text, on one line, control characters as escapes. Brackets stand in
    braces: where a row begins, a bare one would be taken for an option of the line break.

    >>> print(escape("50% of a_b & [c]"))
    50\\% of a\\_b \\& {[}c{]}
    """
    line = " ".join(str(text).replace(THIN_SPACE, "\0").split()).replace("\0", THIN_SPACE)
    return "".join(SPECIAL.get(character, character) for character in printable(line))


@dataclass(frozen=True)
class RowFacts:
    """What tables say of their rows besides numbers: the training images that each model was shown,
    by dataset and model which are undertrained or overfitted and why, which rows papers state, and
    which models the others are compared with.
    """

    budgets: Mapping[str, str]
    marks: Mapping[tuple[str, str], Mapping[str, str]]
    quoted: Set[str] = frozenset()
    against: Sequence[str] = ()


def latex(board: view.Leaderboard) -> str:
    """A table for each table of the page, and one for each summary over datasets."""
    standings = board.standings
    budgets = {label: cell.text for label, cell in view.budgets(standings).items()}
    lines = [
        PREAMBLE,
        f"% {_comment(view.headline(standings))} Read on {_comment(board.generated_at)}.",
    ]
    facts = RowFacts(budgets, standings.marks, view.quoted(standings), standings.against)
    for dataset in view.datasets(standings):
        for group in (*dataset.comparable, *dataset.apart):
            lines += ["", *table_lines(dataset.name, group, facts)]
    for summary in standings.summaries:
        if summary.standings:
            lines += ["", *_summary(summary, standings)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Text behind a percent sign, where a line break would end the comment."""
    return " ".join(text.split())


def table_lines(dataset: str, group: tables.Group, facts: RowFacts) -> Iterator[str]:
    """The lines of one `table` environment: a row for each model, a column for each metric."""
    caption = (
        "Means with 95\\,\\% t intervals over training seeds; bold: first tier; \\# rank, with "
        "its interval where it is not certain"
    )
    if facts.against:
        against = escape(" or ".join(facts.against))
        caption += f"; $+$ better, $-$ worse than {against}, $\\approx$ not told apart"
    yield from _opened(
        f"{escape(dataset)}: {escape(group.caption)}. {caption}.", len(group.columns) + 1
    )
    heads = [
        escape(f"{c.title}{f' ({c.unit})' * bool(c.unit)}") + f"~{escape(c.arrow)}"
        for c in group.columns
    ]
    yield f"model & images shown & {' & '.join(heads)} \\\\"
    yield "\\midrule"
    yield from _rows(dataset, [each for each in group.rows if each[0] not in facts.quoted], facts)
    if others := [each for each in group.rows if each[0] in facts.quoted]:
        yield "\\midrule"
        yield from _rows(dataset, others, facts)
    if group.floors:
        yield "\\midrule"
        for name, texts in group.floors:
            yield f"\\emph{{{escape(name)}}} & & {' & '.join(map(escape, texts))} \\\\"
    notes = [escape(column.note) for column in group.columns]
    notes += [f"({mark})~{escape(reason)}" for mark, reason in group.footnotes]
    notes += [
        escape(f"{model} is {word}: {reason}")
        for model, _ in group.rows
        for word, reason in facts.marks.get((dataset, model), {}).items()
    ]
    yield from _closed(notes)


def _rows(
    dataset: str, rows: Sequence[tuple[str, Sequence[tables.TableCell]]], facts: RowFacts
) -> Iterator[str]:
    for model, cells in rows:
        marks = facts.marks.get((dataset, model), ())
        name = " ".join([model, *(f"({word})" for word in marks)])
        yield _row(name, [escape(facts.budgets[model]), *map(_cell, cells)])


def _row(model: str, cells: Sequence[str]) -> str:
    return f"{escape(model)} & {' & '.join(cells)} \\\\"


def _cell(cell: tables.TableCell) -> str:
    marks = ", ".join(filter(None, (cell.notes, cell.mark)))
    mark = f"$^{{\\mathrm{{{marks}}}}}$" if marks else ""
    parts = []
    if cell.text:
        parts.append(f"\\textbf{{{escape(cell.text)}}}" if cell.best else escape(cell.text))
    if cell.outcome:
        parts[-1] += f"$^{{{MARKS[cell.outcome]}}}$"
    if cell.interval:
        parts.append(escape(cell.interval))
    if cell.rank and not cell.is_tied:
        parts.append(f"\\#{escape(cell.place)}")
    if cell.problems:
        parts.append(escape(cell.problems))
    return " ".join(parts) + mark


def _summary(summary: MetricSummary, standings: Standings) -> Iterator[str]:
    metric = standings.metrics[summary.metric]
    caption = (
        f"{escape(metric.heading)} over {escape(', '.join(summary.datasets))}, "
        f"{metric.preference}: interquartile mean (IQM) of {view.scale(summary)}, and probability "
        f"of improvement over {escape(summary.reference)}, with stratified 95\\,\\% bootstrap "
        "intervals over training seeds."
    )
    yield from _opened(caption, 2)
    yield "model & IQM & P(improvement) \\\\"
    yield "\\midrule"
    for standing in summary.standings:
        texts = [view.format_estimate(standing.iqm), view.probability(standing.improvement)]
        yield _row(standing.model, [escape(text) for text in texts])
    yield from _closed([escape(view.partial(summary))] if summary.partial else [])


def _opened(caption: str, columns: int) -> Iterator[str]:
    yield "\\begin{table}"
    yield "\\centering"
    yield f"\\caption{{{caption}}}"
    yield f"\\begin{{tabular}}{{l{'r' * columns}}}"
    yield "\\toprule"


def _closed(notes: Sequence[str]) -> Iterator[str]:
    yield "\\bottomrule"
    yield "\\end{tabular}"
    for note in notes:
        yield f"\\par\\footnotesize {note}"
    yield "\\end{table}"
