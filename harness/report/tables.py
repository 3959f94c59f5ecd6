"""Leaderboards as tables for people: which columns stand together, and what each cell says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.counting import counted
from harness.leaderboards.board import Board, Row, Versus
from harness.metrics.base import Metric
from harness.report.dot_axis import DotAxis
from harness.statistics.formatting import decimals, interval, number, percent
from harness.statistics.maturity import TrainingInfo

NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class TableCell:
    """A number as printed, what sorts it, its interval, its rank, and what went wrong.

    `problems` counts cells without a number ("1 diverged"); `reason` says why, and `mark` is the
    footnote that repeats it. `notes` are the footnotes of what must be known of the number, and
    `remarks` what they say. `best` is true of the first rank, where any model has another; where
    none has, `is_tied` is true of all, `tied` says so, and `dots` are where the seeds' values are,
    in pixels. `floor` says how far the number is from that of images that no model made. `ranks` is
    the interval of the rank, `versus` the comparison with the model that all are compared with.
    """

    text: str
    sort: float | None = None
    interval: str = ""
    rank: int | None = None
    best: bool = False
    is_tied: bool = False
    seeds: str = ""
    problems: str = ""
    reason: str = ""
    mark: str = ""
    ranks: str = ""
    versus: str = ""
    outcome: str = ""
    notes: str = ""
    remarks: str = ""
    tied: str = ""
    dots: tuple[float, ...] = ()
    floor: str = ""

    @property
    def place(self) -> str:
        """The rank, and its interval where the rank is not certain."""
        return (
            f"{self.rank}" if self.ranks in ("", str(self.rank)) else f"{self.rank} ({self.ranks})"
        )


@dataclass(frozen=True)
class Column:
    """A metric as measured by one protocol: `note` says all that its numbers depend on, and `doubt`
    how the metric failed its self-test there, if it did. `falls` says that its best value is the
    highest, so that the first click sorts from there down.
    """

    title: str
    name: str
    unit: str
    arrow: str
    better: str
    note: str
    doubt: str = ""
    falls: bool = False


@dataclass(frozen=True)
class Group:
    """A table whose metrics apply to the same models. `rows` pairs a model with its cells; `floors`
    names the rows of real images that have a number.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[TableCell, ...]], ...]
    footnotes: tuple[tuple[str, str], ...]
    floors: tuple[tuple[str, tuple[str, ...]], ...] = ()


def groups(
    boards: Sequence[Board],
    metrics: Mapping[str, Metric],
    models: Sequence[str],
    doubts: Mapping[tuple[str, str], str],
) -> list[Group]:
    """The boards of one dataset as tables. Metrics that no model has a number or a failure for
    are left out; `left_out` lists them. `doubts` are those of `Results`.
    """
    by_models: dict[tuple[str, ...], list[Board]] = {}
    for board in boards:
        if applying := applicable_models(board, models):
            by_models.setdefault(applying, []).append(board)
    return [
        group(
            "Metrics that apply to every model"
            if len(on) == len(models)
            else f"Metrics for {', '.join(on)}",
            boards_alike,
            metrics,
            models,
            doubts,
        )
        for on, boards_alike in by_models.items()
    ]


def left_out(
    boards: Sequence[Board], metrics: Mapping[str, Metric], models: Sequence[str]
) -> list[tuple[str, str]]:
    """The metrics that apply to no model here, with the reason."""
    return [
        (metrics[board.metric].title, board.rows[0].reason)
        for board in boards
        if not applicable_models(board, models)
    ]


def applicable_models(board: Board, models: Sequence[str]) -> tuple[str, ...]:
    """The models that a board's metric applies to."""
    return tuple(
        model for model in models if (row := board.row(model)) and not _not_applicable(row)
    )


def _not_applicable(row: Row) -> bool:
    return row.mean is None and set(row.failures) == {NOT_APPLICABLE}


def group(
    caption: str,
    boards: Sequence[Board],
    metrics: Mapping[str, Metric],
    models: Sequence[str],
    doubts: Mapping[tuple[str, str], str],
) -> Group:
    """These boards as one table, a column each, of those models that are on one of them."""
    marks: dict[str, str] = {}
    rows = tuple(
        (model, tuple(cell(board, metrics[board.metric], model, marks) for board in boards))
        for model in models
        if any(board.row(model) for board in boards)
    )
    return Group(
        caption,
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


def arrow(metric: Metric) -> str:
    """Where better values are: above, below, or at the ideal; empty where none is better."""
    if metric.ideal is not None:
        return "→ held-out" if metric.ideal == "held-out" else f"→ {metric.ideal:g}"
    return {"higher": "↑", "lower": "↓"}.get(metric.better, "")


def heading(metric: Metric) -> str:
    """A metric with its unit and the direction that is better."""
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.heading}{unit} {arrow(metric)}".rstrip()


def _column(board: Board, metric: Metric, doubt: str | None) -> Column:
    apart = f"Another protocol, not comparable with the other numbers: {board.apart}. " * bool(
        board.apart
    )
    order = f"; ranked by {board.by}" * bool(board.by)
    if board.unranked:
        order = f"; not ranked: {board.unranked}"
    note = (
        f"{apart}{board.protocol}; {board.mean} and {percent(board.level)} t interval "
        f"over {board.over}{order}"
    )
    return Column(
        metric.heading,
        metric.name,
        metric.unit,
        arrow(metric),
        metric.preference,
        note,
        doubt or "",
        falls=metric.sign > 0,
    )


def cell(board: Board, metric: Metric, model: str, marks: dict[str, str]) -> TableCell:
    """What a board says of a model; `marks` has the footnotes so far, by reason, and takes in new
    ones.
    """
    row = board.row(model)
    if row is None:
        return TableCell("–", reason="not measured with this protocol")
    reason = row.reason or "no reason was recorded"
    mark = _mark(reason, marks) if row.failures else ""
    if row.mean is None:
        if _not_applicable(row):
            return TableCell("n/a", reason=reason, mark=mark)
        return TableCell("", problems=_problems(row), reason=reason, mark=mark)
    seeds = counted(row.seeds, "seed")
    is_tied = row.rank is not None and not board.tells_apart
    return TableCell(
        mean_text(row, metric),
        row.mean,
        _interval(row, metric),
        row.rank,
        best=row.rank == 1 and board.tells_apart,
        is_tied=is_tied,
        tied=tied_text(board) if is_tied else "",
        dots=DotAxis.of(board).of_seeds(row) if is_tied else (),
        floor=floor_distance(board, row),
        seeds=seeds,
        problems=_problems(row),
        reason=reason if row.failures else "",
        mark=mark,
        ranks=_ranks(row),
        versus=versus(row.versus) if row.versus else "",
        outcome=row.versus.outcome if row.versus else "",
        notes=", ".join(_mark(remark, marks) for remark in row.remarks),
        remarks="; ".join(row.remarks),
    )


def training_columns(
    training: Sequence[TrainingInfo],
) -> dict[tuple[str, str], tuple[tuple[str, float], ...]]:
    """The steps and epochs of each trained model, by dataset and model, as text and to sort by."""
    return {
        (info.dataset, info.model): (
            (number(info.steps, 0), info.steps),
            (number(info.epochs, decimals(info.epochs)), info.epochs),
        )
        for info in training
    }


def tied_text(board: Board) -> str:
    """Says that no ranked model of a board is told apart, by how many seeds each; empty where one
    is, and where none is ranked.

    >>> rows = (Row("a", 1, 0.5, 0.4, 0.6, 3), Row("b", 1, 0.4, 0.3, 0.5, 5))
    >>> tied_text(Board("digits", "recall", "", "", rows))
    'not told apart (n = 3 to 5)'
    """
    seeds = sorted({row.seeds for row in board.rows if row.rank is not None})
    if not seeds or board.tells_apart:
        return ""
    few, many = seeds[0], seeds[-1]
    return f"not told apart (n = {few if few == many else f'{few} to {many}'})"


def floor_distance(board: Board, row: Row) -> str:
    """How far a row is from the images of its board that no model made: as a ratio where means are
    geometric, else as a difference. Empty where either has no number.

    >>> floor = Row("training images", None, 2.0, None, None, 1)
    >>> row = Row("a", 1, 3.0, 2.5, 3.5, 3)
    >>> floor_distance(Board("digits", "fid", "", "", (row,), "geometric mean", floor=floor), row)
    '1.5 × training images'
    >>> floor_distance(Board("digits", "recall", "", "", (row,), floor=floor), row)
    '1.0 above training images'
    """
    floor = board.floor
    if floor is None or floor.mean is None or row.mean is None:
        return ""
    if board.mean == "geometric mean" and floor.mean > 0:
        ratio = row.mean / floor.mean
        return f"{number(ratio, decimals(ratio))} × {floor.model}"
    size = abs(row.mean - floor.mean)
    side = "above" if row.mean > floor.mean else "below"
    return f"{number(size, decimals(size))} {side} {floor.model}" if size else f"as {floor.model}"


def mean_text(row: Row, metric: Metric) -> str:
    """A row's mean with the digits that its interval leaves; a row without a mean has no text."""
    return "" if row.mean is None else number(row.mean, _places(row, metric))


def _interval(row: Row, metric: Metric) -> str:
    if row.low is None or row.high is None:
        return ""
    return interval(row.low, row.high, _places(row, metric)) if row.high > row.low else "no spread"


def _places(row: Row, metric: Metric) -> int:
    if row.low is None or row.high is None or row.high <= row.low:
        return metric.digits
    return decimals((row.high - row.low) / 2)


def _ranks(row: Row) -> str:
    if row.ranks is None:
        return ""
    low, high = row.ranks
    return str(low) if low == high else f"{low}–{high}"


def versus(comparison: Versus) -> str:
    """How a model compares with the other: a ratio or a difference with its interval.

    >>> versus(Versus("better", "ratio", 0.5, (0.4, 0.625), 0.95))
    '×0.50 [0.40, 0.62]'
    """
    is_ratio = comparison.kind == "ratio"
    sign = "×" if is_ratio else ""
    if comparison.interval is None:
        return f"{sign}{number(comparison.value, signed=not is_ratio)}"
    places = decimals((comparison.interval[1] - comparison.interval[0]) / 2)
    value = number(comparison.value, places, signed=not is_ratio)
    return f"{sign}{value} {interval(*comparison.interval, places)}"


def _problems(row: Row) -> str:
    return ", ".join(f"{count} {status}" for status, count in row.failures.items())


def _mark(reason: str, marks: dict[str, str]) -> str:
    """The letters of the footnote that has the reason."""
    return marks.setdefault(reason, footnote_letters(len(marks)))


def footnote_letters(place: int) -> str:
    """The letters of the footnote at a place, from 0: a, b, …, z, aa, ab, …"""
    return (chr(96 + place // 26) if place >= 26 else "") + chr(97 + place % 26)
