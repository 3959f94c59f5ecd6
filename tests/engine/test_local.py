"""Workers of this machine: how they are stopped, and that all of them give the same numbers."""

import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from harness.cell.site import CellEvent, CellOutcome, Site
from harness.config.suite import load_suite
from harness.engine import local
from harness.engine.cell_scheduler import CellScheduler, DeviceSlot
from harness.engine.execute import open_site
from harness.engine.forkserver import context
from harness.engine.local import _Stop, run_local
from harness.engine.serial import run_serial
from harness.plan import Plan, make_plan
from harness.tracking import Store, default_uri

SUITE = """
title: Three seeds
seeds: [0, 1, 2]
budget: {images: 12800}
datasets: [digits]
models: [autoencoder/conv]
metrics: [mse]
"""


def test_a_process_that_starts_as_the_others_are_ended_is_ended_too():
    scheduler = CellScheduler([], [])
    stop = _Stop(scheduler)
    assert not stop.check()
    early, late = (context().Process(target=time.sleep, args=(600,)) for _ in range(2))
    early.start()
    assert not stop.check()
    assert early.is_alive()
    stop(BaseProcess.kill)
    late.start()
    assert stop.check()
    for process in (early, late):
        process.join()
        assert process.exitcode == -signal.SIGKILL


def site_of(folder: Path) -> tuple[Plan, Site]:
    folder.mkdir()
    (folder / "suite.yaml").write_text(SUITE)
    plan = make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None)
    return plan, open_site(plan, Store(default_uri(folder), folder), folder, 60)


def numbers(plan: Plan, site: Site) -> list[float]:
    records = plan.records(site.store())
    return [
        measurement.value
        for cell in plan.cells
        for measurement in records[cell.training_key].measurements.values()
    ]


class Watch:
    """Counts the cells that run, and the most there were at a time."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.ended: set[str] = set()
        self.most = 0

    def listen(self, event: CellEvent) -> None:
        if event.cell not in self.ended:
            self.running.add(event.cell)
            self.most = max(self.most, len(self.running))

    def end(self, outcome: CellOutcome) -> None:
        assert not outcome.failures
        self.ended.add(outcome.cell)
        self.running.discard(outcome.cell)


@pytest.mark.slow
@pytest.mark.parametrize("is_free", [True, False])
def test_three_cells_take_turns_on_two_cores_where_memory_is_free_to_the_same_numbers(
    is_free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local, "has_memory_to_spare", lambda: is_free)
    plan, site = site_of(tmp_path / "local")
    watch = Watch()
    run_local(
        CellScheduler(list(plan.cells), [DeviceSlot("cpu", 2, spare=1)]),
        site,
        watch.listen,
        watch.end,
    )
    assert watch.most == (3 if is_free else 2)
    assert len(watch.ended) == 3
    alone, there = site_of(tmp_path / "serial")
    run_serial(alone.cells, there, lambda event: None, lambda outcome: None)
    assert len(set(numbers(plan, site))) == 3
    assert numbers(plan, site) == numbers(alone, there)
