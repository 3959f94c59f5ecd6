"""What rooms a machine has; GPUs are in test_packing.py."""

from dataclasses import replace

import pytest

from harness.engine import rooms as module
from harness.engine.packing import Room
from harness.engine.rooms import rooms_here
from harness.training.numerics import Numerics

CPU = Numerics("cpu", "a CPU", 1, False, "2.14")


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "cores", lambda: 4)


@pytest.mark.parametrize(
    ("cells", "room"),
    [
        (1, Room("cpu", 1)), (3, Room("cpu", 3)), (4, Room("cpu", 4)), (8, Room("cpu", 4)),
        (5, Room("cpu", 4, spare=1)), (7, Room("cpu", 4, spare=3)),
    ],
)  # fmt: skip
def test_a_worker_a_core_and_more_for_the_last_round(cells: int, room: Room):
    assert rooms_here(CPU, "auto", [0.0] * cells, None) == [room]


def test_no_more_at_a_time_than_were_asked_for():
    assert rooms_here(CPU, "auto", [0.0] * 5, 2) == [Room("cpu", 2)]


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
    assert rooms_here(numerics, "auto", [0.0] * 5, None) == [Room("cpu", workers)]
