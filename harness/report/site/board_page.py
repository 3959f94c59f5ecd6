"""The page of boards across suites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.core.counting import counted, named
from harness.core.measurement import FLOORS
from harness.leaderboards.board import metric_place
from harness.metrics.base import Metric
from harness.report.boards.view import GROUPS, OTHERS, budget
from harness.report.charts import chart_markup
from harness.report.export.bibliography import bibtex_entries, read_citations
from harness.report.site.board_tables import (
    SiteTable,
    page_id,
    site_tables,
)
from harness.report.site.number_history import NumberHistory
from harness.report.site.papers import source_links
from harness.report.site.published import PublishedEntry
from harness.report.site.published_numbers import PublishedNumbers
from harness.report.site.trends import trends_of
from harness.report.tables import arrow, footnote_letters
from harness.report.templating import template_environment
from harness.statistics.formatting import number


def boards_page(numbers: PublishedNumbers, history: NumberHistory) -> str:
    """Returns the page as HTML, which needs nothing else."""
    environment = template_environment(autoescape=True)
    environment.filters.update(sources=source_links)
    tables = site_tables(numbers)
    return environment.get_template("site_boards.html").render(
        **_values(numbers, tables), trends=trends_of(tables, history), chart_markup=chart_markup
    )


def _values(numbers: PublishedNumbers, tables: Sequence[SiteTable]) -> dict[str, Any]:
    by_dataset: dict[str, list[SiteTable]] = {}
    for table in tables:
        by_dataset.setdefault(table.dataset, []).append(table)
    entries = [row.entry for table in tables for row in (*table.rows, *table.real)]
    models = {entry.name: entry.notes for entry in sorted(entries, key=lambda each: each.name)}
    groups = metric_groups(tables)
    cited = [(f"model {name}", notes.citations) for name, notes in models.items()]
    cited += [(f"metric {each.name}", each.paper) for _, metrics in groups for each in metrics]
    return {
        "numbers": numbers,
        "tables": tables,
        "datasets": by_dataset,
        "groups": groups,
        "families": sorted({notes.family for notes in models.values()}),
        "budgets": [(count, budget(count).text) for count in _budgets(tables)],
        "models": models,
        "rivals": sorted({row.entry.name for table in tables for row in table.rows}),
        "model_ids": {name: f"model-{page_id(name)}" for name in models},
        "letters": report_letters(sorted(report.name for report in numbers.reports)),
        "papers": bibtex_entries(cited),
        "papers_of": lambda metric: read_citations(metric.paper),
        "training_text": training_text,
        "arrow": arrow,
        "floors": FLOORS,
    }


def report_letters(names: list[str]) -> dict[str, str]:
    """Returns a letter for each name: a, b, …, z, aa, ab, …"""
    return {name: footnote_letters(place) for place, name in enumerate(names)}


def _budgets(tables: Sequence[SiteTable]) -> list[int]:
    counts = {row.entry.images for table in tables for row in table.rows}
    return sorted(count for count in counts if count is not None)


def metric_groups(tables: Sequence[SiteTable]) -> list[tuple[str, list[Metric]]]:
    """Returns the metrics of all tables by the heading that they stand under, each once."""
    metrics = {c.metric.name: c.metric for table in tables for c in table.columns}
    groups: dict[str, list[Metric]] = {}
    for metric in sorted(metrics.values(), key=lambda each: metric_place(each.name)):
        groups.setdefault(GROUPS.get(metric.name, OTHERS), []).append(metric)
    return list(groups.items())


def training_text(entry: PublishedEntry) -> str:
    """How long an entry was trained: "625 steps, 33 epochs"; empty where it was not."""
    info = entry.training
    if info is None:
        return ""
    epochs = number(info.epochs, 0) if info.epochs >= 10 else f"{info.epochs:.2g}"
    word = named(1 if epochs == "1" else 2, "epoch")
    return f"{counted(info.steps, 'step')}, {epochs} {word}"
