"""Runs that leave the boards and come back, and results that wait to be logged."""

import json
from pathlib import Path

import pytest
from running import Inside
from stored_runs import cell, fid, put, value

from harness.cli import suite_options
from harness.tracking import Store, default_uri
from harness.tracking.journal import Write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(default_uri(tmp_path / "runs"), tmp_path / "runs")
    for seed in range(3):
        put(store, "anns", cell(seed=seed, numbers=(value(9.0 + seed / 10, fid()),)))
        put(store, "anns", cell("vae/mlp", seed, (value(3.0 + seed / 10, fid()),)))
    put(store, "bobs", cell("trial", 0, (value(1.0, fid()),)))
    return tmp_path


def board(folder: Path) -> dict[str, list[int]]:
    ended = Inside(folder)("leaderboard", "--json", "b.json")
    assert ended.returncode == 0, ended.stderr
    entries = json.loads((folder / "b.json").read_text())["entries"]
    return {entry["entry"]: entry["seeds"]["digits"] for entry in entries}


def test_runs_leave_the_board_and_come_back(folder: Path):
    everything = board(folder)
    assert set(everything) == {"gan/mlp", "vae/mlp", "trial"}
    ended = Inside(folder)("forget", "trial@digits", "gan/mlp@digits#2", "--why", "a bug")
    assert ended.returncode == 0, ended.stderr
    assert "2 runs forgotten" in ended.stdout
    assert board(folder) == {"gan/mlp": [0, 1], "vae/mlp": [0, 1, 2]}
    shown = Inside(folder)("leaderboard")
    assert "2 runs that `harness forget` lists: left out." in shown.stdout
    listed = Inside(folder)("forget").stdout.splitlines()
    assert sorted(line.split("  ")[1].split(",")[0] for line in listed) == [
        "gan/mlp on digits", "trial on digits",
    ]  # fmt: skip
    assert all(line.endswith(": a bug") for line in listed)
    ended = Inside(folder)("forget", "trial@digits", "gan/mlp@digits", "--undo")
    assert ended.returncode == 0, ended.stderr
    assert board(folder) == everything
    assert Inside(folder)("forget").stdout == "No run is forgotten.\n"


def test_all_that_a_suite_made_is_forgotten_by_its_run(folder: Path):
    store = Store(default_uri(folder / "runs"), folder / "runs")
    parent = store.find_suite("anns", "anns")
    assert parent
    ended = Inside(folder)("forget", parent[:10])
    assert "6 runs forgotten" in ended.stdout, ended.stderr
    assert board(folder) == {"trial": [0]}


def test_a_comparison_rests_on_no_forgotten_seed(folder: Path):
    before = Inside(folder)("compare", "gan/mlp@digits", "vae/mlp@digits")
    assert "3 pairs" in before.stdout
    assert Inside(folder)("forget", "gan/mlp@digits#2").returncode == 0
    after = Inside(folder)("compare", "gan/mlp@digits", "vae/mlp@digits")
    assert "2 and 3 seeds" in after.stdout


@pytest.mark.parametrize("name", ["nobody@digits", "gan/mlp@digits#7", "abcdef0123", "a b"])
def test_a_name_of_nothing_is_bad_input(folder: Path, name: str):
    ended = Inside(folder)("forget", name)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert len(board(folder)) == 3


def test_results_that_wait_are_listed_and_dropped(tmp_path: Path):
    assert Inside(tmp_path)("unlogged", "list").stdout == (
        "Nothing waits, and nothing was refused.\n"
    )
    assert not (tmp_path / "runs").exists(), "to look makes no store"
    journal = suite_options.StoreOptions(tmp_path / "runs").journal()
    journal.keep("aaaa1111", Write("tags", {"a": "1"}))
    journal.keep("aaaa1111", Write("tags", {"a": "2"}))
    journal.keep("bbbb2222", Write("tags", {"a": "3"}))
    journal.set_aside("cccc3333", Write("tags", {"a": "4"}), ValueError("no such run"))
    listed = Inside(tmp_path)("unlogged", "list").stdout.splitlines()
    assert listed[:2] == ["aaaa1111  2 results waiting", "bbbb2222  1 result waiting"]
    assert listed[2].startswith("cccc3333  1 result refused, in ")
    for wrong in (["drop"], ["drop", "aaaa", "--all"], ["drop", "zzz"]):
        assert Inside(tmp_path)("unlogged", *wrong).returncode == 2
    assert Inside(tmp_path)("unlogged", "drop", "aaaa").stdout == "2 results of 1 run dropped.\n"
    assert journal.runs() == ["bbbb2222"]
    assert Inside(tmp_path)("unlogged", "drop", "--all").returncode == 0
    assert journal.counts() == journal.refused.counts() == {}
