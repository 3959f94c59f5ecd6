"""What a leaderboard is: rows of models with intervals, ties and failures; and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pandas as pd

from harness.metrics import METRICS
from harness.statistics.pairwise import ALPHA
from harness.statistics.scale import EffectKind

LEVEL = 1 - ALPHA
"""The confidence of a board's intervals."""

VersusOutcome = Literal["better", "worse", "higher", "lower", "not told apart"]


@dataclass(frozen=True)
class Versus:
    """A model against the reference model of its board.

    `outcome` is that of a test after Holm's correction over the models of the board. `value` is the
    effect, model against reference; where the metric has an ideal, that of their distances from it.
    `interval` has the confidence `level` that the correction leaves, so that it never contradicts
    the outcome. It is None where nothing varies, so that the difference is exact.
    """

    outcome: VersusOutcome
    kind: EffectKind
    value: float
    interval: tuple[float, float] | None
    level: float


@dataclass(frozen=True)
class Row:
    """A model on a board: its mean over `seeds` training seeds with its t interval [low, high].

    `rank` and `ranks`, the interval of its rank, are None with fewer than three seeds and where no
    other model has a number, `low` and
    `high` with fewer than two, `mean` where no seed has a number. `failures` counts the cells
    without a number by status, and `reason` is that of the first. `remarks` are what a reader must
    know about its numbers. `quoted` numbers were not measured here. `values` has the value of each
    seed, in their order, where it was measured here.
    """

    model: str
    rank: int | None
    mean: float | None
    low: float | None
    high: float | None
    seeds: int
    failures: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    ranks: tuple[int, int] | None = None
    versus: Versus | None = None
    quoted: bool = False
    remarks: tuple[str, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Quoted:
    """A number that a paper states of a model, measured by a board's protocol: the mean over
    `seeds` training seeds and their standard deviation, which is None unless both are stated.
    """

    dataset: str
    metric: str
    protocol_key: str
    model: str
    value: float
    deviation: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Board:
    """The models that were measured by one protocol, best first.

    Ranks are tiers, as in `statistics.pairwise.PairwiseOrder`: models that paired tests over their
    common seeds cannot tell from the best of their tier share its rank. A model with fewer than
    three seeds is not ranked, nor is one that alone has a number.

    Where a metric is better nearer to an ideal, models are ranked by the distance from that, seed
    by seed, as `by` says. `unranked` says why models are not ranked at all, where values have no
    order, or none that holds between models.

    `told_apart` has the pairs (better, worse) of models that the tests tell apart.

    `mean` says which mean: geometric for metrics compared on the log scale, unless a value is not
    above zero. `floor` is the row of images that no model made, which is not ranked. `apart` names
    how the protocol differs from the first board of the same dataset and metric, and is empty for
    that one. `against` is the reference model of `Row.versus`, if the board has one.
    """

    dataset: str
    metric: str
    protocol: str
    protocol_key: str
    rows: tuple[Row, ...]
    mean: Literal["mean", "geometric mean"] = "mean"
    level: float = LEVEL
    over: str = "training seeds"
    apart: str = ""
    floor: Row | None = None
    against: str | None = None
    by: str = ""
    unranked: str = ""
    told_apart: frozenset[tuple[str, str]] = frozenset()

    @property
    def tells_apart(self) -> bool:
        """Whether tests tell any model apart from the best ones."""
        return any(row.rank is not None and row.rank > 1 for row in self.rows)

    def row(self, model: str) -> Row | None:
        """Returns the row of a model; None where it has none."""
        return self._by_model.get(model)

    @cached_property  # a table asks for every model, several times
    def _by_model(self) -> dict[str, Row]:
        return {row.model: row for row in self.rows}


def metric_place(name: str) -> tuple[int, str]:
    """The place of a metric in tables, as a key to sort by; unregistered metrics come last, by
    name.
    """
    names = list(METRICS)
    return names.index(name) if name in names else len(names), name


COLUMNS = """
    dataset metric model rank rank_low rank_high value low high level mean over seeds failures
    reason protocol protocol_key
""".split()
COLUMNS_AGAINST = """
    apart quoted versus effect effect_kind effect_low effect_high effect_level
""".split()


def to_table(boards: Sequence[Board], against: bool = False) -> pd.DataFrame:
    """Returns the boards as one table, a row for each model on each board. With `against` it also
    has how each model compares with the board's reference, and whether it was quoted.
    """
    rows = [
        _columns(board, row)
        for board in boards
        for row in (*board.rows, *([board.floor] if board.floor else []))
    ]
    ranks = dict.fromkeys(("rank", "rank_low", "rank_high"), "Int64")
    columns = COLUMNS + COLUMNS_AGAINST if against else COLUMNS
    return pd.DataFrame(rows, columns=columns).astype(ranks)


def _columns(board: Board, row: Row) -> dict[str, object]:
    """The fields of a row and its board, and the columns that are no field of that name: `mean` is
    the board's, which says what kind of mean it is, and `value` the row's mean.
    """
    failures = "; ".join(f"{count} {status}" for status, count in row.failures.items())
    columns = {**vars(row), **vars(board), "value": row.mean, "failures": failures}
    columns["rank_low"], columns["rank_high"] = row.ranks or (None, None)
    if (versus := row.versus) is None:
        return columns | {"versus": None}
    columns |= {"versus": versus.outcome, "effect": versus.value, "effect_kind": versus.kind}
    columns["effect_low"], columns["effect_high"] = versus.interval or (None, None)
    return columns | {"effect_level": versus.level}
