"""Cells packed onto devices by memory: which one a worker takes next."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from harness.engine.cell_cost import CellCost
from harness.plan import Cell
from harness.tracking import Record

CONTEXT = 600 * 2**20
"""Bytes of a GPU that a process takes before its first tensor: the driver's state and libraries."""

USABLE = 0.9
"""The share of a GPU's free memory that is given away: the rest is what fragmentation costs."""


ALONE = float("inf")
"""The need of a cell that is to have a GPU to itself."""


@dataclass(frozen=True)
class DeviceSlot:
    """A device, its number of workers, and the bytes that their cells may take.

    Once at most `spare` cells wait, as many further workers join and take turns with the others on
    their cores, so that no core is idle while the last cells run.
    """

    device: str
    workers: int
    memory: float = float("inf")
    spare: int = 0


def memory_needs(
    cells: Sequence[Cell],
    records: Mapping[str, Record],
    costs: Mapping[tuple[str, str], CellCost],
) -> dict[str, float]:
    """The bytes of a GPU that each cell needs, by name: the most that a finished cell of the same
    model and dataset held, or else as estimated in the `costs` of dataset and model; ALONE where
    nothing is known.
    """
    held: dict[tuple[str, str], int] = {}
    for cell in cells:
        pair, record = (cell.dataset, cell.model), records.get(cell.training_key)
        if record and "memory_bytes" in record.facts:
            held[pair] = max(held.get(pair, 0), int(record.facts["memory_bytes"]))
    sizes = {pair: cost.memory for pair, cost in costs.items()} | held
    needs = {cell.name: sizes.get((cell.dataset, cell.model), 0) for cell in cells}
    return {name: size + CONTEXT if size else ALONE for name, size in needs.items()}


def makespan(seconds: Iterable[float], workers: int, spare: int = 0) -> float:
    """Seconds until the last of several jobs ends, if `workers` (at least one) take them in this
    order, and `spare` more workers join for the last ones, as in a `DeviceSlot`.
    """
    workers = max(1, workers)
    waiting, running, now = deque(seconds), list[float](), 0.0
    while waiting or running:
        while waiting and len(running) < workers + (spare if len(waiting) <= spare else 0):
            running.append(waiting.popleft())
        shortest, share = min(running), min(1.0, workers / len(running))
        now += shortest / share
        running = [left - shortest for left in running if left > shortest]
    return now


def gpu_slots(free: Mapping[str, int], needs: Sequence[float], jobs: int) -> list[DeviceSlot]:
    """A slot for each GPU, by its free bytes, with as many workers as cells may run there at a
    time, and `jobs` at most in all. `needs` has the bytes of each cell.
    """
    memory = {gpu: int(USABLE * size) for gpu, size in free.items()}
    most = {gpu: cells_that_fit(size, needs) for gpu, size in memory.items()}
    shares = _shared_out(min(jobs, len(needs)), most)
    return [DeviceSlot(gpu, workers, memory[gpu]) for gpu, workers in shares.items()]


def gpu_group_slots(gpus: Sequence[str], processes: int, jobs: int) -> list[DeviceSlot]:
    """A slot of one worker for each group of `processes` GPUs, named after the first of them: the
    processes of a cell have one each.
    """
    firsts = range(0, len(gpus) - processes + 1, processes)
    return [DeviceSlot(gpus[first], 1) for first in firsts][:jobs]


def cells_that_fit(memory: float, needs: Sequence[float]) -> int:
    """The number of cells that fit in `memory` bytes, the smallest first; at least one."""
    return max(1, sum(total <= memory for total in accumulate(sorted(needs))))


def _shared_out(workers: int, most: Mapping[str, int]) -> Counter[str]:
    """The workers of each place: as even as possible, and nowhere more than `most`."""
    shares: Counter[str] = Counter()
    for _ in range(workers):
        open_places = [place for place in most if shares[place] < most[place]]
        if open_places:
            shares[min(open_places, key=shares.__getitem__)] += 1
    return shares


@dataclass
class CellScheduler:
    """The cells that wait for a slot, and the bytes of those that run. For several threads.

    A cell fits where the slot has its bytes left, or where no other cell is. The first that fits is
    taken: a large one may wait while smaller ones pass it, and none waits for ever.
    """

    waiting: list[Cell]
    slots: Sequence[DeviceSlot]
    needs: Mapping[str, float] = field(default_factory=dict)
    """Bytes by the cell's name; 0 for a cell that is not there."""
    _running: dict[str, dict[str, float]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False

    @property
    def workers(self) -> int:
        """How many cells run at a time."""
        return sum(slot.workers for slot in self.slots)

    @property
    def spare(self) -> int:
        """How many more run at a time in the last round."""
        return sum(slot.spare for slot in self.slots)

    def take(self, slot: DeviceSlot) -> Cell | None:
        """Wait for a cell that fits the slot, and take it; None once no cell is left."""
        with self._changed:
            while self.waiting and not self._closed:
                if cell := self.next_for(slot):
                    self.waiting.remove(cell)
                    self._changed.notify_all()
                    self._in(slot)[cell.name] = self._need(cell)
                    return cell
                self._changed.wait()
            return None

    def wait_for_the_last(self, count: int) -> None:
        """Block until at most `count` cells wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self.waiting) <= count)

    def next_for(self, slot: DeviceSlot) -> Cell | None:
        """The first waiting cell that fits the slot now, or None."""
        return next((cell for cell in self.waiting if self._fits(cell, slot)), None)

    def leave(self, cell: Cell, slot: DeviceSlot) -> None:
        """Free the bytes of a cell that has ended."""
        with self._changed:
            del self._in(slot)[cell.name]
            self._changed.notify_all()

    def put_back(self, cell: Cell, slot: DeviceSlot) -> None:
        """Let a cell that was taken wait again, behind the others."""
        self.leave(cell, slot)
        with self._changed:
            self.waiting.append(cell)
            self._changed.notify_all()

    def close(self) -> None:
        """Give out no more cells, and wake whoever waits for one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _in(self, slot: DeviceSlot) -> dict[str, float]:
        return self._running.setdefault(slot.device, {})

    def _need(self, cell: Cell) -> float:
        return self.needs.get(cell.name, 0.0)

    def _fits(self, cell: Cell, slot: DeviceSlot) -> bool:
        running = self._in(slot)
        return not running or sum(running.values()) + self._need(cell) <= slot.memory
