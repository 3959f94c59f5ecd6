"""How long a suite will take on this machine, and what memory and disk: see `harness plan`.

Each distinct cell is measured by a few steps, samples and images; one of which another seed is
finished takes what that took.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import torch

from harness.config.training_fraction import split_fraction
from harness.data.base import Dataset
from harness.engine.cell_scheduler import ALONE, CONTEXT
from harness.engine.evaluation_cost import time_evaluation
from harness.engine.makespan import makespan
from harness.engine.training_cost import TrainingCost, time_training
from harness.plan import Cell, Plan
from harness.plan.identity import identify
from harness.tracking import Record, Store
from harness.tracking.suites import find_suite, planned_suite
from harness.training import memory
from harness.training.checkpoint import KEPT

RECORD_BYTES = 300_000
"""What a cell leaves beside its weights: pictures, curves, tags and rows in the tracking store."""

FILE = "estimate.json"

Pair = tuple[str, str]
"""A dataset and a model."""


@dataclass(frozen=True)
class Forecast:
    """What a cell of one (dataset, model) takes.

    `training` and `evaluation` are seconds. `once` is what the first cell of all adds to that:
    features of real images. `memory` is the bytes that its process has at most, of a GPU where it
    runs on one; `checkpoint`, `weights` and `once_bytes` are on disk. `measured` says that it was
    measured now, and not taken from finished cells.
    """

    training: float
    evaluation: float
    once: float = 0.0
    memory: int = 0
    checkpoint: int = 0
    weights: int = 0
    once_bytes: int = 0
    measured: bool = True

    @property
    def total(self) -> float:
        """Seconds for a cell of which nothing is done."""
        return self.training + self.evaluation


@dataclass(frozen=True)
class SuiteEstimate:
    """The forecasts of a suite's cells."""

    forecasts: Mapping[Pair, Forecast]

    def seconds(
        self, cells: Iterable[Cell], records: Mapping[str, Record], jobs: int, spare: int = 0
    ) -> float | None:
        """Wall time of these cells, so many at a time (see `makespan`); None where there is one it
        knows nothing of.

        What is done once is counted for the first cell of each dataset.
        """
        each = []
        begun: set[str] = set()
        for cell in cells:
            known = self.forecasts.get((cell.dataset, cell.model))
            if known is None:
                return None
            record = records.get(cell.training_key)
            is_trained = record is not None and record.status == "trained"
            once = 0.0 if cell.dataset in begun else known.once
            begun |= {cell.dataset} if known.once else set()
            each.append(once + (known.evaluation if is_trained else known.total))
        return makespan(each, jobs, spare)

    def disk(self, cells: Sequence[Cell], jobs: int) -> tuple[int, int]:
        """Bytes that these cells leave, and bytes of checkpoints while they run."""
        known = [self.forecasts[cell.dataset, cell.model] for cell in cells]
        once = {cell.dataset: f.once_bytes for cell, f in zip(cells, known, strict=True)}
        left = sum(f.weights + RECORD_BYTES for f in known) + sum(once.values())
        largest = heapq.nlargest(jobs, (f.checkpoint for f in known))
        return left, (KEPT + 1) * sum(largest)

    def to_json(self) -> str:
        """For the suite's run."""
        rows = [
            {"dataset": dataset, "model": model, **asdict(forecast)}
            for (dataset, model), forecast in self.forecasts.items()
        ]
        return json.dumps(rows, indent=2)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """What `to_json` wrote."""
        rows = json.loads(text)
        return cls({(r.pop("dataset"), r.pop("model")): Forecast(**r) for r in rows})


def store_estimate(found: SuiteEstimate, plan: Plan, store: Store) -> None:
    """Hang an estimate on the suite's run, so that the run can say how good it was."""
    parent = planned_suite(store, identify(plan.loaded, store), plan.suite_key)
    store.put(parent, FILE, found.to_json())


def last_estimate(plan: Plan, store: Store) -> SuiteEstimate | None:
    """The last estimate of the suite, if there is one."""
    parent = find_suite(store, identify(plan.loaded, store), plan.suite_key)
    content = store.get(parent, FILE) if parent else None
    try:
        return SuiteEstimate.from_json(content) if content else None
    except (ValueError, TypeError, KeyError):  # of another version: it is estimated anew
        return None


def estimate_suite(
    cells: Sequence[Cell],
    todo: Sequence[Cell],
    datasets: Mapping[str, Dataset],
    records: Mapping[str, Record],
    tell: Callable[[str], None] = lambda what: None,
) -> SuiteEstimate:
    """What a cell of each (dataset, model) of those `todo` takes, also by what is recorded of other
    `cells`; `tell` is told which is being measured. Of points in the training of one model that are
    measured alike the first stands for all.
    """
    distinct: dict[Pair, Cell] = {}
    for cell in todo:
        distinct.setdefault((cell.dataset, cell.model), cell)
    found: dict[Pair, Forecast] = {}
    alike: dict[tuple[str, ...], Cell] = {}
    for pair, cell in distinct.items():
        finished = _finished(pair, cells, records)
        asked = (
            cell.dataset,
            split_fraction(cell.model)[0],
            *(w.metric for w in cell.planned_measurements),
        )
        first = alike.setdefault(asked, cell)
        if first is cell or finished:
            tell(f"{pair[0]} · {pair[1]}")
            found[pair] = _forecast(cell, datasets[cell.dataset], finished)
        else:
            known = found[first.dataset, first.model]
            found[pair] = replace(known, training=known.training * cell.images / first.images)
    return SuiteEstimate(found)


def memory_needs(
    cells: Sequence[Cell], records: Mapping[str, Record], known: SuiteEstimate | None
) -> dict[str, float]:
    """The bytes of a GPU that each cell needs, by name: those of a finished cell of the same model
    on the same data, or else as estimated; ALONE where nothing is known.
    """
    needs: dict[str, float] = {}
    for cell in cells:
        pair = (cell.dataset, cell.model)
        facts = _finished(pair, cells, records)
        held = [int(fact["memory_bytes"]) for fact in facts if "memory_bytes" in fact]
        forecast = known.forecasts.get(pair) if known else None
        most = max(held, default=forecast.memory if forecast else 0)
        needs[cell.name] = most + CONTEXT if most else ALONE
    return needs


def _finished(
    pair: Pair, cells: Sequence[Cell], records: Mapping[str, Record]
) -> list[dict[str, str]]:
    """What is recorded of the cells of this model on this dataset."""
    return [
        records[cell.training_key].facts
        for cell in cells
        if (cell.dataset, cell.model) == pair and cell.training_key in records
    ]


def _forecast(cell: Cell, dataset: Dataset, finished: Sequence[Mapping[str, str]]) -> Forecast:
    device = cell.numerics.apply()
    memory.start(device)
    known = [_mean(finished, name) for name in ("seconds", "evaluation_seconds", "memory_bytes")]
    trained = time_training(cell, dataset) if cell.is_trained else TrainingCost(0.0, 0, 0)
    measured = time_evaluation(cell, dataset)
    held = memory.held(device)
    training, evaluation, most = (
        known_value if known_value is not None else value
        for known_value, value in zip(known, (trained.seconds, measured.seconds, held), strict=True)
    )
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return Forecast(
        training, evaluation, measured.once, int(most), trained.checkpoint, trained.weights,
        measured.once_bytes, measured=None in known,
    )  # fmt: skip


def _mean(facts: Sequence[Mapping[str, str]], name: str) -> float | None:
    values = [float(fact[name]) for fact in facts if name in fact]
    return sum(values) / len(values) if values else None
