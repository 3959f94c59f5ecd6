"""The columns of boards across suites: which there are, which are shown at first, which rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.leaderboards.board import Board
from harness.leaderboards.leaderboard import boards
from harness.metrics.base import Metric
from harness.report.site.published_numbers import PublishedNumbers
from harness.report.tables import applicable_models

SHOWN = 5
"""How many columns of a table are shown where the reader has chosen none."""
COSTS = "cost"
"""The kind of metrics that are shown at first only where others are too few."""


@dataclass(frozen=True)
class MetricColumn:
    """A column: one metric on one dataset by one protocol. `board` has the models, `everything`
    real images too. `key` is its name in addresses, `shown` says whether it is shown where the
    reader has chosen no columns, `mark` why it ranks nobody or that its models are not told apart,
    and `doubt` how the metric failed its self-test.
    """

    key: str
    metric: Metric
    board: Board
    everything: Board
    shown: bool
    mark: str
    doubt: str

    @property
    def ranks(self) -> bool:
        """Whether its ranks say something: at least two models are told apart."""
        return not self.mark

    @property
    def direction(self) -> str:
        """The order of `aria-sort` in which the best value comes first."""
        return {"lower": "ascending", "nearer": "other"}.get(self.metric.better, "descending")


BoardPair = tuple[Board, Board]
"""The board of a column with models alone, and with everything."""


def board_pairs(numbers: PublishedNumbers) -> list[BoardPair]:
    """Returns the boards on which a model or real images have a number or have failed. Real images
    take no part in the order of models.
    """
    table = numbers.table
    real = [entry.label for entry in numbers.entries if entry.is_real]
    labels = [entry.label for entry in numbers.entries]
    of_models = {
        _place(board): board for board in boards(table[~table["model"].isin(real)], numbers.metrics)
    }
    return [
        (of_models.get(_place(everything), replace(everything, rows=())), everything)
        for everything in boards(table, numbers.metrics)
        if applicable_models(everything, labels)
    ]


def _place(board: Board) -> tuple[str, str, str]:
    return board.dataset, board.metric, board.protocol_key


def board_columns(
    pairs: Sequence[BoardPair], numbers: PublishedNumbers
) -> tuple[MetricColumn, ...]:
    """Returns the columns of a table, those shown at first before the others."""
    names = [everything.metric for _, everything in pairs]
    shown = default_columns(pairs, numbers.metrics)
    columns = (
        MetricColumn(
            each.metric
            if names.count(each.metric) == 1
            else f"{each.metric}-{each.protocol_key[:8]}",
            numbers.metrics[each.metric],
            board,
            each,
            _place(each) in shown,
            rank_mark(board),
            numbers.doubts.get((each.dataset, each.protocol_key), ""),
        )
        for board, each in pairs
    )
    return tuple(sorted(columns, key=lambda column: not column.shown))


def default_columns(
    pairs: Iterable[BoardPair], metrics: Mapping[str, Metric]
) -> list[tuple[str, str, str]]:
    """Returns the boards of a table that are shown at first, by dataset, metric and protocol key:
    those on which the most models have a number, costs last.
    """

    def precedence(pair: BoardPair) -> tuple[bool, int]:
        measured = sum(row.mean is not None for row in pair[0].rows)
        return metrics[pair[1].metric].kind == COSTS, -measured

    return [_place(each) for _, each in sorted(pairs, key=precedence)[:SHOWN]]


def rank_mark(board: Board) -> str:
    """Says why a board ranks nobody, or that its models are not told apart; empty where at least
    two are.
    """
    if board.unranked:
        return "not ranked"
    with_mean = [row for row in board.rows if row.mean is not None]
    if len(with_mean) < 2:
        return "one model, no rank" if with_mean else "no model"
    tested = [row for row in with_mean if row.rank is not None]
    if len(tested) < 2:
        return "fewer than three seeds"
    if not board.told_apart:
        counts = sorted({row.seeds for row in tested})
        ends = dict.fromkeys((counts[0], counts[-1]))
        return f"not told apart (n = {'–'.join(map(str, ends))})"
    return ""
