"""A leaderboard as LaTeX tables with booktabs, for papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    "\xa0": "~",
}
MARKS = {"better": "+", "worse": "-", "higher": ">", "lower": "<", "not told apart": r"\approx"}


def escape(text: object) -> str:
    """Text that LaTeX takes for text, on one line. Brackets stand in braces: where a row begins, a
    bare one would be taken for an option of the line break.

    >>> print(escape("50% of a_b & [c]"))
    50\\% of a\\_b \\& {[}c{]}
    """
    line = " ".join(str(text).replace(THIN_SPACE, "\0").split()).replace("\0", THIN_SPACE)
    return "".join(SPECIAL.get(character, character) for character in line)


def latex(board: view.Leaderboard) -> str:
    """A table for each table of the page, and one for each summary over datasets."""
    standings = board.standings
    lines = [
        "% \\usepackage{booktabs} in the preamble; \\usepackage[T1]{fontenc} for quotation marks.",
        f"% {_comment(view.headline(standings))} Read on {_comment(board.generated_at)}.",
    ]
    for dataset in view.datasets(standings):
        for group in (*dataset.comparable, *dataset.apart):
            lines += ["", *_table(dataset.name, group, standings)]
    for summary in standings.summaries:
        if summary.standings:
            lines += ["", *_summary(summary, standings)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Text behind a percent sign, where a line break would end the comment."""
    return " ".join(text.split())


def _table(dataset: str, group: tables.Group, standings: Standings) -> Iterator[str]:
    caption = (
        "Means with 95\\,\\% t intervals over training seeds; bold: first tier; \\# rank, with "
        "its interval where it is not certain"
    )
    if standings.against:
        against = escape(" or ".join(standings.against))
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
    quoted, budgets = view.quoted(standings), view.budgets(standings)
    reasons = {
        model: reason for (name, model), reason in standings.undertrained.items() if name == dataset
    }

    def row(model: str, cells: Sequence[tables.TableCell]) -> str:
        name = f"{model} (undertrained)" if model in reasons else model
        return _row(name, [escape(budgets[model].text), *map(_cell, cells)])

    for model, cells in group.rows:
        if model not in quoted:
            yield row(model, cells)
    if others := [each for each in group.rows if each[0] in quoted]:
        yield "\\midrule"
        for model, cells in others:
            yield row(model, cells)
    if group.floors:
        yield "\\midrule"
        for name, texts in group.floors:
            yield f"\\emph{{{escape(name)}}} & & {' & '.join(map(escape, texts))} \\\\"
    notes = [escape(column.note) for column in group.columns]
    notes += [f"({mark})~{escape(reason)}" for mark, reason in group.footnotes]
    notes += [
        escape(f"{model} is undertrained: {reasons[model]}")
        for model, _ in group.rows
        if model in reasons
    ]
    yield from _closed(notes)


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
