"""Leaderboards of a tidy table: one for each dataset, metric and protocol."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from harness.core.measurement import FLOORS, HELD_OUT, is_number
from harness.core.protocol_differences import differing_fields
from harness.leaderboards.board import LEVEL, Board, Quoted, Row, Versus, VersusOutcome
from harness.metrics.base import Metric
from harness.statistics import holm
from harness.statistics.mean_tests import MeanTest
from harness.statistics.one_mean import ANY, Limits, clip
from harness.statistics.pairwise import (
    ALPHA,
    Sample,
    difference,
    difference_limits,
    pairwise_order,
)
from harness.statistics.scale import ComparisonScale


def boards(
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    against: Sequence[str] = (),
    quoted: Sequence[Quoted] = (),
) -> list[Board]:
    """Returns every leaderboard of the tidy table, in the order of its datasets and metrics.

    Where one dataset and metric have several protocols, the one with the most numbers comes first.
    With `against`, every row says how it compares with the board's reference, which is the first of
    these models that is on the board.
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
    """Returns the first row of images that no model made, if there is one."""
    return next(iter(floor_rows(metric, protocol_key, floors)), None)


def floor_rows(metric: Metric, protocol_key: str, floors: pd.DataFrame) -> list[Row]:
    """Returns the rows of images that no model made, measured by the protocol. Where the ideal of
    the metric is the value of held-out images, training images have no such row. `floors` has the
    rows of the tidy table that are of such images, on one dataset or several.
    """
    rows = floors[(floors["metric"] == metric.name) & (floors["protocol_key"] == protocol_key)]
    if metric.ideal == "held-out" or metric.better == "neither":
        rows = rows[rows["model"] == HELD_OUT]
    return [
        Row(str(model), None, float(value), None, None, 1)
        for model, value in zip(rows["model"], rows["value"], strict=True)
    ]


def _by_protocol(
    rows: pd.DataFrame,
    metric: Metric,
    against: Sequence[str],
    quoted: Sequence[Quoted],
    floors: pd.DataFrame,
) -> list[Board]:
    """Returns the boards of one dataset and metric, the protocol with the most numbers first."""
    ok = rows[rows["status"] == "ok"]
    keys = list(ok["protocol_key"].value_counts(sort=True).index)
    if not keys:
        return [_board(_BoardValues.of(rows), metric, against, [], None)]
    first = ok[ok["protocol_key"] == keys[0]].iloc[0]
    boards_by_size = []
    for key in keys:
        of_protocol = rows["protocol_key"] == key
        if key == keys[0]:
            # Cells without a number have no protocol that counts: they stand on the first board.
            of_protocol |= ~rows["protocol_key"].isin(keys)
        label = str(ok.loc[ok["protocol_key"] == key, "protocol"].iloc[0])
        apart = "" if key == keys[0] else differing_fields([str(first["protocol"]), label])
        comparable = [q for q in quoted if (q.dataset, q.protocol_key) == (first["dataset"], key)]
        floor = _floor(metric, str(key), floors)
        board = _board(_BoardValues.of(rows[of_protocol]), metric, against, comparable, floor)
        boards_by_size.append(replace(board, protocol=label, protocol_key=str(key), apart=apart))
    return boards_by_size


@dataclass(frozen=True)
class _BoardValues:
    """What the tidy table has for a board, by model: values by seed; (status, reason) of the cells
    without a number; remarks on the values, by seed.
    """

    dataset: str
    protocol: str
    protocol_key: str
    values: Mapping[str, Mapping[int, float]]
    failures: Mapping[str, Sequence[tuple[str, str]]]
    remarks: Mapping[str, Mapping[int, str]]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _BoardValues:
        values: dict[str, dict[int, float]] = {}
        failures: dict[str, list[tuple[str, str]]] = {}
        remarks: dict[str, dict[int, str]] = {}
        names = ["model", "seed", "status", "value", "reason"]
        for model, seed, status, value, reason in rows[names].itertuples(index=False):
            values.setdefault(str(model), {})
            failures.setdefault(str(model), [])
            if status == "ok" and is_number(value):
                values[str(model)][int(seed)] = float(value)
                remarks.setdefault(str(model), {})[int(seed)] = str(reason)
            elif status != "ok":
                failures[str(model)].append((str(status), str(reason)))
        first = rows.iloc[0]
        return cls(
            str(first["dataset"]),
            str(first["protocol"]),
            str(first["protocol_key"]),
            values,
            failures,
            remarks,
        )


@dataclass(frozen=True)
class _BoardScale:
    """The scale on which values of a board are compared, larger being better: their logarithms or
    themselves, multiplied by a sign; or their distances from an `ideal`, smaller being better.
    """

    scale: ComparisonScale
    ideal: float | None = None
    limits: Limits = ANY
    of_recipe: bool = False

    @classmethod
    def for_display(cls, metric: Metric, values: Sequence[float], floor: Row | None) -> _BoardScale:
        """Returns the scale on which means and intervals are computed."""
        is_ratio = metric.scale == "log" and all(value > 0 for value in values)
        scale = ComparisonScale("ratio" if is_ratio else "difference", metric.sign or 1)
        if is_ratio:
            return cls(scale, of_recipe=metric.of_recipe)
        low, high = metric.limits_with(floor.mean if floor else None, values)
        ends = (low, high) if scale.sign > 0 else (-high, -low)
        return cls(scale, limits=ends, of_recipe=metric.of_recipe)

    def for_order(self, metric: Metric, floor: Row | None) -> _BoardScale:
        """Returns the scale on which models are ordered: the same, unless there is an ideal."""
        ideal = metric.ideal
        if ideal == "held-out":
            ideal = floor.mean if floor else None
        if ideal is None:
            return self
        return _BoardScale(ComparisonScale("difference", -1), ideal, (-math.inf, 0.0))

    def at(self, value: float) -> float:
        """Returns a value of the metric on the scale."""
        if self.ideal is not None:
            value = abs(value - self.ideal)
        return self.scale.sign * (math.log(value) if self.scale.kind == "ratio" else value)

    def sample(self, values: Mapping[int, float]) -> Sample:
        """Returns the sample of values by seed."""
        on_scale = {seed: self.at(value) for seed, value in values.items()}
        return Sample.of(on_scale, self.limits, self.of_recipe)

    def quoted_sample(self, quote: Quoted) -> Sample:
        """Returns the sample of a quoted mean and deviation; for logarithms, that of a first-order
        expansion.
        """
        deviation = quote.deviation
        if self.scale.kind == "ratio" and deviation is not None:
            deviation /= quote.value
        return Sample(self.at(quote.value), deviation, quote.seeds, limits=self.limits)


def _unranked(metric: Metric, floor: Row | None) -> str:
    """Says why values of the metric do not rank models; empty where they do."""
    if metric.own_scale:
        return "each model is judged by its own adversary, so that values do not compare"
    if metric.better == "neither":
        return metric.preference
    if metric.ideal == "held-out" and floor is None:
        return "what held-out images get was not measured"
    return ""


def _samples(
    scale: _BoardScale, values: Mapping[str, Mapping[int, float]], quoted: Sequence[Quoted]
) -> dict[str, Sample]:
    samples = {model: scale.sample(by_seed) for model, by_seed in values.items()}
    return samples | {quote.model: scale.quoted_sample(quote) for quote in quoted}


def _board(
    board_values: _BoardValues,
    metric: Metric,
    against: Sequence[str],
    quoted: Sequence[Quoted],
    floor: Row | None,
) -> Board:
    values = {model: by_seed for model, by_seed in board_values.values.items() if by_seed}
    all_values = [value for by_seed in values.values() for value in by_seed.values()]
    all_values += [quote.value for quote in quoted]
    display = _BoardScale.for_display(metric, all_values, floor)
    order = display.for_order(metric, floor)
    samples, ordered_samples = (_samples(scale, values, quoted) for scale in (display, order))
    unranked = _unranked(metric, floor)
    ranking = None if unranked or len(samples) < 2 else pairwise_order(ordered_samples)
    tiers, rank_intervals = (ranking.tiers(), ranking.intervals()) if ranking else ({}, {})
    reference = next((model for model in against if model in samples), None)
    versus = _versus(ordered_samples, order, reference, bool(unranked))
    quoted_models = {quote.model for quote in quoted}
    best_first = sorted(samples, key=lambda model: -ordered_samples[model].mean)
    without_values = [model for model in board_values.values if model not in values]

    def row(model: str) -> Row:
        unmeasured = _unmeasured_row(board_values, model)
        if model not in samples:
            return unmeasured
        return replace(
            unmeasured,
            rank=tiers.get(model),
            ranks=rank_intervals.get(model),
            versus=versus.get(model),
            quoted=model in quoted_models,
            values=tuple(value for _, value in sorted(values.get(model, {}).items())),
            **_mean_and_interval(samples[model], display),
        )

    return Board(
        board_values.dataset,
        metric.name,
        board_values.protocol,
        board_values.protocol_key,
        tuple(row(model) for model in [*best_first, *without_values]),
        "geometric mean" if display.scale.kind == "ratio" else "mean",
        floor=floor,
        against=reference,
        by="" if order.ideal is None else f"the distance from {order.ideal:.4g}",
        unranked=unranked,
        told_apart=ranking.told_apart() if ranking else frozenset(),
    )


def _mean_and_interval(sample: Sample, display: _BoardScale) -> dict[str, Any]:
    """The fields of a row that have the mean over seeds and its interval, as they are printed."""
    bounds = sample.interval(LEVEL)
    low, high = display.scale.natural_interval(bounds) if bounds else (None, None)
    mean = display.scale.natural(sample.mean)
    return {"mean": mean, "low": low, "high": high, "seeds": sample.count}


def _unmeasured_row(board_values: _BoardValues, model: str) -> Row:
    """Returns the row of a model with its failures and remarks, and without numbers."""
    failures = board_values.failures.get(model, ())
    return Row(
        model,
        None,
        None,
        None,
        None,
        0,
        dict(Counter(status for status, _ in failures)),
        failures[0][1] if failures else "",
        remarks=_remarks(board_values.remarks.get(model, {})),
    )


def _remarks(by_seed: Mapping[int, str]) -> tuple[str, ...]:
    """Returns the remarks on a model's numbers. Remarks that differ in their figures only become
    one, in the words of the first seed, which is then named.
    """
    groups: dict[str, dict[int, str]] = {}
    for seed, text in sorted(by_seed.items()):
        for remark in filter(None, text.split("; ")):
            groups.setdefault(re.sub(r"\d[\d.,e+-]*", "#", remark), {})[seed] = remark
    return tuple(_remark(group, len(by_seed)) for group in groups.values())


def _remark(group: Mapping[int, str], seeds: int) -> str:
    (first, remark), *others = group.items()
    if set(group.values()) == {remark} and len(group) == seeds:
        return remark
    more = f"; and in {len(others)} more of {seeds} seeds" if others else ""
    return f"{remark} (seed {first}{more})"


def _versus(
    samples: Mapping[str, Sample], order: _BoardScale, against: str | None, unranked: bool
) -> dict[str, Versus]:
    """Compares every model with the reference `against`, where the two can be compared. Where
    models are `unranked`, a model is higher or lower, never better or worse.
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
        model: _compare(
            effect,
            alpha,
            order.scale,
            unranked,
            difference_limits(samples[model], samples[against]),
        )
        for (model, effect), alpha in zip(effects.items(), levels, strict=True)
    }


def _two_sided(effect: MeanTest | float) -> float:
    if isinstance(effect, MeanTest):
        return min(effect.p_above(0.0), effect.p_below(0.0))
    return 0.0 if effect else 1.0


def _compare(
    effect: MeanTest | float,
    alpha: float,
    scale: ComparisonScale,
    unranked: bool,
    limits: Limits,
) -> Versus:
    mean = effect.mean if isinstance(effect, MeanTest) else effect
    outcome: VersusOutcome = "not told apart"
    if (p := _two_sided(effect)) <= alpha and unranked:
        outcome = "higher" if scale.sign * mean > 0 else "lower"
    elif p <= alpha:
        outcome = "better" if mean > 0 else "worse"
    interval, level = None, 1 - alpha
    if isinstance(effect, MeanTest):
        low, high = (clip(end, limits) for end in effect.interval(level))
        interval, level = scale.natural_interval((low, high)), effect.attainable(level)
    return Versus(outcome, scale.kind, scale.natural(mean), interval, level)
