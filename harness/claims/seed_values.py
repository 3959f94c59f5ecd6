"""The numbers of a suite by metric, model and seed, and why a claim cannot use some of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from harness.core.counting import counted
from harness.core.measurement import is_number
from harness.core.protocol_differences import differing_fields


@dataclass(frozen=True)
class SeedValue:
    """The number of one metric, model, dataset and seed.

    `value` is None where there is none; `status` and `reason` then say why. `stderr` is NaN where
    it is not known.
    """

    value: float | None
    run_id: str
    status: str
    reason: str
    protocol: str = ""
    protocol_key: str = ""
    stderr: float = math.nan

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}" if self.reason else self.status

    @property
    def failed(self) -> bool:
        """Whether it should have given a number and did not."""
        return self.value is None and self.status not in ("missing", "not applicable")


ValuesBySeed = Mapping[int, SeedValue]
"""The numbers of one metric and model on one dataset."""


@dataclass(frozen=True)
class Seeds:
    """The numbers of one dataset by metric, model and seed.

    `measured_seeds` are all seeds that have a row in the table, in ascending order, and
    `planned_count` is the number of seeds that the suite asks for.
    """

    dataset: str
    by_metric: Mapping[str, Mapping[str, ValuesBySeed]]
    measured_seeds: tuple[int, ...]
    planned_count: int

    def values_of(self, metric: str, model: str) -> dict[int, SeedValue]:
        """Returns the number of each measured seed, as "missing" where the table has no row."""
        by_seed = self.by_metric.get(metric, {}).get(model, {})
        missing = SeedValue(None, "", "missing", "")
        return {seed: by_seed.get(seed, missing) for seed in self.measured_seeds}

    def at(self, seeds: Sequence[int]) -> Seeds:
        """Returns the numbers of these seeds alone, which are then all that are planned."""
        measured = tuple(seed for seed in self.measured_seeds if seed in set(seeds))
        return replace(self, measured_seeds=measured, planned_count=len(seeds))

    def all_values(self, metric: str, protocol_key: str) -> list[float]:
        """Returns the values of all models on a metric, measured by one protocol."""
        numbers = [
            n for by_seed in self.by_metric.get(metric, {}).values() for n in by_seed.values()
        ]
        return [n.value for n in numbers if n.value is not None and n.protocol_key == protocol_key]

    def incomplete(self, title: str, sides: Sequence[ValuesBySeed]) -> str:
        """Says why the experiment has no answer yet: the metric `title` does not apply, or a number
        is missing. Empty where nothing is missing.
        """
        if inapplicable := inapplicable_values(sides):
            return f"{title} is not applicable on {self.dataset}: {inapplicable[0].reason}"
        missing = [
            seed
            for seed in self.measured_seeds
            if any(by_seed[seed].status == "missing" for by_seed in sides)
        ]
        if missing:
            listed = ", ".join(map(str, missing))
            return f"{title} on {self.dataset} is not measured yet for seed {listed}"
        if len(self.measured_seeds) < self.planned_count:
            count = f"{len(self.measured_seeds)} of {counted(self.planned_count, 'seed')}"
            return f"{title} on {self.dataset} is measured for {count}"
        return ""


def seeds_by_dataset(table: pd.DataFrame, planned_count: int) -> dict[str, Seeds]:
    """Returns the numbers of the tidy table by dataset, read in one pass."""
    keys = ("dataset", "metric", "model", "seed")
    columns = ("value", "run_id", "status", "reason", "protocol", "protocol_key", "stderr")
    rows = zip(*(table[name].tolist() for name in (*keys, *columns)), strict=True)
    datasets: dict[str, dict[str, dict[str, dict[int, SeedValue]]]] = {}
    for dataset, metric, model, seed, *fields in rows:
        by_metric = datasets.setdefault(dataset, {})
        by_seed = by_metric.setdefault(metric, {}).setdefault(model, {})
        by_seed[int(seed)] = _checked(SeedValue(*fields))
    return {
        dataset: Seeds(dataset, by_metric, _sorted_seeds(by_metric), planned_count)
        for dataset, by_metric in datasets.items()
    }


def _sorted_seeds(by_metric: Mapping[str, Mapping[str, ValuesBySeed]]) -> tuple[int, ...]:
    models = (by_seed for by_model in by_metric.values() for by_seed in by_model.values())
    return tuple(sorted({seed for by_seed in models for seed in by_seed}))


def _checked(number: SeedValue) -> SeedValue:
    """Returns the number, as a failure where its value is not finite."""
    if number.status != "ok":
        return replace(number, value=None)
    if number.value is None or not is_number(number.value):
        return replace(number, value=None, status="failed", reason=f"the value is {number.value}")
    return replace(number, value=float(number.value))


def inapplicable_values(sides: Sequence[ValuesBySeed]) -> list[SeedValue]:
    """Returns the numbers whose metric does not apply."""
    numbers = (number for by_seed in sides for number in by_seed.values())
    return [number for number in numbers if number.status == "not applicable"]


def metrics_apply(seeds: Seeds, metrics: Sequence[str], sides: Sequence[ValuesBySeed]) -> bool:
    """Whether the metrics apply to the models of a dataset. True for a dataset without any row: it
    has not been measured yet, which is no reason to leave it out.
    """
    measured = seeds.by_metric.keys()
    return not measured or (measured >= set(metrics) and not inapplicable_values(sides))


def protocol_conflict(sides: Sequence[ValuesBySeed]) -> str:
    """Says how the protocols of the sides differ; empty where there is at most one."""
    labels = _protocol_labels(sides)
    if len(labels) <= 1:
        return ""
    return (
        f"the numbers differ in how they were measured: {differing_fields(list(labels.values()))}"
    )


def protocol_label(sides: Sequence[ValuesBySeed]) -> str:
    """Returns the label of the first protocol of the sides; empty where nothing was measured."""
    return next(iter(_protocol_labels(sides).values()), "")


def first_protocol_key(sides: Sequence[ValuesBySeed]) -> str:
    """Returns the key of the first protocol of the sides; empty where nothing was measured."""
    return next(iter(_protocol_labels(sides)), "")


def _protocol_labels(sides: Sequence[ValuesBySeed]) -> dict[str, str]:
    numbers = (number for by_seed in sides for number in by_seed.values())
    return {n.protocol_key: n.protocol for n in numbers if n.protocol_key and n.status == "ok"}


def failures_text(sides: Sequence[tuple[str, ValuesBySeed]], dataset: str) -> str:
    """Says which cells failed, as the reason for a withheld verdict. `sides` are pairs of a side's
    name and its numbers. Empty where no cell failed.
    """
    failures = [
        f"{name} {number.status} on {dataset} at seed {seed}"
        + f" ({number.reason})" * bool(number.reason)
        for name, by_seed in sides
        for seed, number in by_seed.items()
        if number.failed
    ]
    return f"withheld, because {'; '.join(dict.fromkeys(failures))}" if failures else ""
