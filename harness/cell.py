"""One cell, from images to numbers: prepare, train, evaluate, record; resumable at each step.

What is finished is in the tracking store: weights once training is over, each number as soon as it
is computed. What is half done is a checkpoint in the site's work folder. So a cell that is killed
anywhere goes on from there when it is run again.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from harness.core.errors import FAILURES
from harness.core.files import file_sha256
from harness.core.scratch import scratch
from harness.core.seeding import generator
from harness.core.user_code import look_in
from harness.data import load_dataset
from harness.data.base import Dataset
from harness.data.loader import Batches
from harness.evaluation import pictures
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import MetricOutcome, compute_metric, error_line, measurement_of
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import draw_count
from harness.families import build_family
from harness.families.base import Family
from harness.metrics.base import Metric
from harness.plan import Cell, PlannedMeasurement, shape_of
from harness.plan.external_samples import evidence_of
from harness.tracking import Record, Store
from harness.tracking.refusals import brief, is_outage
from harness.training import data_parallel, memory, stopping
from harness.training.checkpoint import (
    Checkpoints,
    load_weights,
    save_weights,
)
from harness.training.clock import clock
from harness.training.init import initialise
from harness.training.loop import Progress, TrainingResult, train
from harness.training.losses import Diverged
from harness.training.numerics import Numerics
from harness.training.process_group import ReadOnly, gang
from harness.training.stopping import Stopped

WEIGHTS = "weights/model.safetensors"
COSTS = {
    "training_seconds": "seconds",
    "peak_memory_bytes": "peak_memory_bytes",
    "parameter_count": "parameters",
}
"""The costs of training that are evidence, with the name of the fact that a run records."""
WARM_UP = 3
"""Batches that are trained on before memory is measured."""
BUSY_SECONDS = 1.0
"""Seconds to wait before trying again a cell that another command is working on."""
OUTAGE_SECONDS = 120.0
"""How long a cell that begins waits for a tracking store that is away."""


@dataclass(frozen=True)
class Site:
    """Where cells run and leave their results: the tracking store, the suite's parent run there,
    and a folder for checkpoints, one every `checkpoint_seconds`. The modules in the suite's
    folder, `code`, can be imported.
    """

    uri: str
    parent: str
    folder: Path
    checkpoint_seconds: float = 20.0
    code: Path | None = None

    def store(self) -> Store:
        """A connection of this process's own."""
        return Store(self.uri, self.folder)

    def work(self, cell: Cell) -> Path:
        """The cell's checkpoints while it trains."""
        return self.folder / "work" / cell.training_key

    def lock(self, cell: Cell) -> FileLock:
        """The lock of the process that runs the cell: of two commands on one suite, one does."""
        place = self.folder / "locks"
        place.mkdir(parents=True, exist_ok=True)
        return FileLock(place / cell.training_key, blocking=False)


@dataclass(frozen=True)
class CellEvent:
    """The progress of a cell: `done` of `total` images while it trains, then of measurements."""

    cell: str
    stage: str
    done: int
    total: int


Listener = Callable[[CellEvent], None]


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended: messages of what failed or diverged; empty where all went well.

    A cell that was `stopped` on request goes on from its checkpoint; one that is `busy` is run by
    another command.
    """

    cell: str
    failures: tuple[str, ...] = ()
    diverged: str = ""
    stopped: bool = False
    busy: bool = False


def run_cell(cell: Cell, site: Site, listen: Listener) -> CellOutcome:
    """Do what is left of a cell. Failures are in the outcome, and in the tracking store if that can
    be reached.
    """
    look_in(site.code)
    try:
        with site.lock(cell):
            return _run(_open(cell, site, _harmless(listen)))
    except Timeout:
        return CellOutcome(cell.name, busy=True)
    except Stopped:
        return CellOutcome(cell.name, stopped=True)
    except FAILURES as error:
        return CellOutcome(cell.name, (f"{cell.name}: {error_line(error)}",))


def _open(cell: Cell, site: Site, listen: Listener) -> _Work:
    """The cell's work, from what the tracking store knows of it. Waits up to `OUTAGE_SECONDS` for
    a store that is away. Raises Stopped upon a request to stop.
    """
    last = time.monotonic() + OUTAGE_SECONDS
    is_told = False
    while True:
        try:
            return _Work(cell, site, site.store(), listen)
        except Exception as error:
            if not is_outage(error) or time.monotonic() > last:
                raise
            if not is_told:
                logging.getLogger(__name__).warning(
                    "%s waits for the tracking store (%s)", cell.name, brief(error)
                )
                is_told = True
        if stopping.requested():
            raise Stopped("stopped while the tracking store was away")
        time.sleep(BUSY_SECONDS)


def _harmless(listen: Listener) -> Listener:
    """A listener whose failures, such as a full disk, do not reach the cell."""

    def tell(event: CellEvent) -> None:
        with suppress(Exception):
            listen(event)

    return tell


def _run(work: _Work) -> CellOutcome:
    cell, store, run_id = work.cell, work.store, work.record.run_id
    if cell.finished(work.record):  # by another command, since this one began
        return CellOutcome(cell.name)
    try:
        failures = work.run()
    except Stopped:
        store.interrupt(run_id)
        raise
    except Diverged as error:
        reason = str(error)
        store.set_status(run_id, "diverged", reason)
        store.record(
            run_id, [planned.without("diverged", reason) for planned in cell.planned_measurements]
        )
        store.finish(run_id, ok=False)
        return CellOutcome(cell.name, diverged=reason)
    except FAILURES as error:
        _record_failure(work, error_line(error))
        store.put(run_id, "failure.txt", traceback.format_exc())
        raise
    store.finish(run_id, ok=not failures)
    return CellOutcome(cell.name, tuple(failures))


def _record_failure(work: _Work, reason: str) -> None:
    """Record in the store why the cell failed."""
    cell, store, run_id = work.cell, work.store, work.record.run_id
    if work.record.status == "trained":  # the weights stay good
        missing = cell.missing(store.find(cell.training_key))
        store.record(run_id, [planned.without("failed", reason) for planned in missing])
    else:
        store.set_status(run_id, "failed", reason)
    store.finish(run_id, ok=False)


def record_death(cell: Cell, site: Site, reason: str) -> CellOutcome:
    """Record and return the outcome of a cell whose process died."""
    try:
        _record_failure(_Work(cell, site, site.store(), lambda event: None), reason)
    except Exception as error:
        reason = f"{reason}; and that could not be recorded: {error_line(error)}"
    return CellOutcome(cell.name, (f"{cell.name}: {reason}",))


def _flat(values: dict[str, object], prefix: str) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}  # type: ignore[arg-type]
    return flat


def params_of(cell: Cell) -> dict[str, object]:
    """The parameters of the cell's run."""
    return {
        "dataset": cell.dataset,
        "model": cell.model,
        "seed": cell.seed,
        "budget.images": cell.images,
        "family": cell.family,
        **({"code": cell.code} if cell.code else {}),
        **_flat(cell.settings, "recipe."),
        **_flat(cell.numerics.to_dict(), "numerics."),
    }


@lru_cache(maxsize=2)
def _dataset(name: str, root: Path | None, code: Path | None = None) -> Dataset:
    """The dataset of this name, kept for the worker's next cell, which is mostly on the same data.
    Two suites may have datasets of one name, each in its own `code`.
    """
    return load_dataset(name, root)


def build(cell: Cell, dataset: Dataset) -> Family:
    """Build the cell's model before training; its weights depend on the seed alone."""
    shape = shape_of(dataset)
    family = initialise(lambda: build_family(cell.family, cell.settings, shape), cell.seed)
    family.accelerate = cell.numerics.accelerate
    return family


def _train(
    cell: Cell, dataset: Dataset, family: Family, checkpoints: Checkpoints, **options: Any
) -> TrainingResult:
    """Train the cell's model, alone or as one of the processes that do it together."""
    device = torch.device(cell.numerics.device)
    settings = family.settings
    batches = Batches(dataset.train, settings.batch_size, cell.seed, device, flip=settings.flip)
    if data_parallel.is_spread():
        trial = generator(cell.seed, "spread", device=device)
        data_parallel.prepare_family(family, batches.batch(0), trial)
    return train(
        family, batches, cell.images, cell.seed, device=device,
        accelerate=cell.numerics.accelerate, checkpoints=checkpoints, **options,
    )  # fmt: skip


def _warm_up(cell: Cell, dataset: Dataset) -> None:
    """Train a copy for some steps and throw it away: what libraries allocate once a process, or
    once for each shape of an operation, is then there, and is not taken for the cell's own memory.
    """
    copy = build(cell, dataset)
    device, settings = torch.device(cell.numerics.device), copy.settings
    batches = Batches(dataset.train, settings.batch_size, cell.seed, device, flip=settings.flip)
    with suppress(Diverged):  # which training itself will report
        train(copy, batches, WARM_UP * settings.batch_size, cell.seed, device=device)


def _assist(numerics: Numerics, cell: Cell, folder: Path) -> None:
    """Train in a further process of the cell: the same steps, on its share of each batch."""
    cell = replace(cell, numerics=numerics)
    dataset = _dataset(cell.dataset, cell.data_root)
    _train(cell, dataset, build(cell, dataset), ReadOnly(folder))


class _Work:
    """The work on one cell. `record` is what the store has of it, renewed once it is trained."""

    def __init__(self, cell: Cell, site: Site, store: Store, listen: Listener) -> None:
        self.cell = cell
        self.site = site
        self.store = store
        self.listen = listen
        self.record = self.open()

    def open(self) -> Record:
        """Open the cell's run. Its parameters are written when the run is made, or later where a
        process died before it wrote them.
        """
        cell, store = self.cell, self.store
        record = store.open_cell(self.site.parent, cell.name, cell.training_key, params_of(cell))
        store.add_use(record, cell.used_by(self.site.parent), cell.had_by(self.site.parent))
        if not record.facts:
            recipe = {"family": cell.family, **cell.settings}
            store.put(record.run_id, "recipe.json", json.dumps(recipe, indent=2))
        return record

    def run(self) -> list[str]:
        """Train and measure what is left; a message for each measurement that failed."""
        self.listen(CellEvent(self.cell.name, "preparing", 0, self.cell.images))
        self.cell.numerics.apply()
        dataset = _dataset(self.cell.dataset, self.cell.data_root, self.site.code)
        if not self.cell.is_trained:
            return self.measure(self.read_images(dataset), dataset)
        is_new = self.record.status != "trained"
        family = self.trained(dataset) if is_new else self.restored(dataset)
        # Here, and not where training ends: a kill between the two would leave them for ever.
        shutil.rmtree(self.site.work(self.cell), ignore_errors=True)
        facts = self.record.facts
        now = clock(family.device)
        began = now()
        costs = {
            name: float(facts[fact]) if fact == "seconds" else int(facts[fact])
            for name, fact in COSTS.items()
            if fact in facts
        }
        failures = self.measure(costs, dataset, family)
        if is_new and not failures:  # `harness plan` goes by it
            took, held = now() - began, memory.held(family.device)
            self.store.set_status(
                self.record.run_id, "trained", evaluation_seconds=took, memory_bytes=held
            )
        return failures

    def read_images(self, dataset: Dataset) -> dict[str, Any]:
        """The images that stand in for what a model makes."""
        images = evidence_of(self.cell, dataset)
        count = len(next(iter(images.values())))
        self.store.set_status(self.record.run_id, "trained", images=count)
        return images

    def restored(self, dataset: Dataset) -> Family:
        """The trained model, from the weights in the store."""
        run_id = self.record.run_id
        content = self.store.get(run_id, WEIGHTS)
        if content is None:
            raise FileNotFoundError(
                f"run {run_id} has lost {WEIGHTS}: {self.store.artifacts_of(run_id)} "
                "has none; if that folder was moved, put it back there, or else delete the run to "
                "train again"
            )
        family = build(self.cell, dataset)
        with scratch(self.site.folder) as aside:
            file = aside / "model.safetensors"
            file.write_bytes(content)
            self.check_weights(file)
            load_weights(family, file)
        family.to(self.cell.numerics.device)
        return family

    def check_weights(self, file: Path) -> None:
        """Raises ValueError where weights are not those that training recorded."""
        recorded, actual = self.record.facts.get("weights_sha256"), file_sha256(file)
        if recorded and actual != recorded:
            raise ValueError(
                f"{WEIGHTS} of run {self.record.run_id} is not what training recorded: SHA-256 "
                f"{actual[:16]}… in place of {recorded[:16]}…; put the recorded file back, or "
                "delete the run to train again"
            )

    def trained(self, dataset: Dataset) -> Family:
        """Train, from the last checkpoint where there is one; record weights, curves and costs."""
        cell, store, run_id = self.cell, self.store, self.record.run_id
        device = torch.device(cell.numerics.device)
        family = build(cell, dataset)
        train_digest, test_digest = dataset.train.digest(), dataset.test.digest()
        store.log_datasets(
            run_id,
            [("training", cell.dataset, train_digest), ("evaluation", cell.dataset, test_digest)],
        )
        _warm_up(cell, dataset)
        in_use = memory.start(device)
        folder = self.site.work(cell)
        checkpoints = Checkpoints(folder, self.site.checkpoint_seconds)
        several = cell.numerics.processes > 1
        with gang(cell.numerics, _assist, cell, folder) if several else nullcontext():
            result = _train(
                cell, dataset, family, checkpoints, report=self.tell, stop=stopping.requested
            )
        store.log_curves(
            run_id,
            [(p.images, f"train/{name}", v) for p in result.curve for name, v in p.losses.items()],
        )
        with scratch(self.site.folder) as aside:
            file = aside / "model.safetensors"
            weights_sha256 = save_weights(family, file)
            store.put_file(run_id, file, "weights")
        facts: dict[str, Any] = {
            "seconds": result.seconds,
            "images": result.images,
            "steps": result.steps,
            "peak_memory_bytes": memory.peak(device) - in_use,
            "parameters": sum(p.numel() for p in family.networks.parameters()),
            "weights_sha256": weights_sha256,
        }
        store.set_status(run_id, "trained", **facts)
        # Not read back: the store may be away, and the rest is measured all the same.
        texts = {name: str(value) for name, value in facts.items()}
        self.record = replace(self.record, status="trained", facts=self.record.facts | texts)
        return family

    def tell(self, progress: Progress) -> None:
        """Pass on how far training is."""
        self.listen(CellEvent(self.cell.name, "training", progress.images, self.cell.images))

    def measure(
        self, provided: Mapping[str, Any], dataset: Dataset, model: Family | None = None
    ) -> list[str]:
        """Compute and record each missing number; a message for each that failed. `provided` is the
        evidence that is at hand.
        """
        store, run_id = self.store, self.record.run_id
        evidence = Evidence(
            {**dataset_evidence(dataset), **provided}, self.cell.setup, seed=self.cell.seed,
            device=self.cell.numerics.device, model=model,
        )  # fmt: skip
        missing = self.cell.missing(self.record)
        store.record(run_id, [w.without("not applicable", "") for w in missing if w.obstacle])
        applicable = [planned for planned in missing if not planned.obstacle]
        other_draws = self.other_draws(applicable, evidence, dataset)
        failures = []
        for number, planned in enumerate(applicable):
            if stopping.requested():
                raise Stopped("stopped before all was measured")
            self.listen(CellEvent(self.cell.name, "measuring", number, len(applicable)))
            metric = self.metric(planned)
            outcomes = [compute_metric(metric, evidence), *other_draws.get(planned.metric, ())]
            protocol, key = planned.protocol, planned.key
            measurement = measurement_of(metric, protocol, key, outcomes, evidence.setup)
            store.record(run_id, [measurement])
            if measurement.status == "failed":
                failures.append(f"{self.cell.name}: {planned.metric}: {measurement.reason}")
                self.keep_traces(planned.metric, outcomes)
        if not failures and self.cell.is_shown:
            self.draw(evidence, model)
        return failures

    def keep_traces(self, metric: str, outcomes: Sequence[MetricOutcome]) -> None:
        """Put the tracebacks of a failed measurement beside the cell's other files."""
        traces = "\n".join(dict.fromkeys(outcome.trace for outcome in outcomes if outcome.trace))
        if traces:
            name = "".join(c if c.isalnum() or c in "._-" else "-" for c in metric)[:80]
            self.store.put(self.record.run_id, f"failures/{name}.txt", traces)

    def metric(self, planned: PlannedMeasurement) -> Metric:
        """The metric of a planned measurement, as the suite's profile defines it."""
        return load_metric_as(self.cell.setup.profile, planned.metric)

    def other_draws(
        self, planned: Sequence[PlannedMeasurement], evidence: Evidence, dataset: Dataset
    ) -> dict[str, list[MetricOutcome]]:
        """The outcomes of the metrics of samples on all draws but the first, by metric. The first
        draw is measured after these, and has the pictures. One draw at a time is in memory, beside
        the first where that is provided.
        """
        cell = self.cell
        metrics = [self.metric(p) for p in planned]
        drawn = [metric for metric in metrics if draw_count(metric, cell.setup) > 1]
        outcomes: dict[str, list[MetricOutcome]] = {metric.name: [] for metric in drawn}
        for draw in range(1, cell.setup.draws) if drawn else ():
            provided = {} if cell.is_trained else evidence_of(cell, dataset, draw)
            other = evidence.redrawn(draw, provided)
            for metric in drawn:
                outcomes[metric.name].append(compute_metric(metric, other))
        return outcomes

    def draw(self, evidence: Evidence, model: Family | None) -> None:
        """Draw and store the pictures that the run does not have yet."""
        drawn = self.record.facts.get("pictures", "").split()
        metrics = [self.metric(w) for w in self.cell.planned_measurements if not w.obstacle]
        for name in pictures.chosen_pictures(evidence, model, metrics):
            place = pictures.picture_name(name, self.cell.settings)
            if place not in drawn:
                png = pictures.DRAWN[name](evidence)
                self.store.put(self.record.run_id, f"pictures/{place}.png", png)
                drawn.append(place)
        self.store.tag(self.record.run_id, {"harness.fact.pictures": " ".join(drawn).strip()})
