"""Cells share devices by memory; nothing here needs one."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.cell_scheduler import (
    ALONE,
    USABLE,
    CellScheduler,
    DeviceSlot,
    cells_that_fit,
    gpu_group_slots,
    gpu_slots,
)
from harness.plan import Cell

GB = 10**9


def cell(name: str) -> Cell:
    return Cell("digits", name, 0, "vae", {}, 1, None, None, (), name)  # type: ignore[arg-type]


def scheduler(needs: dict[str, float], *slots: DeviceSlot) -> CellScheduler:
    cells = [cell(name) for name in needs]
    return CellScheduler(cells, slots, {c.name: needs[c.model] for c in cells})


@pytest.mark.parametrize(
    ("needs", "fit"),
    [([4, 4, 4], 2), ([4, 1, 9, 4], 3), ([11], 1), ([ALONE, ALONE], 1), ([0, 0, 0], 3), ([], 1)],
)
def test_as_many_fit_as_the_smallest_do(needs: list[float], fit: int):
    assert cells_that_fit(10, needs) == fit


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 40))
def test_what_fits_fits_and_one_more_would_not(needs: list[int], memory: int):
    count = cells_that_fit(memory, needs)
    smallest = sorted(needs)
    assert count == 1 or sum(smallest[:count]) <= memory
    assert count == len(needs) or sum(smallest[: count + 1]) > memory or needs == [ALONE]


def test_workers_are_spread_over_gpus_and_never_more_than_fit_or_were_asked_for():
    free = {"cuda:0": 80 * GB, "cuda:1": 80 * GB, "cuda:2": 10 * GB}
    slots = gpu_slots(free, [8 * GB] * 100, jobs=64)
    assert [(slot.device, slot.workers) for slot in slots] == [
        ("cuda:0", 9), ("cuda:1", 9), ("cuda:2", 1),
    ]  # fmt: skip
    assert slots[0].memory == USABLE * 80 * GB
    few = gpu_slots(free, [8 * GB] * 100, jobs=5)
    assert [slot.workers for slot in few] == [2, 2, 1]
    assert sum(slot.workers for slot in gpu_slots(free, [8 * GB] * 2, jobs=64)) == 2


def test_cells_of_unknown_need_have_a_gpu_each():
    slots = gpu_slots({"cuda:0": 80 * GB, "cuda:1": 80 * GB}, [ALONE] * 4, jobs=64)
    assert [slot.workers for slot in slots] == [1, 1]


def test_processes_of_one_model_have_gpus_of_their_own_side_by_side():
    gpus = [f"cuda:{n}" for n in range(5)]
    assert gpu_group_slots(gpus, 2, jobs=9) == [DeviceSlot("cuda:0", 1), DeviceSlot("cuda:2", 1)]
    assert gpu_group_slots(gpus, 2, jobs=1) == [DeviceSlot("cuda:0", 1)]


def test_the_first_that_fits_is_taken_and_a_large_one_waits_until_it_is_alone():
    slot = DeviceSlot("cuda:0", 3, memory=10)
    packed = scheduler({"a": 6, "large": 20, "b": 3, "c": 3}, slot)
    taken = [packed.take(slot), packed.take(slot)]
    assert [c.model for c in taken if c] == ["a", "b"], "neither the large one nor c fits"
    for first in taken:
        assert first
        packed.leave(first, slot)
    large = packed.take(slot)
    assert large
    assert large.model == "large", "alone it may try"
    packed.leave(large, slot)
    assert [c.model for c in (packed.take(slot), packed.take(slot)) if c] == ["c"]


def test_two_gpus_do_not_share_memory():
    one, other = DeviceSlot("cuda:0", 1, memory=10), DeviceSlot("cuda:1", 1, memory=10)
    packed = scheduler({"a": 9, "b": 9}, one, other)
    assert packed.take(one)
    assert packed.take(other)
    assert packed.workers == 2


def test_one_that_is_put_back_waits_behind_the_others():
    slot = DeviceSlot("cpu", 1)
    packed = scheduler({"a": 0, "b": 0}, slot)
    first = packed.take(slot)
    assert first
    packed.put_back(first, slot)
    order = [packed.take(slot), packed.take(slot), packed.take(slot)]
    assert [c and c.model for c in order] == ["b", "a", None]


def test_a_worker_waits_for_room_and_goes_when_it_is_told_to():
    slot = DeviceSlot("cuda:0", 2, memory=10)
    packed = scheduler({"a": 8, "b": 8, "c": 8}, slot)
    first, found = packed.take(slot), list[Cell | None]()
    waiting = threading.Thread(target=lambda: found.append(packed.take(slot)))
    waiting.start()
    assert first
    packed.leave(first, slot)
    waiting.join(10)
    assert [c and c.model for c in found] == ["b"]
    more = threading.Thread(target=lambda: found.append(packed.take(slot)))
    more.start()
    packed.close()
    more.join(10)
    assert found[-1] is None


def test_one_who_is_spare_waits_until_no_more_wait_than_there_are_of_them():
    slot = DeviceSlot("cpu", 2, spare=1)
    packed = scheduler(dict.fromkeys("abcd", 0.0), slot)
    begun = threading.Event()

    def join() -> None:
        packed.wait_for_the_last(slot.spare)
        begun.set()

    spare = threading.Thread(target=join)
    spare.start()
    for _ in range(2):
        assert packed.take(slot)
        assert not begun.wait(0.05)
    assert packed.take(slot), "one is left"
    assert begun.wait(10)
    spare.join()


def test_one_who_is_spare_is_told_when_nothing_more_is_to_be_begun():
    packed = scheduler(dict.fromkeys("abcd", 0.0), DeviceSlot("cpu", 2, spare=1))
    spare = threading.Thread(target=packed.wait_for_the_last, args=(1,))
    spare.start()
    packed.close()
    spare.join(10)
    assert not spare.is_alive()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(1, 3))
def test_every_cell_is_taken_once_and_memory_is_never_given_twice(needs: list[int], workers: int):
    """Workers take, and the oldest leaves whenever none can take."""
    slot = DeviceSlot("cuda:0", workers, memory=25)
    packed = scheduler({f"m{n}": need for n, need in enumerate(needs)}, slot)
    running: list[Cell] = []
    order: list[str] = []
    while packed.waiting or running:
        fits = len(running) < workers and packed.next_for(slot)
        if fits:
            taken = packed.take(slot)
            assert taken
            running.append(taken)
            order.append(taken.name)
            inside = [packed.needs[c.name] for c in running]
            assert len(inside) == 1 or sum(inside) <= 25
        else:
            packed.leave(running.pop(0), slot)
    assert sorted(order) == sorted(packed.needs)
