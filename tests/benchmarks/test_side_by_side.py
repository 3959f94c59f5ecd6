"""What the benchmarks share."""

from types import SimpleNamespace

import overhead
import pytest
import torch
from side_by_side import Goal, Result, assert_same_loss, in_turns, machine


def test_ways_take_turns_at_going_first() -> None:
    order: list[str] = []
    ways = [lambda seed, way=way: order.append(way) or f"{way}{seed}" for way in "ab"]
    assert in_turns(ways, 3) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    assert "".join(order) == "abbaab"


def test_a_ratio_is_how_much_faster_or_how_much_longer() -> None:
    faster = Result("", 2.0, 5.0, Goal(2.0))
    assert (faster.reached, faster.goal.met(faster.reached)) == (2.5, "yes")
    longer = Result("", 1.1, 1.0, Goal(1.05, at_most=True))
    assert (longer.reached, longer.goal.met(longer.reached)) == (1.1, "no")


def test_the_output_names_versions_and_kernels() -> None:
    first, second = machine().splitlines()
    assert f"torch {torch.__version__.partition('+')[0]}" in first
    assert {"numpy", "scipy", "mlflow"} <= {part.split()[0] for part in first.split(", ")}
    assert torch.backends.cpu.get_cpu_capability() in second
    assert "threads)" in second  # of threadpoolctl


def test_losses_are_compared_within_the_noise_of_seeds() -> None:
    assert assert_same_loss("vae", [1.0, 1.2, 1.1], [1.05, 1.15, 1.0]).startswith(
        "losses 1.1 ± 0.1"
    )
    with pytest.raises(AssertionError, match="vae: ours and theirs train to other losses"):
        assert_same_loss("vae", [1.0, 1.01, 1.02], [1.5, 1.51, 1.52])


def test_a_phase_counts_without_those_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=5.0)
    fake = SimpleNamespace(process_time=lambda: clock.now, time=lambda: 10 * clock.now)
    monkeypatch.setattr(overhead, "time", fake)

    def pass_seconds(seconds: float) -> None:
        clock.now += seconds

    def outer() -> None:
        pass_seconds(1)
        work.inner()
        pass_seconds(2)

    work = SimpleNamespace(outer=outer, inner=lambda: pass_seconds(4))
    phases = overhead.Phases(started=0.0)
    phases.wrap(work, "outer", "report")
    phases.wrap(work, "inner", lambda around: f"in {around[-1]}")
    work.outer()
    pass_seconds(8)
    phases.change()
    assert phases.seconds["start"] == [13.0, 130.0]
    assert phases.seconds["report"] == [3.0, 30.0]
    assert phases.seconds["in report"] == [4.0, 40.0]


def test_the_share_of_ten_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    overhead.report(
        {
            "start": [6.0, 6.0],
            "training": [99.0, 99.0],
            "MLflow, for cells": [12.0, 24.0],
            "start of workers": [3.0, 3.0],
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].split()[-2:] == ["3.0%", "5.0%"]
    assert lines[-1].split()[-2:] == ["2.5%", "3.5%"]
