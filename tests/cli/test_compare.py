"""`harness compare` on a real store."""

import json
from pathlib import Path

import pytest
from running import Inside


@pytest.fixture(scope="module")
def runs(stored: Path) -> dict[str, list[str]]:
    """The ids of runs by entry."""
    assert Inside(stored)("leaderboard", "--json", "all.json").returncode == 0
    found = json.loads((stored / "all.json").read_text())
    return {entry["entry"]: entry["runs"] for entry in found["entries"]}


def test_differences_come_before_numbers(stored: Path):
    said = Inside(stored)("compare", "gan/mlp@digits", "vae/mlp@digits#0")
    assert said.returncode == 0, said.stderr
    out = said.stdout
    order = ["A  gan/mlp on digits, seed 0", "Recipe: what differs", "│ width", "Data",
             "The images are the same.", "Environment: what differs", "│ name",
             "What both have was measured alike.", "Numbers"]  # fmt: skip
    assert [text for text in order if text not in out] == [], out
    places = [out.index(text) for text in order]
    assert places == sorted(places)
    (line,) = [row.split("│") for row in out.splitlines() if "Fréchet distance ↓" in row]
    _, a, b, over, effect = (part.strip() for part in line[1:-1])
    assert (a, b, over) == ("9.00 ± 0.20", "3.00", "images")
    assert effect.startswith("▲ ×0.3")
    assert effect.endswith("], 3 pairs")
    assert "fid[n=100]" in out


def test_runs_by_the_beginning_of_their_ids_and_seeds_of_one_entry(stored: Path, runs):
    first, second = (run[:10] for run in runs["gan/mlp"][:2])
    said = Inside(stored)("compare", first, second)
    assert said.returncode == 0, said.stderr
    assert "The recipes are the same." in said.stdout
    assert "seeds of one entry" in said.stdout


def test_a_diverged_run_says_so_and_another_protocol_is_named(stored: Path):
    said = Inside(stored)("compare", "vae/mlp@digits#3", "new@digits", "gan/mlp@digits")
    assert said.returncode == 0, said.stderr
    assert "A diverged: loss became NaN [at] 5" in said.stdout
    (line,) = [row for row in said.stdout.splitlines() if "fid: samples" in row]
    assert [part.strip() for part in line.split("│")[2:-1]] == ["–", "50", "100"]
    assert "measured on one side only" in said.stdout


def test_the_page_has_pictures_and_escapes_what_it_prints(stored: Path):
    said = Inside(stored)("compare", "gan/mlp@digits", "vae/mlp@digits#3", "--html", "c.html")
    assert (said.returncode, said.stdout) == (0, "Written: c.html\n"), said.stderr
    page = (stored / "c.html").read_text()
    assert 'src="data:image/png;base64,' in page
    assert "B: vae/mlp on digits, seed 3" in page
    assert "B diverged: loss became NaN [at] 5" in page
    assert page.index("What differs") < page.index("<h2>Numbers")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["zzzz", "yyyy"], "no run whose id begins with 'zzzz'"),
        (["gan/mlp@digits"], "name two runs or more"),
        (["gan/mlp@digits", "gan/mlp@digits#0"], "each once"),
        (["gan/mpl@digits", "vae/mlp@digits"], "did you mean 'gan/mlp'?"),
        (["gan/mlp@digits#9", "vae/mlp@digits"], "no seed 9; gan/mlp on digits has 0, 1, 2, 3"),
        (["gan/mlp@digits#x", "vae/mlp@digits"], "write a seed as a number"),
        (["gan/mlp@mnist", "vae/mlp@digits"], "no 'gan/mlp' on mnist"),
        (["gan/mlp@", "vae/mlp@digits"], "is not a name"),
        (["no id!", "vae/mlp@digits"], "'no id!' is no run's id"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(stored: Path, names: list[str], said: str):
    ended = Inside(stored)("compare", *names)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
