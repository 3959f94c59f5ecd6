"""What a task's module gives a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.charts import Chart


@dataclass(frozen=True)
class TaskFigures:
    """The charts of a task by dataset, with a heading, and a caption that explains how to read
    them. `id` is their place in the page.
    """

    id: str
    title: str
    caption: str
    charts: Mapping[str, Sequence[Chart]]
