"""Bounds on the likelihood of test images, and bits per dimension."""

from __future__ import annotations

from harness.leaderboards.board import Board
from harness.report import suite_figures
from harness.report.charts import DotChart
from harness.report.results import Results
from harness.report.task_figures.part import TaskFigures
from harness.report.task_figures.seeds import dot_chart, dot_row

BOUNDS = ("elbo", "importance_bound", "importance_bound_5000", "ode_likelihood")
"""Metrics that are all nats of the same images, from the loosest bound on."""
BITS = "bits_per_dim"


def likelihood_figures(results: Results) -> TaskFigures:
    """For each dataset the bounds of all models on one axis, and their bits per dimension."""
    charts: dict[str, list[DotChart]] = {}
    for dataset in dict.fromkeys(board.dataset for board in results.boards):
        boards = {
            board.metric: board
            for board in results.boards
            if board.dataset == dataset and not board.apart and _has_numbers(board)
        }
        bounds = [boards[name] for name in BOUNDS if name in boards]
        if bounds:
            charts.setdefault(dataset, []).append(_bounds_chart(results, bounds))
        if bits := boards.get(BITS):
            models = [name for name in suite_figures.model_names(results) if bits.row(name)]
            rows = [dot_row(results, bits, name, name) for name in models]
            chart = dot_chart("Bits per dimension", results.metrics[BITS], bits, rows)
            charts.setdefault(dataset, []).append(chart)
    return TaskFigures(
        "likelihood",
        "Likelihood of test images",
        "A dot a training seed; the upright stroke is their mean, with its 95 % t interval. Bounds "
        "of one model from the loosest to the tightest: the log-likelihood itself is at least as "
        "large as each of them. What the probability flow gives is an estimate, and no bound.",
        charts,
    )


def _has_numbers(board: Board) -> bool:
    return any(row.mean is not None for row in board.rows)


def _bounds_chart(results: Results, bounds: list[Board]) -> DotChart:
    """A row for each bound of each model."""
    rows = [
        dot_row(results, board, model, f"{model} · {results.metrics[board.metric].title}")
        for model in suite_figures.model_names(results)
        for board in bounds
        if board.row(model)
    ]
    metric = results.metrics[bounds[0].metric]
    return dot_chart("Bounds on the log-likelihood", metric, bounds[0], rows, "Log-likelihood")
