"""Leaderboards as tables for people: which columns stand together, and what each cell says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.leaderboard import Board, Row
from harness.analysis.numbers import decimals, interval, number, percent
from harness.metrics.base import Metric

NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Cell:
    """A number as printed, what sorts it, its interval, its rank, and what went wrong.

    `problems` counts cells without a number ("1 diverged"); `reason` says why, and `mark` is the
    footnote that repeats it.
    """

    text: str
    sort: float | None = None
    interval: str = ""
    rank: int | None = None
    best: bool = False
    seeds: str = ""
    problems: str = ""
    reason: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Column:
    """A metric as measured by one protocol: `note` says all that its numbers depend on, and `doubt`
    how the metric failed its self-test there, if it did.
    """

    title: str
    name: str
    unit: str
    arrow: str
    better: str
    note: str
    doubt: str = ""


@dataclass(frozen=True)
class Group:
    """A table whose metrics apply to the same models. `rows` pairs a model with its cells; `floors`
    names the rows of images that no model made, of which any number is known.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    footnotes: tuple[tuple[str, str], ...]
    floors: tuple[tuple[str, tuple[str, ...]], ...] = ()


def groups(
    boards: Sequence[Board], metrics: Mapping[str, Metric], models: Sequence[str],
    doubts: Mapping[tuple[str, str], str],
) -> list[Group]:  # fmt: skip
    """The boards of one dataset as tables. Metrics that no model has a number or a failure for
    are left out; `left_out` lists them. `doubts` are those of `Results`.
    """
    by_models: dict[tuple[str, ...], list[Board]] = {}
    for board in boards:
        if applying := _applies(board, models):
            by_models.setdefault(applying, []).append(board)
    return [_group(found, metrics, models, on, doubts) for on, found in by_models.items()]


def left_out(
    boards: Sequence[Board], metrics: Mapping[str, Metric], models: Sequence[str]
) -> list[tuple[str, str]]:
    """The metrics that apply to no model here, with the reason."""
    return [
        (metrics[board.metric].title, board.rows[0].reason)
        for board in boards
        if not _applies(board, models)
    ]


def _applies(board: Board, models: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        model for model in models if (row := board.row(model)) and not _not_applicable(row)
    )


def _not_applicable(row: Row) -> bool:
    return row.mean is None and set(row.failures) == {NOT_APPLICABLE}


def _group(
    boards: Sequence[Board], metrics: Mapping[str, Metric], models: Sequence[str],
    on: Sequence[str], doubts: Mapping[tuple[str, str], str],
) -> Group:  # fmt: skip
    marks: dict[str, str] = {}
    rows = tuple(
        (model, tuple(_cell(board, metrics[board.metric], model, marks) for board in boards))
        for model in models
        if any(board.row(model) for board in boards)
    )
    everything = len(on) == len(models)
    return Group(
        "Metrics that apply to every model" if everything else f"Metrics for {', '.join(on)}",
        tuple(
            _column(board, metrics[board.metric], doubts.get((board.dataset, board.protocol_key)))
            for board in boards
        ),
        rows,
        tuple((mark, reason) for reason, mark in marks.items()),
        _floors(boards, metrics),
    )


def _floors(
    boards: Sequence[Board], metrics: Mapping[str, Metric]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    def text(board: Board, name: str) -> str:
        floor = board.floor
        if floor is None or floor.mean is None or floor.model != name:
            return "–"
        return number(floor.mean, metrics[board.metric].digits)

    names = dict.fromkeys(board.floor.model for board in boards if board.floor)
    return tuple((name, tuple(text(board, name) for board in boards)) for name in names)


def _column(board: Board, metric: Metric, doubt: str | None) -> Column:
    apart = f"Another protocol, not comparable with the other column: {board.apart}. " * bool(
        board.apart
    )
    note = (
        f"{apart}{board.protocol}; {board.mean} and {percent(board.level)} t interval "
        f"over {board.over}"
    )
    arrow = "↑" if metric.better == "higher" else "↓"
    return Column(
        metric.heading, metric.name, metric.unit, arrow, metric.better, note, doubt or ""
    )  # fmt: skip


def _cell(board: Board, metric: Metric, model: str, marks: dict[str, str]) -> Cell:
    row = board.row(model)
    if row is None:
        return Cell("–", reason="not measured with this protocol")
    reason = row.reason or "no reason was recorded"
    mark = _mark(reason, marks) if row.failures else ""
    if row.mean is None:
        if _not_applicable(row):
            return Cell("n/a", reason=reason, mark=mark)
        return Cell("", problems=_problems(row), reason=reason, mark=mark)
    places, bounds = metric.digits, ""
    if row.low is not None and row.high is not None and row.high > row.low:
        places = decimals((row.high - row.low) / 2)
        bounds = interval(row.low, row.high, places)
    elif row.low is not None:
        bounds = "no spread"
    seeds = f"{row.seeds} seed" + ("" if row.seeds == 1 else "s")
    return Cell(
        number(row.mean, places), row.mean, bounds, row.rank, row.rank == 1, seeds,
        _problems(row), reason if row.failures else "", mark,
    )  # fmt: skip


def _problems(row: Row) -> str:
    return ", ".join(f"{count} {status}" for status, count in row.failures.items())


def _mark(reason: str, marks: dict[str, str]) -> str:
    """Footnotes a, b, …, z, aa, …: one for each reason."""
    if reason not in marks:
        n = len(marks)
        marks[reason] = (chr(96 + n // 26) if n >= 26 else "") + chr(97 + n % 26)
    return marks[reason]
