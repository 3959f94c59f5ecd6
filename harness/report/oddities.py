"""Numbers that a reader must not take as they are: what stands oddly beside its neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import yaml

from harness.core.measurement import SOURCE_IMAGES
from harness.leaderboards.board import Board, Row
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Metric
from harness.report.recipes import settings_of_model
from harness.report.results import Results

WIDEST = 1 / 3
"""An interval that takes more than this share of its metric's range says little."""

FLOOR_ERRORS = 2.0
"""A model is better than real images where it is by more than this many standard errors of their
one value.
"""


def oddities(results: Results) -> list[str]:
    """Return a sentence for each number that needs an explanation: more sampling steps and worse,
    an ablation above its parent, better than real images, an interval over a third of its
    metric's range, and metrics that failed their self-test.
    """
    return list(
        dict.fromkeys(
            [
                *_worse_with_more_steps(results),
                *_ablations_above_parents(results),
                *_better_than_real(results),
                *_wide_intervals(results),
                *_failed_metrics(results),
            ]
        )
    )


def _worse_with_more_steps(results: Results) -> Iterator[str]:
    """Models that differ in the number of sampling steps only: more must not be worse."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for model in results.models:
        recipe = settings_of_model(model)
        sampling = recipe.get("sampling")
        if isinstance(sampling, dict) and isinstance(sampling.get("steps"), int):
            steps = sampling["steps"]
            others = {**recipe, "sampling": {**sampling, "steps": None}}
            groups.setdefault(yaml.safe_dump(others), []).append((steps, model.name))
    for group in groups.values():
        for (few, fewer), (many, more) in pairwise(sorted(group)):
            for board in _worse(results, more, fewer) if many > few else ():
                yield (
                    f"{more} takes {many} sampling steps and {fewer} takes {few}, but its "
                    f"{_title(results, board)} on {board.dataset} is worse"
                )


def _ablations_above_parents(results: Results) -> Iterator[str]:
    names = {model.name for model in results.models}
    for model in results.models:
        if model.ablates in names:
            for board in _worse(results, model.ablates, model.name):
                yield (
                    f"{model.name} lacks a part of {model.ablates}, but its "
                    f"{_title(results, board)} on {board.dataset} is better"
                )


def _worse(results: Results, model: str, reference: str) -> Iterator[Board]:
    """The boards on which a model is worse than another, beyond the noise of seeds."""
    rows = results.table[results.table["model"].isin([model, reference])]
    quality = {
        name: metric
        for name, metric in results.metrics.items()
        if metric.has_sides and metric.kind != "cost" and not metric.own_scale
    }
    for board in boards(rows, quality, against=[reference]):
        row = board.row(model)
        if row and row.versus and row.versus.outcome == "worse":
            yield board


def _better_than_real(results: Results) -> Iterator[str]:
    for board, metric, row in _measured_rows(results):
        floor = board.floor
        if floor is None or floor.mean is None or not metric.has_sides:
            continue
        if floor.model == SOURCE_IMAGES:  # damaged ones: any repair is to be better
            continue
        worst, noise = (
            row.low if metric.sign > 0 else row.high,
            _standard_error(results, board, floor),
        )
        if worst is not None and metric.sign * (worst - floor.mean) > FLOOR_ERRORS * noise:
            yield (
                f"{row.model} has a better {metric.title} on {board.dataset} than {floor.model}, "
                f"which are real{_cause(results, board, row.model)}"
            )


def _cause(results: Results, board: Board, model: str) -> str:
    """Why the recall of a model may be better than that of real images: samples that lie off the
    data have distant neighbours, and so widen what counts as reached (Naeem et al. 2020,
    arXiv:2002.09797, section 3). Empty for other metrics, and where precision is not lower.
    """
    precision = next(
        (b for b in results.boards if (b.metric, b.dataset) == ("precision", board.dataset)), None
    )
    if board.metric != "recall" or precision is None or precision.floor is None:
        return ""
    row, real = precision.row(model), precision.floor.mean
    if row is None or row.mean is None or real is None or row.mean >= real:
        return ""
    return (
        f": samples off the data raise recall, and its precision is {row.mean:.2f} against "
        f"{real:.2f}"
    )


def _standard_error(results: Results, board: Board, row: Row) -> float:
    """Return the standard error of a row's one value on a board, 0 where none is known."""
    table = results.table
    rows = table[
        (table["model"] == row.model)
        & (table["dataset"] == board.dataset)
        & (table["metric"] == board.metric)
        & (table["protocol_key"] == board.protocol_key)
    ]
    return float(rows["stderr"].fillna(0.0).max()) if len(rows) else 0.0


def _wide_intervals(results: Results) -> Iterator[str]:
    for board, metric, row in _measured_rows(results):
        low, high = metric.limits
        if row.low is None or row.high is None or math.isinf(high - low):
            continue
        share = (row.high - row.low) / (high - low)
        if share > WIDEST:
            yield (
                f"the interval of {metric.title} of {row.model} on {board.dataset} takes "
                f"{share:.0%} of all values that there can be"
            )


def _failed_metrics(results: Results) -> Iterator[str]:
    for board in results.boards:
        if doubt := results.doubts.get((board.dataset, board.protocol_key)):
            yield f"{_title(results, board)} {doubt}"


def _measured_rows(results: Results) -> Iterator[tuple[Board, Metric, Row]]:
    for board in results.boards:
        for row in board.rows:
            if not row.quoted:
                yield board, results.metrics[board.metric], row


def _title(results: Results, board: Board) -> str:
    return results.metrics[board.metric].title
