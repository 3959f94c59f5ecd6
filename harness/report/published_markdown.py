"""Published figures beside ours as Markdown: the end of the ledger's page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.config.shipped import shipped
from harness.report.plain import plain_text
from harness.report.table_comparison import CounterpartComparison, TableComparison, figures_summary


def relative_link(path: Path, folder: Path) -> str:
    """Returns the address of a path for a link in a file of `folder`."""
    return Path(os.path.relpath(path, folder)).as_posix()


def published_lines(tables: Sequence[TableComparison], folder: Path) -> Iterator[str]:
    """The lines of the section, with links for a file in `folder`; none without a table."""
    if not tables:
        return
    registry = relative_link(shipped("suites/published"), folder)
    guide = relative_link(shipped("suites").parent / "docs" / "published-figures.md", folder)
    yield "## Published figures"
    yield ""
    yield (
        f"{figures_summary(tables)}. From [`suites/published/`]({registry}); "
        f"[how to add one]({guide}). Ours are means over seeds ± their standard deviation. A gap "
        "is ours less theirs; *within ±* says whether our mean lies within the spread that is "
        "printed. Where scales differ, the order of models alone is compared, in each seed."
    )
    for table in tables:
        yield ""
        yield from _table(table, folder)


def _table(comparison: TableComparison, folder: Path) -> Iterator[str]:
    table = comparison.table
    yield f"### {comparison.file.name}"
    yield ""
    yield (
        f"{plain_text(table.title)}. *{plain_text(table.source.paper)}, "
        f"{plain_text(table.source.table)}, [{table.source.id}]({table.source.link}).* "
        f"Protocol: {plain_text(comparison.protocol)}. {_sentence(comparison.spread)} "
        f"Looked up in: {plain_text(table.reading.how)}."
    )
    notes = [_sentence(table.note)] if table.note else []
    notes += [
        f"Not looked up: {plain_text(row.name)}, since {plain_text(table.reading_of(row).how)}."
        for row in comparison.unread
    ]
    if comparison.alone:
        names = "; ".join(f"{row.name} ({row.text})" for row in comparison.alone)
        notes.append(f"Without a recipe in these suites: {plain_text(names)}.")
    if notes:
        yield ""
        yield " ".join(notes)
    for beside in comparison.counterparts:
        yield ""
        yield from _counterpart(beside, folder)


def _counterpart(beside: CounterpartComparison, folder: Path) -> Iterator[str]:
    where = f"`{beside.counterpart.suite}`"
    if beside.counterpart.dataset:
        where += f" on `{beside.counterpart.dataset}`"
    report = beside.report
    if report:
        link = relative_link(report.folder / "report.md", folder)
        where = f"{where}, [report of {report.date}]({link})"
    else:
        where = f"{where}, `{beside.counterpart.run}`"
    differs = plain_text("; ".join(beside.differs)) or "nothing"
    explanation = beside.counterpart.explanation
    yield (
        f"Suite {where}: **{plain_text(beside.outcome)}**. What differs: {differs}."
        + (f" Why: {_sentence(explanation)}" if report and explanation else "")
    )
    yield ""
    heads = ["figure", "theirs", "ours", *(["gap", "within ±"] if beside.has_gaps else [])]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for each in beside.figures:
        cells = [
            plain_text(f"{each.column.name}: {each.row.name}") + f" (`{each.model}`)",
            plain_text(each.theirs),
            plain_text(f"{each.ours} ({each.seeds})" if each.seeds else each.ours),
            *([each.gap, each.within_text] if beside.has_gaps else []),
        ]
        yield f"| {' | '.join(cells)} |"


def _sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = plain_text(text.strip().removesuffix("."))
    return f"{text[:1].upper()}{text[1:]}."
