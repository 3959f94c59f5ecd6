"""Cells share devices by memory; nothing here needs one."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.packing import (
    ALONE,
    USABLE,
    Packing,
    Room,
    at_a_time,
    rooms_of_gpus,
    rooms_of_groups,
)
from harness.plan import Cell

GB = 10**9


def cell(name: str) -> Cell:
    return Cell("digits", name, 0, "vae", {}, 1, None, None, (), name)  # type: ignore[arg-type]


def packing(needs: dict[str, float], *rooms: Room) -> Packing:
    cells = [cell(name) for name in needs]
    return Packing(cells, rooms, {c.name: needs[c.model] for c in cells})


@pytest.mark.parametrize(
    ("needs", "fit"),
    [([4, 4, 4], 2), ([4, 1, 9, 4], 3), ([11], 1), ([ALONE, ALONE], 1), ([0, 0, 0], 3), ([], 1)],
)
def test_as_many_fit_as_the_smallest_do(needs: list[float], fit: int):
    assert at_a_time(10, needs) == fit


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 40))
def test_what_fits_fits_and_one_more_would_not(needs: list[int], memory: int):
    count = at_a_time(memory, needs)
    smallest = sorted(needs)
    assert count == 1 or sum(smallest[:count]) <= memory
    assert count == len(needs) or sum(smallest[: count + 1]) > memory or needs == [ALONE]


def test_workers_are_spread_over_gpus_and_never_more_than_fit_or_were_asked_for():
    free = {"cuda:0": 80 * GB, "cuda:1": 80 * GB, "cuda:2": 10 * GB}
    rooms = rooms_of_gpus(free, [8 * GB] * 100, jobs=64)
    assert [(room.device, room.workers) for room in rooms] == [
        ("cuda:0", 9), ("cuda:1", 9), ("cuda:2", 1),
    ]  # fmt: skip
    assert rooms[0].memory == USABLE * 80 * GB
    few = rooms_of_gpus(free, [8 * GB] * 100, jobs=5)
    assert [room.workers for room in few] == [2, 2, 1]
    assert sum(room.workers for room in rooms_of_gpus(free, [8 * GB] * 2, jobs=64)) == 2


def test_cells_of_unknown_need_have_a_gpu_each():
    rooms = rooms_of_gpus({"cuda:0": 80 * GB, "cuda:1": 80 * GB}, [ALONE] * 4, jobs=64)
    assert [room.workers for room in rooms] == [1, 1]


def test_processes_of_one_model_have_gpus_of_their_own_side_by_side():
    gpus = [f"cuda:{n}" for n in range(5)]
    assert rooms_of_groups(gpus, 2, jobs=9) == [Room("cuda:0", 1), Room("cuda:2", 1)]
    assert rooms_of_groups(gpus, 2, jobs=1) == [Room("cuda:0", 1)]


def test_the_first_that_fits_is_taken_and_a_large_one_waits_until_it_is_alone():
    room = Room("cuda:0", 3, memory=10)
    packed = packing({"a": 6, "large": 20, "b": 3, "c": 3}, room)
    taken = [packed.take(room), packed.take(room)]
    assert [c.model for c in taken if c] == ["a", "b"], "neither the large one nor c fits"
    for first in taken:
        assert first
        packed.leave(first, room)
    large = packed.take(room)
    assert large
    assert large.model == "large", "alone it may try"
    packed.leave(large, room)
    assert [c.model for c in (packed.take(room), packed.take(room)) if c] == ["c"]


def test_two_gpus_do_not_share_memory():
    one, other = Room("cuda:0", 1, memory=10), Room("cuda:1", 1, memory=10)
    packed = packing({"a": 9, "b": 9}, one, other)
    assert packed.take(one)
    assert packed.take(other)
    assert packed.workers == 2


def test_one_that_is_put_back_waits_behind_the_others():
    room = Room("cpu", 1)
    packed = packing({"a": 0, "b": 0}, room)
    first = packed.take(room)
    assert first
    packed.put_back(first, room)
    order = [packed.take(room), packed.take(room), packed.take(room)]
    assert [c and c.model for c in order] == ["b", "a", None]


def test_a_worker_waits_for_room_and_goes_when_it_is_told_to():
    room = Room("cuda:0", 2, memory=10)
    packed = packing({"a": 8, "b": 8, "c": 8}, room)
    first, found = packed.take(room), list[Cell | None]()
    waiting = threading.Thread(target=lambda: found.append(packed.take(room)))
    waiting.start()
    assert first
    packed.leave(first, room)
    waiting.join(10)
    assert [c and c.model for c in found] == ["b"]
    more = threading.Thread(target=lambda: found.append(packed.take(room)))
    more.start()
    packed.close()
    more.join(10)
    assert found[-1] is None


def test_one_who_is_spare_waits_until_no_more_wait_than_there_are_of_them():
    room = Room("cpu", 2, spare=1)
    packed = packing(dict.fromkeys("abcd", 0.0), room)
    begun = threading.Event()

    def join() -> None:
        packed.wait_for_the_last(room.spare)
        begun.set()

    spare = threading.Thread(target=join)
    spare.start()
    for _ in range(2):
        assert packed.take(room)
        assert not begun.wait(0.05)
    assert packed.take(room), "one is left"
    assert begun.wait(10)
    spare.join()


def test_one_who_is_spare_is_told_when_nothing_more_is_to_be_begun():
    packed = packing(dict.fromkeys("abcd", 0.0), Room("cpu", 2, spare=1))
    spare = threading.Thread(target=packed.wait_for_the_last, args=(1,))
    spare.start()
    packed.close()
    spare.join(10)
    assert not spare.is_alive()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(1, 3))
def test_every_cell_is_taken_once_and_memory_is_never_given_twice(needs: list[int], workers: int):
    """Workers take, and the oldest leaves whenever none can take."""
    room = Room("cuda:0", workers, memory=25)
    packed = packing({f"m{n}": need for n, need in enumerate(needs)}, room)
    running: list[Cell] = []
    order: list[str] = []
    while packed.waiting or running:
        fits = len(running) < workers and packed.next_for(room)
        if fits:
            taken = packed.take(room)
            assert taken
            running.append(taken)
            order.append(taken.name)
            inside = [packed.needs[c.name] for c in running]
            assert len(inside) == 1 or sum(inside) <= 25
        else:
            packed.leave(running.pop(0), room)
    assert sorted(order) == sorted(packed.needs)
