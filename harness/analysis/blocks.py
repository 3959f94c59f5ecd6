"""The evidence of a claim: values paired over (dataset, seed), and what keeps them from pairing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from harness.analysis.protocols import differing
from harness.metrics.base import Metric
from harness.spec.claim import Claim

Kind = Literal["ratio", "difference"]


@dataclass(frozen=True)
class Block:
    """What one seed says on one dataset: the model's value and the other side's.

    The other side is a model or the claim's constant. A value is None where the cell gave none;
    `note` then says why, and how the claim's failure rule counted it.
    """

    dataset: str
    seed: int
    value: float | None
    other: float | None
    run_id: str = ""
    other_run_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pairs:
    """One comparison of a claim: a metric, a model and a dataset, with its blocks.

    `differences` go by seed. They are on the comparison scale (of logarithms where `kind` is
    "ratio") and turned by `sign` so that above `margin` is what the claim says. `problem` says
    what keeps the sides from being compared, and `applies` is whether the metric suits them.
    """

    metric: str
    model: str
    dataset: str
    kind: Kind = "difference"
    sign: int = 1
    margin: float = 0.0
    blocks: tuple[Block, ...] = ()
    differences: Mapping[int, float] = field(default_factory=dict)
    note: str = ""
    problem: str = ""
    applies: bool = True


@dataclass(frozen=True)
class _Cell:
    value: float | None
    run_id: str
    status: str
    reason: str

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}" if self.reason else self.status

    @property
    def failed(self) -> bool:
        return self.value is None and self.status not in ("missing", "not applicable")


def direction(claim: Claim, metric: Metric) -> Literal["higher", "lower"]:
    """Which way the claim says the model lies from the other side."""
    if claim.above is not None:
        return "higher"
    if claim.below is not None:
        return "lower"
    return claim.direction or metric.better


@dataclass(frozen=True)
class Seeds:
    """The rows of one dataset, the seeds they hold, and how many seeds the suite asks for."""

    dataset: str
    rows: pd.DataFrame
    found: tuple[int, ...]
    wanted: int

    @classmethod
    def of(cls, dataset: str, table: pd.DataFrame, wanted: int) -> Seeds:
        """The part of the tidy table that is about `dataset`."""
        rows = table[table["dataset"] == dataset]
        return cls(dataset, rows, tuple(sorted({int(seed) for seed in rows["seed"]})), wanted)


@dataclass(frozen=True)
class _Sides:
    """The cells of the model and of what it is compared with, by seed; and the two's names."""

    names: tuple[str, str]
    mine: Mapping[int, _Cell]
    other: Mapping[int, _Cell]

    def block(self, dataset: str, seed: int) -> Block:
        mine, other = self.mine[seed], self.other[seed]
        note = "; ".join(str(cell) for cell in (mine, other) if cell.value is None)
        return Block(dataset, seed, mine.value, other.value, mine.run_id, other.run_id, note)

    @property
    def inapplicable(self) -> list[_Cell]:
        cells = (*self.mine.values(), *self.other.values())
        return [cell for cell in cells if cell.status == "not applicable"]

    def incomplete(self, title: str, seeds: Seeds) -> str:
        """Why the experiment has no answer yet: a metric that does not apply, an absent cell."""
        if found := self.inapplicable:
            return f"{title} is not applicable on {seeds.dataset}: {found[0].reason}"
        absent = [s for s in self.mine if "missing" in (self.mine[s].status, self.other[s].status)]
        if absent:
            listed = ", ".join(map(str, absent))
            return f"{title} on {seeds.dataset} is not measured yet for seed {listed}"
        if len(self.mine) < seeds.wanted:
            count = f"{len(self.mine)} of {seeds.wanted} seeds"
            return f"{title} on {seeds.dataset} is measured for {count}"
        return ""

    def withheld(self, dataset: str) -> str:
        """Which cells failed, as a claim that withholds its verdict says it."""
        found = [
            f"{name} {cell.status} on {dataset} at seed {seed}"
            + f" ({cell.reason})" * bool(cell.reason)
            for name, side in zip(self.names, (self.mine, self.other), strict=True)
            for seed, cell in side.items()
            if cell.failed
        ]
        return f"withheld, because {'; '.join(found)}" if found else ""


def pair(claim: Claim, metric: Metric, model: str, seeds: Seeds) -> Pairs:
    """Pair the two sides of one comparison over the seeds of a dataset."""
    rows = seeds.rows[seeds.rows["metric"] == metric.name]
    sides = _Sides(
        (model, claim.against or ""),
        _cells(rows, model, seeds.found),
        _others(claim, rows, seeds.found),
    )
    sign = 1 if direction(claim, metric) == "higher" else -1
    blocks = tuple(sides.block(seeds.dataset, seed) for seed in seeds.found)
    base = Pairs(metric.name, model, seeds.dataset, sign=sign, blocks=blocks)
    problem = (
        sides.incomplete(metric.title, seeds)
        or _mixed(rows, claim, model)
        or (sides.withheld(seeds.dataset) if claim.failures == "withhold" else "")
    )
    if problem:
        # A dataset without a single row has not been measured: that is no reason to skip it.
        applies = seeds.rows.empty or not (rows.empty or sides.inapplicable)
        return replace(base, problem=problem, applies=applies)
    if claim.failures == "lose":
        base = replace(base, blocks=tuple(_count_as_lost(b, rows, claim, metric) for b in blocks))
    return _compare(base, claim, metric)


def _cells(rows: pd.DataFrame, model: str, seeds: Sequence[int]) -> dict[int, _Cell]:
    """The cell of each seed; one that is not in the table is missing."""
    found = {
        int(seed): _cell(float(value), str(run_id), str(status), str(reason))
        for seed, value, run_id, status, reason in rows.loc[
            rows["model"] == model, ["seed", "value", "run_id", "status", "reason"]
        ].itertuples(index=False)
    }
    return {seed: found.get(seed, _Cell(None, "", "missing", "")) for seed in seeds}


def _cell(value: float, run_id: str, status: str, reason: str) -> _Cell:
    if status == "ok" and not math.isfinite(value):
        return _Cell(None, run_id, "failed", f"the value is {value}")
    return _Cell(value if status == "ok" else None, run_id, status, reason)


def _others(claim: Claim, rows: pd.DataFrame, seeds: Sequence[int]) -> dict[int, _Cell]:
    """The other side: cells of `against`, or the constant for every seed."""
    if claim.against is not None:
        return _cells(rows, claim.against, seeds)
    constant = claim.above if claim.above is not None else claim.below
    return {seed: _Cell(constant, "", "ok", "") for seed in seeds}


def _mixed(rows: pd.DataFrame, claim: Claim, model: str) -> str:
    """How the protocols of the two sides differ; empty where they are one."""
    used = rows[rows["model"].isin([model, claim.against]) & (rows["status"] == "ok")]
    if used["protocol_key"].nunique() <= 1:
        return ""
    labels = used.drop_duplicates("protocol_key")["protocol"]
    return f"the numbers differ in how they were measured: {differing(list(labels))}"


def _count_as_lost(block: Block, rows: pd.DataFrame, claim: Claim, metric: Metric) -> Block:
    """A failed side takes the worst value that the metric reached on the dataset with the same
    protocol, whichever model reached it; where both sides failed, the pair is dropped.
    """
    reached = rows[(rows["status"] == "ok") & np.isfinite(rows["value"])]
    sides = reached[reached["model"].isin([*claim.model, claim.against])]
    if (block.value is None) == (block.other is None) or sides.empty:
        return block
    values = reached.loc[reached["protocol_key"] == sides["protocol_key"].iloc[0], "value"]
    worst = float(values.min() if metric.better == "higher" else values.max())
    value, other = (worst if v is None else v for v in (block.value, block.other))
    note = f"{block.note}; counted as the worst value of the dataset"
    return replace(block, value=value, other=other, note=note)


def _compare(pairs: Pairs, claim: Claim, metric: Metric) -> Pairs:
    """Differences on the scale of the metric, of the blocks that have both values."""
    kept = [
        (block.seed, block.value, block.other)
        for block in pairs.blocks
        if block.value is not None and block.other is not None
    ]
    positive = all(x > 0 and y > 0 for _, x, y in kept)
    as_ratio = metric.scale == "log" and positive
    note = ""
    if metric.scale == "log" and not positive:
        note = "compared as differences, since a value is not above zero"
        if claim.delta > 0:
            problem = f"the margin {claim.delta:g} is a ratio, and a value is not above zero"
            return replace(pairs, note=note, problem=problem)
    return replace(
        pairs,
        kind="ratio" if as_ratio else "difference",
        margin=math.log1p(claim.delta) if as_ratio else claim.delta,
        differences={
            seed: pairs.sign * (math.log(x) - math.log(y) if as_ratio else x - y)
            for seed, x, y in kept
        },
        note=note,
    )
