from types import SimpleNamespace

import pandas as pd

from harness.cli import results_table
from harness.core.measurement import COLUMNS
from harness.core.terminal import Console
from harness.leaderboards.leaderboard import boards
from harness.metrics import load_metric

METRICS = {name: load_metric(name) for name in ("fid", "recall", "mse")}


def row(model: str, seed: int, metric: str, value: float, status: str = "ok") -> tuple:
    reason = "" if status == "ok" else "reconstructs nothing"
    return ("digits", model, seed, metric, status, value, float("nan"), "", reason,
            metric, metric, "k", "k", "r")  # fmt: skip


def printed(rows: list[tuple], width: int = 80) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    found = boards(pd.DataFrame(rows, columns=COLUMNS), METRICS)
    results_table.show_results(console, SimpleNamespace(boards=found, metrics=METRICS))  # type: ignore[arg-type]
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_metrics_are_rows_models_are_columns_and_the_first_tier_is_marked():
    rows = [row("a", seed, "fid", 1.0 + seed / 100) for seed in range(3)]
    rows += [row("b", seed, "fid", 9.0 + seed / 100) for seed in range(3)]
    rows += [row("a", 0, "mse", 0.5), row("b", 0, "mse", 0, "not applicable")]
    rows += [row("b", seed, "recall", 0, "not applicable") for seed in range(3)]
    lines = printed(rows)
    assert lines[1] == "digits: means over training seeds"
    assert lines[2].split() == ["a", "b"]
    assert [line.split() for line in lines[3:5]] == [
        ["fid", "↓", "1.010", "*", "9.010"], ["mse", "↓", "0.50000", "n/a"],
    ]  # fmt: skip
    assert lines[5] == "* first tier: not told apart from the best"
    assert not any("recall" in line for line in lines), "it applies to none"


def test_many_models_with_long_names_and_failures_fit_into_80_columns():
    names = [f"diffusion/a-very-long-name-{i}" for i in range(9)]
    rows = [row(name, 0, "fid", 1e5 + i, "ok") for i, name in enumerate(names)]
    rows += [row(names[0], 1, "fid", 0, "diverged"), row(names[0], 2, "fid", 0, "failed")]
    lines = printed(rows)
    assert max(map(len, lines)) <= 80
    assert any("diverged, 1 failed" in line for line in lines)
    assert sum(line.startswith("fid ↓") for line in lines) == 3, "three parts, one below the other"
