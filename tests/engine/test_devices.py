"""What slots a machine has; GPUs are in test_packing.py."""

from dataclasses import replace

import pytest

from harness.engine import devices as module
from harness.engine.cell_scheduler import DeviceSlot
from harness.engine.devices import local_devices
from harness.training.numerics import Numerics

CPU = Numerics("cpu", "a CPU", 1, False, "2.14")


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "cores", lambda: 4)


@pytest.mark.parametrize(
    ("cells", "slot"),
    [
        (1, DeviceSlot("cpu", 1)), (3, DeviceSlot("cpu", 3)),
        (4, DeviceSlot("cpu", 4)), (8, DeviceSlot("cpu", 4)),
        (5, DeviceSlot("cpu", 4, spare=1)), (7, DeviceSlot("cpu", 4, spare=3)),
    ],
)  # fmt: skip
def test_a_worker_a_core_and_more_for_the_last_round(cells: int, slot: DeviceSlot):
    assert local_devices(CPU, "auto", [0.0] * cells, None) == [slot]


def test_no_more_at_a_time_than_were_asked_for():
    assert local_devices(CPU, "auto", [0.0] * 5, 2) == [DeviceSlot("cpu", 2)]


@pytest.mark.parametrize(
    ("numerics", "workers"),
    [
        (replace(CPU, threads=2), 2),
        (replace(CPU, processes=2), 2),
        (replace(CPU, accelerate="compile"), 4),
    ],
)
def test_only_cells_of_one_thread_take_turns(numerics: Numerics, workers: int):
    """The times of others would be those of all that run."""
    assert local_devices(numerics, "auto", [0.0] * 5, None) == [DeviceSlot("cpu", workers)]
