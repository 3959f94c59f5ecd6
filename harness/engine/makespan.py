"""When the last of several cells ends on the cores of a CPU.

With five cells, two workers would do two, two more, and the last with a core to spare. So a third
joins them for the last three, which take turns on the two cores: two and a half rounds, not three.
A cell computes in one thread all the same, to the same bits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


def extra_workers(cells: int, workers: int) -> int:
    """How many more workers the last round needs, so that each of its cells has one."""
    return cells % workers if cells > workers else 0


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
