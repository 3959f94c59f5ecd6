"""How costs grow with cells: does each step run, and on what it says?"""

from pathlib import Path

import pytest
import scale

STEPS = ["plan", "look-up", "table", "report", "read", "ranks", "forms", "metrics"]


def test_each_step_runs_on_a_hundred_cells(tmp_path: Path) -> None:
    took = scale.child(tmp_path, 100, "")
    assert list(took) == STEPS
    assert all(seconds > 0 for seconds, _ in took.values())


def test_the_plot_names_each_step(tmp_path: Path) -> None:
    found = {
        100: {"plan": (0.5, 40.0), "report": (4.0, 5.0)},
        1000: {"plan": (0.6, 41.0), "report": (6.0, 9.0)},
    }
    scale.plot(found, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert all(f"<!-- {name} -->" in text for name in ("plan", "report", "in proportion"))


def test_growth_is_from_the_fewest_to_the_most(capsys: pytest.CaptureFixture[str]) -> None:
    scale.print_table({1000: {"plan": (0.6, 80.0)}, 100: {"plan": (0.2, 40.0)}})
    assert capsys.readouterr().out.split()[-3:] == ["10×", "3.0×", "2.0×"]
