"""`harness leaderboard` on a real store that two suites, two people and two machines wrote to."""

import json
import shutil
from pathlib import Path

import pytest
from running import Inside


def test_all_of_a_store_in_the_terminal(stored: Path):
    said = Inside(stored)("leaderboard", "--against", "gan/mlp")
    assert said.returncode == 0, said.stderr
    out = said.stdout
    assert "3 entries on 1 dataset, from 2 suites and 11 runs" in out
    assert "fid[n=100]; geometric mean over training seeds" in out
    assert "human_preference[voters=2, votes=40, tally=1a]; mean over training seeds" in out
    assert "Not comparable with the board above: counts (n=100 against n=50)." in out
    lines = [line.split("│") for line in out.splitlines() if "vae/mlp" in line]
    parts = [part.strip() for part in lines[0][1:-1]]
    rank, ranks, model, images, number, interval, seeds, versus = parts
    assert (rank, ranks, model, images, seeds) == ("1", "1", "vae/mlp", "100", "3")
    assert number.endswith(", 1 diverged")
    assert interval.startswith("[")
    assert versus.startswith("better ×0.3")
    assert "diverged: vae/mlp on digits, seed 3 (run " in out
    assert "loss became NaN [at] 5" in out


def test_every_form_is_written_at_once(stored: Path):
    forms = {
        "html": "b.html",
        "markdown": "b.md",
        "csv": "b.csv",
        "latex": "b.tex",
        "json": "b.json",
    }
    asked = [word for form, file in forms.items() for word in (f"--{form}", file)]
    said = Inside(stored)("leaderboard", *asked)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [f"Written: {file}" for file in forms.values()]
    assert (stored / "b.html").read_text().startswith("<!doctype html>")
    assert "\\toprule" in (stored / "b.tex").read_text()
    found = json.loads((stored / "b.json").read_text())
    assert found["store"] == "sqlite:///runs/mlflow.db"
    (first,) = [e for e in found["entries"] if e["entry"] == "gan/mlp"]
    assert first["seeds"] == {"digits": [0, 1, 2, 3, 4, 5]}
    assert first["suites"] == ["anns", "bobs"]
    assert first["machines"] == ["EPYC, torch 2.9", "Xeon, torch 2.9"]


def test_only_what_is_asked_for(stored: Path):
    said = Inside(stored)("leaderboard", "--suites", "anns", "--metrics", "fid", "--json", "a.json")
    assert said.returncode == 0, said.stderr
    found = json.loads((stored / "a.json").read_text())
    assert [e["seeds"] for e in found["entries"]] == [{"digits": [0, 1, 2]}]
    assert [b["metric"] for b in found["boards"]] == ["fid"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metrics", "fdi"], "metric 'fdi' is not among what was measured"),
        (["--models", "gan/mpl"], "did you mean 'gan/mlp'?"),
        (["--suites", "ann"], "did you mean 'anns'?"),
        (["--datasets", "mnist"], "known: digits"),
        (["--against", "vae"], "'vae' is not on the leaderboard"),
        (["--quoted", "absent.yaml"], "absent.yaml"),
        (["--quoted", "bad.yaml"], "bad.yaml:5: "),
        (["--html", "nowhere/b.html"], "nowhere/b.html: cannot be written"),
        (["--csv", "."], ".: a folder; name a file"),
        (["--since", "2999-01-01"], "nothing has been measured"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(stored: Path, options: list[str], said: str):
    (stored / "bad.yaml").write_text(
        "quoted:\n- model: a\n  dataset: digits\n  metric: fid\n  value: much\n  source: b\n"
    )
    ended = Inside(stored)("leaderboard", *options)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


@pytest.mark.parametrize("verb", ["leaderboard", "compare a b", "vote tally votes.json"])
def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, verb: str):
    ended = Inside(tmp_path)(*verb.split())
    assert ended.returncode == 2
    assert "no tracking store sqlite:///runs/mlflow.db; run a suite first" in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_the_store_of_an_earlier_version_is_found_and_named(stored: Path, tmp_path: Path):
    shutil.copytree(stored / "runs", tmp_path / "reports")
    ended = Inside(tmp_path)("leaderboard", "--csv", "board.csv")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == (
        "Results are in reports/, where an earlier version kept them; --output runs begins a "
        "folder that git ignores.\n"
    )
    assert "vae/mlp" in (tmp_path / "board.csv").read_text()
    assert "there is no tracking store sqlite:///runs/mlflow.db" in (
        Inside(tmp_path)("leaderboard", "--output", "runs").stderr
    )


def test_an_empty_store_says_what_to_do(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/mlflow.db").touch()
    ended = Inside(tmp_path)("leaderboard")
    assert ended.returncode == 2
    assert "nothing has been measured in sqlite:///runs/mlflow.db; run a suite" in ended.stderr
