"""Cells as Ray tasks: sent, followed, sent again when a node is lost, stopped on request.

A task does what a worker of the local engine does, in a process of Ray's. An actor beside the
command, `ControlActor`, collects their events and tells them to stop.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from harness.cell.run import record_death, run_cell
from harness.cell.site import BUSY_SECONDS, CellEvent, CellOutcome, Listener, Site
from harness.engine.local import DIED
from harness.engine.ray.nodes import NodeRequirements, missing_requirements
from harness.plan import Cell
from harness.training import stopping

POLL = 0.5
"""Seconds between two looks at what tasks did."""

ASK = 2.0
"""Seconds after which a running cell asks again whether it is to stop."""

LOSSES = 3
"""How often a cell may lose its process or node without progress before it has failed."""


class ControlActor:
    """Carries events from tasks to the command, and its request to stop to the tasks."""

    def __init__(self) -> None:
        self._events: list[CellEvent] = []
        self._begun: set[str] = set()
        self._stopping = False

    def begin(self, cell: str) -> bool:
        """Note that a cell begins; false where it must not."""
        if not self._stopping:
            self._begun.add(cell)
        return not self._stopping

    def hear(self, event: CellEvent) -> None:
        """Keep an event until the command asks for it."""
        self._events.append(event)

    def news(self) -> list[CellEvent]:
        """The events since the last call."""
        heard, self._events = self._events, []
        return heard

    def begun(self) -> set[str]:
        """The cells that have begun."""
        return self._begun

    def stop(self) -> None:
        """Ask all cells to stop; none begins any more."""
        self._stopping = True

    def stopping(self) -> bool:
        """Whether cells are to stop."""
        return self._stopping


class RayTasks:
    """Cells that run on a cluster, about `jobs` at a time.

    `shares` has the resources of a node that each cell's task takes, by the cell's name.
    """

    def __init__(
        self,
        ray: Any,
        cells: Sequence[Cell],
        requirements: NodeRequirements,
        shares: Mapping[str, Mapping[str, Any]],
        jobs: int,
    ) -> None:
        self.jobs = jobs
        self.spare = 0  # a cluster gives each cell the cores that it asks for
        self._ray = ray
        self._cells = cells
        self._requirements = ray.put(requirements)
        self._shares = shares
        self._control = _beside(ray, ControlActor)
        self._task = ray.remote(_serve)
        self._running: dict[Any, Cell] = {}
        self._later: list[tuple[float, Cell]] = []
        self._losses = Counter[str]()
        self._furthest: dict[str, tuple[bool, int]] = {}

    def run(
        self, site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
    ) -> list[CellOutcome]:
        """Run every cell; outcomes in the order in which they end. Upon SIGTERM those that run are
        saved and no other begins (`stopping.requested`).
        """
        outcomes = []
        for cell in self._cells:
            self._send(cell, site)
        with stopping.on_sigterm():
            is_announced = False
            while (self._running or self._later) and not (is_announced and not self._any_begun()):
                for outcome in self._look(site, listen):
                    outcomes.append(outcome)
                    ended(outcome)
                if stopping.requested() and not is_announced:
                    self._ray.get(self._control.stop.remote())
                    self._later, is_announced = [], True
        return outcomes

    def _send(self, cell: Cell, site: Site) -> None:
        task = self._task.options(max_retries=0, name=cell.name, **self._shares[cell.name])
        self._running[task.remote(cell, site, self._requirements, self._control)] = cell

    def _look(self, site: Site, listen: Listener) -> Iterator[CellOutcome]:
        """Pass on new events, and yield the outcomes of cells that have ended."""
        now = time.monotonic()
        due = [cell for when, cell in self._later if when <= now]
        self._later = [(when, cell) for when, cell in self._later if when > now]
        for cell in due:
            self._send(cell, site)
        done, _ = self._ray.wait(list(self._running), timeout=POLL) if self._running else ([], [])
        for event in self._ray.get(self._control.news.remote()):
            self._note(event)
            listen(event)
        for ref in done:
            cell = self._running.pop(ref)
            if outcome := self._outcome(ref, cell, site):
                yield outcome
        if not self._running:
            time.sleep(POLL)

    def _note(self, event: CellEvent) -> None:
        """Give a cell its attempts back once it got further than when it was last lost."""
        reached = (event.stage != "training", event.done)
        if reached > self._furthest.get(event.cell, (False, -1)):
            self._furthest[event.cell] = reached
            self._losses[event.cell] = 0

    def _outcome(self, ref: Any, cell: Cell, site: Site) -> CellOutcome | None:
        """The outcome of a cell; None where it is to run again."""
        errors = self._ray.exceptions
        try:
            outcome: CellOutcome = self._ray.get(ref)
        except (errors.NodeDiedError, errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            return self._lost(cell, site, type(error).__name__)
        except errors.RayError as error:
            return CellOutcome(cell.name, (f"{cell.name}: {' '.join(str(error).split())[:1000]}",))
        if outcome.busy or (outcome.stopped and not stopping.requested()):  # its node is to go
            self._later.append((time.monotonic() + BUSY_SECONDS, cell))
            return None
        return outcome

    def _lost(self, cell: Cell, site: Site, how: str) -> CellOutcome | None:
        self._losses[cell.name] += 1
        if stopping.requested():
            return CellOutcome(cell.name, stopped=True)
        if self._losses[cell.name] >= LOSSES:
            return record_death(cell, site, f"{DIED} ({how})")
        logging.getLogger(__name__).warning(
            "%s: its node or process was lost (%s); it goes on elsewhere", cell.name, how
        )
        self._send(cell, site)
        return None

    def _any_begun(self) -> bool:
        begun = self._ray.get(self._control.begun.remote())
        return any(cell.name in begun for cell in self._running.values())


def _beside(ray: Any, actor: type) -> Any:
    """An actor on the node of this process, so that it is lost only with that."""
    strategy = importlib.import_module("ray.util.scheduling_strategies")
    node = ray.get_runtime_context().get_node_id()
    affinity = strategy.NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(actor).options(num_cpus=0, scheduling_strategy=affinity).remote()


def _serve(cell: Cell, site: Site, requirements: NodeRequirements, control: Any) -> CellOutcome:
    """Run a cell in a process of Ray's. Nodes that joined late are checked first."""
    ray: Any = importlib.import_module("ray")
    if not ray.get(control.begin.remote(cell.name)):
        return CellOutcome(cell.name, stopped=True)
    if lines := missing_requirements(requirements.of(cell)):
        return CellOutcome(
            cell.name, (f"{cell.name}: a node lacks what it needs: {'; '.join(lines)}",)
        )
    with stopping.on_sigterm(), _asking(ray, control):
        return run_cell(on_assigned_device(cell), site, control.hear.remote)


def on_assigned_device(cell: Cell) -> Cell:
    """The cell on the device that Ray assigned: the first that its process sees."""
    kind = cell.numerics.device.partition(":")[0]
    device = f"{kind}:0" if kind == "cuda" else kind
    return replace(cell, numerics=cell.numerics.on(device))


@contextmanager
def _asking(ray: Any, control: Any) -> Iterator[None]:
    """While the block runs, this process stops when `ControlActor` says so."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(ASK):
            if ray.get(control.stopping.remote()):
                stopping.request()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
