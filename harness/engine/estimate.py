"""How long a suite will take on this machine, and what memory and disk: see docs/scaling.md."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import truediv
from statistics import fmean

from pydantic import TypeAdapter

from harness.cell.run_page import params_of
from harness.config.training_fraction import split_fraction
from harness.data.base import Dataset
from harness.engine.cell_cost import CellCost, Rates, measure_cost
from harness.engine.cell_scheduler import makespan
from harness.plan import Cell, Plan
from harness.plan.identity import identify
from harness.tracking import Record, Store
from harness.tracking.collection import StoredRun, collect
from harness.tracking.names import metric_name
from harness.tracking.suites import find_suite, planned_suite
from harness.training.checkpoint import KEPT

BESIDE_OTHERS = 1.2
"""How much longer a cell takes beside others than measured alone: docs/scaling.md."""
RECORD_BYTES = 300_000  # that a cell leaves beside its weights: pictures, curves, tags, rows
WEIGHT_BYTES, CHECKPOINT_BYTES = 8, 16  # per parameter: raw and averaged weights; two moments too
FILE = "estimate.json"
_FACTS = ("seconds", "evaluation_seconds", "memory_bytes", "parameters")
_ROWS = TypeAdapter(list[tuple[str, str, CellCost]])

ModelOnDataset = tuple[str, str]  # a dataset and a model


@dataclass(frozen=True)
class SuiteEstimate:
    """What the suite's cells take, by dataset and model."""

    costs: Mapping[ModelOnDataset, CellCost]

    def seconds(
        self, cells: Iterable[Cell], records: Mapping[str, Record], jobs: int, spare: int = 0
    ) -> float | None:
        """Wall time of these cells, `jobs` at a time (see `makespan`); None where the cost of one
        is unknown. What is done once is counted for the first cell of each dataset.
        """
        seconds, begun = [], set[str]()
        for cell in cells:
            if (cost := self.costs.get((cell.dataset, cell.model))) is None:
                return None
            record = records.get(cell.training_key)
            is_trained = record is not None and record.status == "trained"
            alone = cost.evaluation + (0.0 if is_trained else cost.training)
            once = 0.0 if cell.dataset in begun else cost.once
            begun |= {cell.dataset} if cost.once else set()
            slower = BESIDE_OTHERS if cost.is_measured and jobs > 1 else 1.0
            seconds.append(once + alone * slower)
        return makespan(seconds, jobs, spare)

    def disk(self, cells: Sequence[Cell], jobs: int) -> tuple[int, int]:
        """Bytes that these cells leave, and bytes of checkpoints while `jobs` of them run."""
        costs = [self.costs[cell.dataset, cell.model] for cell in cells]
        once = {cell.dataset: c.once_bytes for cell, c in zip(cells, costs, strict=True)}
        left = sum(WEIGHT_BYTES * c.parameters + RECORD_BYTES for c in costs) + sum(once.values())
        largest = heapq.nlargest(jobs, (CHECKPOINT_BYTES * c.parameters for c in costs))
        return left, (KEPT + 1) * sum(largest)


def store_estimate(estimate: SuiteEstimate, plan: Plan, store: Store) -> None:
    """Attach an estimate to the suite's run, so that `harness run` can say how good it was."""
    parent = planned_suite(store, identify(plan.loaded, store), plan.suite_key)
    store.put(parent, FILE, _ROWS.dump_json([(*x, cost) for x, cost in estimate.costs.items()]))


def last_estimate(plan: Plan, store: Store) -> SuiteEstimate | None:
    """The last estimate of the suite, or None."""
    parent = find_suite(store, identify(plan.loaded, store), plan.suite_key)
    content = store.get(parent, FILE) if parent else None
    with suppress(ValueError):  # written by another version
        rows = _ROWS.validate_json(content or "")
        return SuiteEstimate({(dataset, model): cost for dataset, model, cost in rows})
    return None


def estimate_suite(
    todo: Iterable[Cell],
    datasets: Mapping[str, Dataset],
    store: Store,
    announce: Callable[[str], None] = lambda text: None,
) -> SuiteEstimate:
    """The cost of a cell of each model on each dataset; `announce` gets the name of what is being
    measured. Of datasets of one size with networks of one kind, and of one model's training
    fractions with the same metrics, the first is measured.
    """
    distinct = {(cell.dataset, cell.model): cell for cell in reversed(list(todo))}
    runs = {name: list(collect(store, dataset=name)) for name, _ in distinct}
    costs: dict[ModelOnDataset, CellCost] = {}
    measured: dict[tuple[object, ...], tuple[CellCost, int]] = {}
    rates: Rates = {}
    for pair, cell in reversed(distinct.items()):
        if past := past_cost(cell, runs[cell.dataset]):
            costs[pair] = past
            continue
        names = (p.metric for p in cell.planned_measurements)
        alike = (_sizes(datasets[cell.dataset], cell), split_fraction(cell.model)[0], *names)
        if alike not in measured:
            announce(f"{pair[0]} · {pair[1]}")
            measured[alike] = measure_cost(cell, datasets[cell.dataset], rates), max(cell.images, 1)
        cost, images = measured[alike]
        costs[pair] = replace(cost, training=cost.training * cell.images / images)
    return SuiteEstimate(costs)


def _sizes(dataset: Dataset, cell: Cell) -> tuple[object, ...]:
    """What costs depend on of a dataset: the shape and the number of its images, its classes, and
    the networks that measure it, in-domain classifiers as if they were one.
    """
    splits = (dataset.train, dataset.test, dataset.normal_test)
    networks = sorted(name.split(":")[0] for name in cell.setup.names.values())
    return (
        *dataset.train.images.shape[1:], *map(len, splits), len(dataset.card.classes), *networks,
    )  # fmt: skip


def past_cost(cell: Cell, runs: Iterable[StoredRun]) -> CellCost | None:
    """The mean cost of finished cells of the same recipe, numerics and metrics, their training
    scaled to the cell's images; None where there is none. `runs` are those on the cell's dataset.
    """
    params = _comparable(params_of(cell))
    protocols = {p.protocol.key() for p in cell.planned_measurements if not p.obstacle}
    facts = [
        [float(run.facts[name]) for name in _FACTS] + [run.images]
        for run in runs
        if run.images and run.facts.keys() >= set(_FACTS) and _comparable(run.params) == params
        if {m.protocol.key() for m in run.numbers if m.status == "ok"} == protocols
    ]
    if not facts:
        return None
    seconds, evaluation, memory, parameters, images = zip(*facts, strict=True)
    training = fmean(map(truediv, seconds, images)) * cell.images
    return CellCost(
        training, fmean(evaluation), int(max(memory)), int(parameters[0]), is_measured=False
    )


def _comparable(params: Mapping[str, object]) -> dict[str, str]:
    """The parameters that decide what a cell takes, as the store has them."""
    kinds = ("family", "recipe.", "numerics.")
    return {metric_name(k): str(value) for k, value in params.items() if k.startswith(kinds)}
