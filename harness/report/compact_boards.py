"""A dataset's board in few columns: values as dots with their intervals, on one axis a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.claims.verdicts import Verdict
from harness.leaderboards.board import Board
from harness.metrics.base import Metric
from harness.report import tables
from harness.report.dot_axis import DotAxis
from harness.report.palette import model_styles
from harness.report.results import Results

COLUMNS = 5
"""Metrics of a compact board, at most."""


@dataclass(frozen=True)
class CompactColumn:
    """A metric: its heading and unit, in words which values are better, and where images that
    no model made are on its axis, if that is known. `falls` says that the best value is the
    highest. `tied` has the words for a column whose models are not told apart; empty elsewhere, and
    where none is ranked.
    """

    title: str
    unit: str
    arrow: str
    better: str
    floor: float | None
    falls: bool
    tied: str


@dataclass(frozen=True)
class CompactBoard:
    """`rows` has each model with its colour, and a dot, or none, a column. `floor` names the
    images that no model made which columns mark.
    """

    dataset: str
    columns: tuple[CompactColumn, ...]
    rows: tuple[tuple[str, str, tuple[Dot | None, ...]], ...]
    floor: str


@dataclass(frozen=True)
class Dot:
    """A model's value as printed, and where it and the ends of its interval are on the axis, in
    pixels; the ends are None with one seed. `seeds` are the places of its seeds' values, and
    `floor` says how far it is from images that no model made; both are empty where that is not
    known.
    """

    text: str
    value: float
    at: float
    low: float | None
    high: float | None
    seeds: tuple[float, ...] = ()
    floor: str = ""


def compact_boards(results: Results, models: Sequence[str]) -> dict[str, CompactBoard]:
    """A compact board of each dataset on which two models or more have numbers of one metric. First
    come the metrics that the suite's claims are about, then the others in the suite's order.
    """
    shown = {}
    for name in dict.fromkeys(board.dataset for board in results.boards):
        boards = chosen_boards(results, name)
        if boards:
            shown[name] = _compact(name, boards, results.metrics, models)
    return shown


def chosen_boards(results: Results, dataset: str) -> list[Board]:
    """The boards of a dataset whose metrics are shown first, at most `COLUMNS`."""
    candidates = [
        board
        for board in results.boards
        if board.dataset == dataset
        and not board.apart
        and not board.unranked
        and (dataset, board.protocol_key) not in results.doubts
        and sum(row.mean is not None for row in board.rows) > 1
    ]
    asked = _asked(results.verdicts, dataset)
    candidates.sort(key=lambda board: board.metric not in asked)  # stable
    return candidates[:COLUMNS]


def _asked(verdicts: Sequence[Verdict], dataset: str) -> set[str]:
    """The metrics that claims compare on a dataset."""
    return {part.metric for v in verdicts for part in v.parts if part.dataset == dataset}


def _compact(
    dataset: str, boards: Sequence[Board], metrics: Mapping[str, Metric], models: Sequence[str]
) -> CompactBoard:
    axes = [DotAxis.of(board) for board in boards]
    styles = model_styles(models)
    on = [m for m in models if any((row := b.row(m)) and row.mean is not None for b in boards)]
    rows = tuple(
        (
            model,
            styles[model].colour,
            tuple(
                _dot(board, metrics[board.metric], model, axis)
                for axis, board in zip(axes, boards, strict=True)
            ),
        )
        for model in on
    )
    columns = tuple(
        CompactColumn(
            metrics[board.metric].heading,
            metrics[board.metric].unit,
            tables.arrow(metrics[board.metric]),
            metrics[board.metric].preference,
            None if board.floor is None or board.floor.mean is None else axis(board.floor.mean),
            metrics[board.metric].sign > 0,
            tables.tied_text(board),
        )
        for axis, board in zip(axes, boards, strict=True)
    )
    floors = dict.fromkeys(board.floor.model for board in boards if board.floor)
    return CompactBoard(dataset, columns, rows, " and ".join(floors))


def _dot(board: Board, metric: Metric, model: str, axis: DotAxis) -> Dot | None:
    """A model's value on the axis; None where it has none."""
    row = board.row(model)
    if row is None or row.mean is None:
        return None
    low, high = (None if end is None else axis(end) for end in (row.low, row.high))
    return Dot(
        tables.mean_text(row, metric),
        row.mean,
        axis(row.mean),
        low,
        high,
        axis.of_seeds(row),
        tables.floor_distance(board, row),
    )
