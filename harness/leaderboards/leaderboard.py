"""Leaderboards: one for each dataset, metric and protocol, with intervals, ties and failures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import pandas as pd

from harness.claims.blocks import Kind
from harness.core.measurement import FLOORS, HELD_OUT, is_number
from harness.metrics.base import Metric
from harness.statistics import holm
from harness.statistics.intervals import Contrast, exponential
from harness.statistics.pairwise import ALPHA, Sample, difference, pairwise_order
from harness.statistics.protocol_differences import differing_fields

LEVEL = 1 - ALPHA

Against = Literal["better", "worse", "higher", "lower", "not told apart"]


@dataclass(frozen=True)
class Versus:
    """A model against the one that others are compared with: `outcome` after Holm's correction over
    the models of the board, and the effect, model against it; where the metric has an ideal, that
    of their distances from it.

    The interval is at the `level` that the correction leaves, so that it never contradicts the
    outcome. It is None where nothing varies, so that the difference is exact.
    """

    outcome: Against
    kind: Kind
    value: float
    interval: tuple[float, float] | None
    level: float


@dataclass(frozen=True)
class Row:
    """A model on a board: its mean over `seeds` training seeds with its t interval.

    `rank` and `ranks`, the interval of its rank, are None with fewer than three seeds, `low` and
    `high` with fewer than two, `mean` where no seed gave a number. `failures` counts the cells
    without a number by status, and `reason` is that of the first. `remarks` are what must be known
    of its numbers. `quoted` numbers were not measured here.
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


@dataclass(frozen=True)
class Quoted:
    """What a paper states of a model, measured by a board's protocol: the mean, and the standard
    deviation over so many training seeds where both are stated.
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
    """The models that were measured alike, best first.

    Ranks are tiers, as in `statistics.pairwise.PairwiseOrder`: models that paired tests over their
    common seeds cannot tell from the best of their tier share its rank. A model with fewer than
    three seeds is not ranked.

    A metric that is better nearer to an ideal ranks by the distance from that, seed by seed, as
    `by` says. `unranked` says why models are not ranked at all where values have no order, or none
    that holds between models.

    `mean` says which mean: geometric for metrics compared on the log scale, unless a value is not
    above zero. `floor` is the row of images that no model made, which is not ranked.
    `apart` names how the protocol differs from the first board of the same dataset
    and metric, and is empty for that one.
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
    """The model of this board that the others are compared with, if any."""
    by: str = ""
    unranked: str = ""

    def row(self, model: str) -> Row | None:
        """The row of a model, where it has one."""
        return self._by_model.get(model)

    @cached_property  # a table asks for every model, several times
    def _by_model(self) -> dict[str, Row]:
        return {row.model: row for row in self.rows}


def boards(
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    against: Sequence[str] = (),
    quoted: Sequence[Quoted] = (),
) -> list[Board]:
    """Every leaderboard of the tidy table, in the order of its datasets and metrics.

    Of several protocols for one dataset and metric, the one with the most numbers comes first.
    With `against`, every row says how it compares with the first of these models that is on the
    board.
    """
    is_floor = table["model"].isin(list(FLOORS))
    floors = table[is_floor & (table["status"] == "ok")]
    return [
        board
        for (_, name), rows in table[~is_floor].groupby(["dataset", "metric"], sort=False)
        if name in metrics
        for board in _by_protocol(rows, metrics[str(name)], against, quoted, floors)
    ]


def _floor(metric: Metric, protocol_key: str, floors: pd.DataFrame) -> Row | None:
    """What images that no model made get by a protocol, if they were measured. Training images are
    no measure of a metric whose ideal is what images get that training did not see.
    """
    found = floors[(floors["metric"] == metric.name) & (floors["protocol_key"] == protocol_key)]
    if metric.ideal == "held-out" or metric.better == "neither":
        found = found[found["model"] == HELD_OUT]
    if found.empty:
        return None
    first = found.iloc[0]
    return Row(str(first["model"]), None, float(first["value"]), None, None, 1)


def to_table(found: Sequence[Board], against: bool = False) -> pd.DataFrame:
    """The boards as one table, a row for each model on each; with `against` also how it compares
    with the model that all are compared with, and whether it was quoted.
    """
    columns = [
        "dataset", "metric", "model", "rank", "rank_low", "rank_high", "value", "low", "high",
        "level", "mean", "over", "seeds", "failures", "reason", "protocol", "protocol_key",
    ]  # fmt: skip
    more = ["apart", "quoted", "versus", "effect", "effect_kind", "effect_low", "effect_high",
            "effect_level"]  # fmt: skip
    return pd.DataFrame(
        [
            (
                board.dataset, board.metric, row.model, row.rank, *(row.ranks or (None, None)),
                row.mean, row.low, row.high, board.level, board.mean, board.over, row.seeds,
                "; ".join(f"{count} {status}" for status, count in row.failures.items()),
                row.reason, board.protocol, board.protocol_key,
                *((board.apart, row.quoted, *_versus_columns(row.versus)) if against else ()),
            )
            for board in found
            for row in (*board.rows, *([board.floor] if board.floor else []))
        ],
        columns=columns + more * against,
    ).astype({"rank": "Int64", "rank_low": "Int64", "rank_high": "Int64"})  # fmt: skip


def _versus_columns(versus: Versus | None) -> tuple[object, ...]:
    if versus is None:
        return (None,) * 6
    low, high = versus.interval or (None, None)
    return versus.outcome, versus.value, versus.kind, low, high, versus.level


def _by_protocol(
    rows: pd.DataFrame, metric: Metric, against: Sequence[str], quoted: Sequence[Quoted],
    floors: pd.DataFrame,
) -> list[Board]:  # fmt: skip
    ok = rows[rows["status"] == "ok"]
    keys = list(ok["protocol_key"].value_counts(sort=True).index)
    if not keys:
        return [_board(_Rows.of(rows), metric, against, [], None)]
    first = ok[ok["protocol_key"] == keys[0]].iloc[0]
    found = []
    for key in keys:
        mine = rows[rows["protocol_key"] == key]
        if key == keys[0]:
            # Cells without a number were measured in no way: they stand on the first board.
            mine = rows[(rows["protocol_key"] == key) | ~rows["protocol_key"].isin(keys)]
        label = str(ok.loc[ok["protocol_key"] == key, "protocol"].iloc[0])
        apart = "" if key == keys[0] else differing_fields([str(first["protocol"]), label])
        alike = [q for q in quoted if (q.dataset, q.protocol_key) == (first["dataset"], key)]
        floor = _floor(metric, str(key), floors)
        board = _board(_Rows.of(mine), metric, against, alike, floor)
        found.append(replace(board, protocol=label, protocol_key=str(key), apart=apart))
    return found


@dataclass(frozen=True)
class _Rows:
    """The rows of a board by model: values by seed, the cells without a number, and what was
    remarked of those with one, by seed.
    """

    dataset: str
    protocol: str
    protocol_key: str
    values: Mapping[str, Mapping[int, float]]
    lost: Mapping[str, Sequence[tuple[str, str]]]
    remarks: Mapping[str, Mapping[int, str]]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Rows:
        values: dict[str, dict[int, float]] = {}
        lost: dict[str, list[tuple[str, str]]] = {}
        remarks: dict[str, dict[int, str]] = {}
        names = ["model", "seed", "status", "value", "reason"]
        for model, seed, status, value, reason in rows[names].itertuples(index=False):
            values.setdefault(str(model), {})
            lost.setdefault(str(model), [])
            if status == "ok" and is_number(value):
                values[str(model)][int(seed)] = float(value)
                remarks.setdefault(str(model), {})[int(seed)] = str(reason)
            elif status != "ok":
                lost[str(model)].append((str(status), str(reason)))
        first = rows.iloc[0]
        return cls(
            str(first["dataset"]), str(first["protocol"]), str(first["protocol_key"]), values, lost,
            remarks,
        )  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    """How values of a metric are compared: on the log scale or as they are, more being better once
    `sign` is applied; or by their distance from an `ideal`, the nearer the better.
    """

    log: bool
    sign: int
    ideal: float | None = None

    @classmethod
    def of(cls, metric: Metric, values: Iterable[float]) -> _Scale:
        """On which values are shown."""
        log = metric.scale == "log" and all(value > 0 for value in values)
        return cls(log, metric.sign or 1)

    def of_order(self, metric: Metric, floor: Row | None) -> _Scale:
        """On which they are compared: the same, unless they are to be near to an ideal."""
        ideal = metric.ideal
        if ideal == "held-out":
            ideal = floor.mean if floor else None
        return self if ideal is None else _Scale(False, -1, ideal)

    def at(self, value: float) -> float:
        """A value on the scale, more being better."""
        if self.ideal is not None:
            value = abs(value - self.ideal)
        return self.sign * (math.log(value) if self.log else value)

    def sample(self, values: Mapping[int, float]) -> Sample:
        return Sample.of({seed: self.at(value) for seed, value in values.items()})

    def quoted(self, quote: Quoted) -> Sample:
        """Of the logarithm the mean and deviation are those of a first-order expansion."""
        deviation = quote.deviation
        if self.log and deviation is not None:
            deviation /= quote.value
        return Sample(self.at(quote.value), deviation, quote.seeds)

    def back(self, value: float) -> float:
        """A value of the scale in the metric's own terms."""
        return exponential(self.sign * value) if self.log else self.sign * value + 0.0

    def interval(self, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is None:
            return None
        low, high = sorted(self.back(bound) for bound in bounds)
        return low, high


def _unranked(metric: Metric, floor: Row | None) -> str:
    """Why values of the metric do not rank models; empty where they do."""
    if metric.own_scale:
        return "each model is judged by its own adversary, so that values do not compare"
    if metric.better == "neither":
        return metric.preference
    if metric.ideal == "held-out" and floor is None:
        return "what held-out images get was not measured"
    return ""


def _samples(
    scale: _Scale, values: Mapping[str, Mapping[int, float]], quoted: Sequence[Quoted]
) -> dict[str, Sample]:
    samples = {model: scale.sample(mine) for model, mine in values.items()}
    return samples | {quote.model: scale.quoted(quote) for quote in quoted}


def _board(
    rows: _Rows, metric: Metric, against: Sequence[str], quoted: Sequence[Quoted], floor: Row | None
) -> Board:
    values = {model: mine for model, mine in rows.values.items() if mine}
    everything = [value for mine in values.values() for value in mine.values()]
    shown = _Scale.of(metric, [*everything, *(quote.value for quote in quoted)])
    compared = shown.of_order(metric, floor)
    samples, in_order = (_samples(scale, values, quoted) for scale in (shown, compared))
    unranked = _unranked(metric, floor)
    ordered = None if unranked else pairwise_order(in_order)
    tiers, intervals = (ordered.tiers(), ordered.intervals()) if ordered else ({}, {})
    reference = next((model for model in against if model in samples), None)
    versus = _versus(in_order, compared, reference, bool(unranked))
    names = {quote.model for quote in quoted}
    best_first = sorted(samples, key=lambda model: -in_order[model].mean)
    without = [model for model in rows.values if model not in values]

    def row(model: str) -> Row:
        lost = rows.lost.get(model, ())
        base = Row(
            model, None, None, None, None, 0, _counts(lost), lost[0][1] if lost else "",
            remarks=_remarks(rows.remarks.get(model, {})),
        )  # fmt: skip
        if model not in samples:
            return base
        sample = samples[model]
        low, high = shown.interval(sample.interval(LEVEL)) or (None, None)
        return replace(
            base, rank=tiers.get(model), ranks=intervals.get(model), mean=shown.back(sample.mean),
            low=low, high=high, seeds=sample.count, versus=versus.get(model),
            quoted=model in names,
        )  # fmt: skip

    return Board(
        rows.dataset, metric.name, rows.protocol, rows.protocol_key,
        tuple(row(model) for model in [*best_first, *without]),
        "geometric mean" if shown.log else "mean",
        floor=floor,
        against=reference,
        by="" if compared.ideal is None else f"the distance from {compared.ideal:.4g}",
        unranked=unranked,
    )  # fmt: skip


def _remarks(by_seed: Mapping[int, str]) -> tuple[str, ...]:
    """What was remarked of the numbers. Remarks that differ in their figures alone are one, in the
    words of the first seed, which is then named.
    """
    found: dict[str, dict[int, str]] = {}
    for seed, text in sorted(by_seed.items()):
        for remark in filter(None, text.split("; ")):
            found.setdefault(re.sub(r"\d[\d.,e+-]*", "#", remark), {})[seed] = remark
    return tuple(_remark(said, len(by_seed)) for said in found.values())


def _remark(said: Mapping[int, str], seeds: int) -> str:
    (first, remark), *others = said.items()
    if set(said.values()) == {remark} and len(said) == seeds:
        return remark
    others_too = f"; and in {len(others)} more of {seeds} seeds" if others else ""
    return f"{remark} (seed {first}{others_too})"


def _counts(lost: Sequence[tuple[str, str]]) -> dict[str, int]:
    statuses = [status for status, _ in lost]
    return {status: statuses.count(status) for status in dict.fromkeys(statuses)}


def _versus(
    samples: Mapping[str, Sample], scale: _Scale, against: str | None, unranked: bool
) -> dict[str, Versus]:
    """Every model against one of them, where the two can be compared. Where models are `unranked`
    none is better than another: its values are higher or lower.
    """
    if against is None:
        return {}
    effects = {
        model: effect
        for model, sample in samples.items()
        if model != against and (effect := difference(sample, samples[against])) is not None
    }
    p = [_two_sided(effect) for effect in effects.values()]
    levels = holm.levels(p, [ALPHA] * len(p))
    return {
        model: _compared(effect, p_value, alpha, scale, unranked)
        for (model, effect), p_value, alpha in zip(effects.items(), p, levels, strict=True)
    }


def _two_sided(effect: Contrast | float) -> float:
    if isinstance(effect, Contrast):
        return min(effect.p_above(0.0), effect.p_below(0.0))
    return 0.0 if effect else 1.0


def _compared(
    effect: Contrast | float, p: float, alpha: float, scale: _Scale, unranked: bool
) -> Versus:
    mean = effect.mean if isinstance(effect, Contrast) else effect
    outcome: Against = "not told apart"
    if p <= alpha and unranked:
        outcome = "higher" if scale.sign * mean > 0 else "lower"
    elif p <= alpha:
        outcome = "better" if mean > 0 else "worse"
    bounds = effect.interval(1 - alpha) if isinstance(effect, Contrast) else None
    kind: Kind = "ratio" if scale.log else "difference"
    return Versus(outcome, kind, scale.back(mean), scale.interval(bounds), 1 - alpha)
