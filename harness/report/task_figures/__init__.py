"""Figures of what a suite measured: one module a task, which looks for its own numbers."""

from harness.report.task_figures.all_tasks import task_figures
from harness.report.task_figures.part import TaskFigures

__all__ = ["TaskFigures", "task_figures"]
