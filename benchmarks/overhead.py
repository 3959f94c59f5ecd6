"""What a suite takes besides training, evaluation and data: at most 5 % of ten minutes?

    python benchmarks/overhead.py [--suite quickstart] [--budget-scale 0.01] [--data-root DIR]

`harness run` of a shipped suite, in a process of its own, one cell after the other, with a clock
around each phase. The budget is cut, for training is the one phase that a budget changes: the
others are those of the whole suite, which on two cores takes about ten minutes. Seconds are of the
processor, so that other programs disturb them little, and by the clock.

With two workers the command's own part and the start of the workers come in full, and of the
cells' part a half.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from side_by_side import machine

SUITE_SECONDS = 600
ASKED = 0.05
WORK = "training", "evaluation", "data"
CELLS = "MLflow, for cells", "pictures", "cells, the rest"
"""Phases that workers share; the others are the command's own."""


class Phases:
    """Seconds of each phase, without those of the phases in it: of the processor, by the clock."""

    def __init__(self, started: float) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._stack = ["start"]
        self._mark = (0.0, started)

    def change(self) -> None:
        """What passed since the last change was in the innermost phase."""
        now = (time.process_time(), time.time())
        spent = self.seconds[self._stack[-1]]
        for i in range(2):
            spent[i] += now[i] - self._mark[i]
        self._mark = now

    def wrap(self, owner: Any, name: str, phase: str | Callable[[list[str]], str]) -> None:
        """Calls of `owner.name` are in a phase, which may follow from the ones around it."""
        inner = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.change()
            self._stack.append(phase if isinstance(phase, str) else phase(self._stack))
            try:
                return inner(*arguments, **named)
            finally:
                self.change()
                self._stack.pop()

        setattr(owner, name, wrapped)


def watch(phases: Phases) -> None:
    """Clocks around what `harness run` calls."""
    from harness import plan  # noqa: PLC0415 - their time is part of the start
    from harness.cell import measuring, run, training  # noqa: PLC0415
    from harness.engine import serial  # noqa: PLC0415
    from harness.report import publish  # noqa: PLC0415
    from harness.tracking import Store  # noqa: PLC0415

    phases.wrap(plan, "make_plan", "planning")
    phases.wrap(plan.planning, "load_dataset", "data")
    phases.wrap(training, "load_dataset", "data")
    phases.wrap(training, "train", "training")
    for owner, name in (
        (measuring, "compute_metric"),
        (measuring, "evidence_of"),
        (run, "evidence_of"),
    ):
        phases.wrap(owner, name, "evaluation")
    phases.wrap(measuring, "_draw_pictures", "pictures")
    phases.wrap(serial, "run_cell", "cells, the rest")
    phases.wrap(publish, "publish", "report")

    def of_store(stack: list[str]) -> str:
        return "MLflow, for cells" if "cells, the rest" in stack else "MLflow, for the suite"

    for name, member in list(vars(Store).items()):
        if callable(member) and (name == "__init__" or not name.startswith("_")):
            phases.wrap(Store, name, of_store)


def child(started: float, file: Path, arguments: list[str]) -> None:
    """The run, in a process that began at `started`; writes what it took to a file."""
    from harness.cli.main import app  # noqa: PLC0415 - as above

    phases = Phases(started)
    watch(phases)
    app(["run", *arguments], standalone_mode=False)
    phases.change()
    file.write_text(json.dumps(phases.seconds))


def measure(arguments: list[str]) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "phases.json"
        command = [sys.executable, __file__, "--child", str(time.time()), str(file)]
        output = ["--jobs", "1", "--device", "cpu", "--output", f"{scratch}/out"]
        subprocess.run([*command, *arguments, *output], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, list[float]] = json.loads(file.read_text())
        return found


def start_of_workers() -> list[float]:
    """Until the server that they are forked from has imported what any cell needs. The command
    meanwhile plans, so that by the clock it waits for less.
    """
    code = "import time, harness.engine.forkserver_preload; print(time.process_time())"
    started = time.time()
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [float(done.stdout), time.time() - started]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="quickstart")
    parser.add_argument("--budget-scale", default="0.01")
    parser.add_argument("--data-root")
    asked = parser.parse_args()
    print(machine())
    arguments = [asked.suite, "--budget-scale", asked.budget_scale]
    phases = measure(arguments + (["--data-root", asked.data_root] if asked.data_root else []))
    phases["start of workers"] = start_of_workers()
    report(phases)


def report(phases: dict[str, list[float]]) -> None:
    """A line a phase, and the overhead of a suite of ten minutes."""
    print(f"{'phase':28} {'processor':>10} {'clock':>10}")
    for name, (processor, clock) in phases.items():
        print(f"{name:28} {processor:8.2f} s {clock:8.2f} s")
    shares = []
    for i in range(2):
        own = {name: seconds[i] for name, seconds in phases.items() if name not in WORK}
        cells = sum(own.get(name, 0.0) for name in CELLS)
        workers = own.pop("start of workers")
        alone = sum(own.values())
        shares.append((alone / SUITE_SECONDS, (alone - cells / 2 + workers) / SUITE_SECONDS))
    (alone, two), (alone_clock, two_clock) = shares
    print(f"{'of ten minutes':28} {'asked':>10} {'processor':>10} {'clock':>10}")
    print(f"{'one cell at a time':28} {'≤ 5.0 %':>10} {alone:10.1%} {alone_clock:10.1%}")
    print(f"{'two cells at a time':28} {'≤ 5.0 %':>10} {two:10.1%} {two_clock:10.1%}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
    else:
        main()
