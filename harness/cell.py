"""One cell, from images to numbers: prepare, train, evaluate, record; resumable at each step.

What is finished is in the tracking store: weights once training is over, each number as soon as it
is computed. What is half done is a checkpoint in the site's work folder. So a cell that is killed
anywhere goes on from there when it is run again.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from harness.data import load_dataset
from harness.data.base import Dataset
from harness.data.loader import Batches
from harness.evaluation.evidence import Costs, Evidence
from harness.evaluation.pictures import grid, pairs
from harness.families import build_family
from harness.families.base import Family, Reconstructs, Samples
from harness.metrics import load_metric
from harness.metrics.base import Caveat
from harness.plan import Cell, Wanted, shape_of
from harness.spec.measurement import Measurement, Status
from harness.tracking import Record, Store
from harness.training import memory
from harness.training.checkpoint import Checkpoints, load_weights, save_weights
from harness.training.init import initialise
from harness.training.loop import Diverged, Progress, train

WEIGHTS = "weights/model.safetensors"


@dataclass(frozen=True)
class Site:
    """Where cells run and leave their results: the tracking store, the suite's parent run there,
    and a folder for checkpoints, which are written every so many seconds.
    """

    uri: str
    parent: str
    folder: Path
    checkpoint_seconds: float = 20.0

    def store(self) -> Store:
        """A connection of this process's own."""
        return Store(self.uri, self.folder)

    def work(self, cell: Cell) -> Path:
        """The cell's checkpoints while it trains."""
        return self.folder / "work" / cell.training_key


@dataclass(frozen=True)
class Event:
    """How far a cell is: `done` of `total` images while it trains, then numbers."""

    cell: str
    stage: str
    done: int
    total: int


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: what failed, in words, and what diverged. Empty where all went well."""

    cell: str
    failures: tuple[str, ...] = ()
    diverged: str = ""


def run_cell(cell: Cell, site: Site, listen: Listener) -> Outcome:
    """Do what is left of a cell. Whatever goes wrong is recorded, and told in the outcome."""
    store = site.store()
    record = _open(cell, site, store)
    try:
        return _run(cell, site, store, record, listen)
    except Diverged as error:
        reason = str(error)
        store.set_status(record.run_id, "diverged", reason)
        rows = [_row(wanted, "diverged", reason) for wanted in cell.wanted if not wanted.obstacle]
        rows += [_inapplicable(wanted) for wanted in cell.wanted if wanted.obstacle]
        store.record(record.run_id, rows)
        store.finish(record.run_id, ok=False)
        return Outcome(cell.name, diverged=reason)
    except Exception as error:
        reason = describe(error)
        store.set_status(record.run_id, "failed", reason)
        store.put(record.run_id, "failure.txt", traceback.format_exc())
        store.finish(record.run_id, ok=False)
        return Outcome(cell.name, failures=(f"{cell.name}: {reason}",))


def describe(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return f"out of memory: {error}"[:1000]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


def _open(cell: Cell, site: Site, store: Store) -> Record:
    """The cell's run. What describes it is written once, when the run is made."""
    params = {
        "dataset": cell.dataset,
        "model": cell.model,
        "seed": cell.seed,
        "budget.images": cell.images,
        **_flat(cell.settings, "recipe."),
        **_flat(cell.numerics.to_dict(), "numerics."),
    }
    record = store.open_cell(site.parent, cell.name, cell.training_key, params)
    if not record.facts:
        recipe = {"family": cell.family, **cell.settings}
        store.put(record.run_id, "recipe.json", json.dumps(recipe, indent=2))
    return record


def _flat(values: dict[str, object], prefix: str) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}  # type: ignore[arg-type]
    return flat


def _run(cell: Cell, site: Site, store: Store, record: Record, listen: Listener) -> Outcome:
    cell.numerics.apply()
    dataset = _dataset(cell.dataset, cell.data_root)
    if record.status == "trained":
        family = _restored(cell, dataset, store, record)
    else:
        family = _trained(cell, dataset, site, store, record, listen)
        found = store.find(cell.training_key)
        assert found is not None
        record = found
    failures = _measure(cell, dataset, family, store, record, listen)
    store.finish(record.run_id, ok=not failures)
    return Outcome(cell.name, failures=tuple(failures))


@lru_cache(maxsize=2)
def _dataset(name: str, root: Path | None) -> Dataset:
    """A worker's next cell is mostly on the same data."""
    return load_dataset(name, root)


def build(cell: Cell, dataset: Dataset) -> Family:
    """The cell's model before training; its weights depend on the seed alone."""
    shape = shape_of(dataset)
    return initialise(lambda: build_family(cell.family, cell.settings, shape), cell.seed)


def _restored(cell: Cell, dataset: Dataset, store: Store, record: Record) -> Family:
    content = store.get(record.run_id, WEIGHTS)
    if content is None:
        raise FileNotFoundError(f"run {record.run_id} has no artifact {WEIGHTS}; delete the run")
    family = build(cell, dataset)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "model.safetensors"
        file.write_bytes(content)
        load_weights(family, file)
    family.networks.to(cell.numerics.device).eval()
    return family


def _trained(
    cell: Cell, dataset: Dataset, site: Site, store: Store, record: Record, listen: Listener
) -> Family:
    """Train, from the last checkpoint where there is one, and record weights, curves and costs."""
    device = torch.device(cell.numerics.device)
    family = build(cell, dataset)
    batches = Batches(dataset.train, family.settings.batch_size, cell.seed, device)
    store.log_datasets(
        record.run_id,
        [("training", dataset.name, dataset.train.digest()),
         ("evaluation", dataset.name, dataset.test.digest())],
    )  # fmt: skip

    def told(progress: Progress) -> None:
        listen(Event(cell.name, "training", progress.images, cell.images))

    memory.reset(device)
    checkpoints = Checkpoints(site.work(cell), site.checkpoint_seconds)
    result = train(
        family, batches, cell.images, cell.seed,
        device=device, checkpoints=checkpoints, report=told,
    )  # fmt: skip
    points = [(p.images, f"train/{name}", v) for p in result.curve for name, v in p.losses.items()]
    store.log_curves(record.run_id, points)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "model.safetensors"
        save_weights(family, file)
        store.put_file(record.run_id, file, "weights")
    store.set_status(
        record.run_id,
        "trained",
        seconds=result.seconds,
        peak_memory_bytes=memory.peak(device),
        parameters=sum(p.numel() for p in family.networks.parameters()),
        images=result.images,
        steps=result.steps,
    )
    shutil.rmtree(site.work(cell), ignore_errors=True)
    return family


def _measure(
    cell: Cell, dataset: Dataset, family: Family, store: Store, record: Record, listen: Listener
) -> list[str]:
    """Record each missing number as soon as it is there; what failed, in words."""
    facts = record.facts
    costs = Costs(
        float(facts["seconds"]), int(facts["peak_memory_bytes"]), int(facts["parameters"])
    )
    evidence = Evidence(family, dataset, cell.setup, cell.seed, costs)
    missing = cell.missing(record)
    store.record(record.run_id, [_inapplicable(wanted) for wanted in missing if wanted.obstacle])
    failures = []
    applicable = [wanted for wanted in missing if not wanted.obstacle]
    for number, wanted in enumerate(applicable):
        listen(Event(cell.name, "measuring", number, len(applicable)))
        row = _measured(wanted, evidence)
        store.record(record.run_id, [row])
        if row.status == "failed":
            failures.append(f"{cell.name}: {wanted.metric}: {row.reason}")
    if record.status == "trained" and "pictures" not in facts:
        _draw(evidence, store, record)
    listen(Event(cell.name, "measuring", len(applicable), len(applicable)))
    return failures


def _measured(wanted: Wanted, evidence: Evidence) -> Measurement:
    """The number with its caveats (what the metric warned of), or why there is none."""
    try:
        with warnings.catch_warnings(record=True) as caveats:
            warnings.simplefilter("always", Caveat)
            estimate = evidence.measure(load_metric(wanted.metric))
    except Exception as error:
        return _row(wanted, "failed", describe(error))
    if not math.isfinite(estimate.value):
        return _row(wanted, "failed", f"the value is {estimate.value}")
    return Measurement(
        wanted.metric, "ok", wanted.protocol, wanted.key,
        estimate.value, estimate.stderr, estimate.over,
        reason="; ".join(dict.fromkeys(str(c.message) for c in caveats if c.category is Caveat)),
    )  # fmt: skip


def _inapplicable(wanted: Wanted) -> Measurement:
    return _row(wanted, "not applicable", wanted.obstacle or "")


def _row(wanted: Wanted, status: Status, reason: str) -> Measurement:
    return Measurement(wanted.metric, status, wanted.protocol, wanted.key, reason=reason)


def _draw(evidence: Evidence, store: Store, record: Record) -> None:
    """The first samples and reconstructions, unselected, as pictures of the run."""
    if isinstance(evidence.family, Samples):
        store.put(record.run_id, "pictures/samples.png", grid(evidence.samples[:64], 8))
    if isinstance(evidence.family, Reconstructs):
        shown = pairs(evidence.originals[:32], evidence.reconstructions[:32], 8)
        store.put(record.run_id, "pictures/reconstructions.png", shown)
    store.tag(record.run_id, {"harness.fact.pictures": "yes"})
