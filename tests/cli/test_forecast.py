from types import SimpleNamespace

from harness.cell.site import CellEvent
from harness.cli.forecast import TimeLeft
from harness.cli.progress import format_seconds


def make(now: list[float], jobs: int = 1) -> TimeLeft:
    cells = [
        SimpleNamespace(name=f"{model}{seed}", dataset="d", model=model)
        for seed in range(2)
        for model in "ab"
    ]
    return TimeLeft(cells, jobs, clock=lambda: now[0])  # type: ignore[arg-type]


def test_nothing_is_known_at_first():
    left = make([0.0])
    assert left.suite() is None
    assert left.cell("a0") is None


def test_a_running_cell_is_extrapolated_and_stands_for_the_unknown_ones():
    now = [0.0]
    left = make(now)
    left.hear(CellEvent("a0", "training", 0, 100))
    now[0] = 10.0
    left.hear(CellEvent("a0", "training", 50, 100))  # 40 % of the cell: 15 s left, 25 s in all
    assert left.cell("a0") == 15.0
    assert left.suite() == 15.0 + 3 * 25.0


def test_finished_cells_tell_the_time_of_their_model_and_jobs_share_the_rest():
    now = [0.0]
    left = make(now, jobs=2)
    for cell, took in (("a0", 30.0), ("b0", 10.0)):
        left.hear(CellEvent(cell, "training", 0, 100))
        now[0] += took
        left.end(cell)
    assert left.cell("a1") == 30.0
    assert left.suite() == (30.0 + 10.0) / 2
    for cell in ("a1", "b1"):
        left.end(cell)
    assert left.suite() == 0.0


def test_cells_that_take_turns_are_given_the_time_that_they_wait():
    now = [0.0]
    left = make(now, jobs=1)
    left.hear(CellEvent("a0", "training", 0, 100))
    now[0] = 30.0
    left.end("a0")
    for cell in ("a1", "b0"):
        left.hear(CellEvent(cell, "training", 0, 100))
    now[0] = 50.0  # each had the core for 10 s
    left.hear(CellEvent("b0", "training", 25, 100))  # a fifth of the cell
    assert left.cell("a1") == 2 * 20.0
    assert left.cell("b0") == 2 * 40.0
    left.end("a1")
    assert left.cell("b0") == 40.0, "it has the core for itself"
    assert left.suite() == 40.0 + (20.0 + 50.0) / 2, "and b1 takes the mean of the others"


def test_times_read_as_on_a_clock():
    assert [format_seconds(s) for s in (None, 0, 75, 3600 + 62)] == ["–", "0:00", "1:15", "1:01:02"]
