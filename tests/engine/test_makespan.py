"""How long works take that follow each other, or take turns."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.cell_scheduler import makespan
from harness.engine.devices import extra_workers

WORKS = st.lists(st.floats(0, 1e3), max_size=20)


@pytest.mark.parametrize(
    ("cells", "workers", "more"),
    [(5, 2, 1), (4, 2, 0), (3, 2, 1), (2, 2, 0), (1, 2, 0), (0, 2, 0), (7, 4, 3), (9, 1, 0)],
)
def test_the_last_round_has_the_remainder_with_it(cells: int, workers: int, more: int):
    assert extra_workers(cells, workers) == more


@given(st.integers(1, 40), st.integers(1, 8), st.floats(0.1, 100))
def test_cells_that_take_as_long_leave_no_core_to_spare(cells: int, workers: int, each: float):
    ends = makespan([each] * cells, workers, extra_workers(cells, workers))
    assert ends == pytest.approx(each * max(cells / workers, 1))


@given(WORKS, st.integers(1, 8))
def test_without_turns_each_worker_takes_the_next_when_it_is_free(works: list[float], workers: int):
    ends = [0.0] * workers
    for work in works:
        heapq.heapreplace(ends, ends[0] + work)
    assert makespan(works, workers) == pytest.approx(max(ends), abs=1e-9)


@given(WORKS, st.integers(1, 8))
def test_the_end_is_between_the_even_share_and_that_and_the_longest(
    works: list[float], workers: int
):
    spare = extra_workers(len(works), workers)
    ends, longest = makespan(works, workers, spare), max(works, default=0.0)
    even = sum(works) / workers
    assert max(even, longest) <= ends * (1 + 1e-9) + 1e-9
    assert ends <= (even + longest) * (1 + 1e-9) + 1e-9
    assert makespan(works, 1) == pytest.approx(sum(works))
