"""The modules of all tasks, in the order in which a report shows their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report.results import Results
from harness.report.task_figures import anomaly, likelihood, modes, sampling, seeds
from harness.report.task_figures.part import TaskFigures

TASKS: Sequence[Callable[[Results], TaskFigures]] = (
    anomaly.anomaly_figures,
    modes.mode_figures,
    sampling.sampler_figures,
    likelihood.likelihood_figures,
    seeds.seed_figures,
)


def task_figures(results: Results) -> list[TaskFigures]:
    """The figures of each task that a suite measured."""
    return [part for make in TASKS if (part := make(results)).charts]
