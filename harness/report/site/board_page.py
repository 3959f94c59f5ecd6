"""The page of boards across suites."""

from __future__ import annotations

from typing import Any

from harness.core.measurement import FLOORS
from harness.report.export.bibliography import bibtex_entries, read_citations
from harness.report.site.board_tables import (
    SiteTable,
    metric_groups,
    page_id,
    site_tables,
    training_text,
)
from harness.report.site.papers import source_links
from harness.report.site.published_numbers import PublishedNumbers
from harness.report.tables import arrow
from harness.report.templating import template_environment
from harness.statistics.formatting import number


def boards_page(numbers: PublishedNumbers) -> str:
    """Returns the page as HTML, which needs nothing else."""
    environment = template_environment(autoescape=True)
    environment.filters.update(sources=source_links)
    return environment.get_template("site_boards.html").render(**_values(numbers))


def _values(numbers: PublishedNumbers) -> dict[str, Any]:
    tables = site_tables(numbers)
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
        "budgets": [(count, _budget_text(count)) for count in _budgets(tables)],
        "models": models,
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
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return {
        name: (alphabet[i // 26 - 1] if i >= 26 else "") + alphabet[i % 26]
        for i, name in enumerate(names)
    }


def _budgets(tables: list[SiteTable]) -> list[int]:
    counts = {row.entry.images for table in tables for row in table.rows}
    return sorted(count for count in counts if count is not None)


def _budget_text(images: int) -> str:
    return number(images, 0) if images else "not trained"
