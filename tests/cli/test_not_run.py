"""Verbs that read what a suite gave, before it has given anything."""

from pathlib import Path

import pytest
from running import Inside

from harness.config.suite import load_suite
from harness.plan import make_plan
from harness.tracking import Store, default_uri

SUITE = """\
title: A suite
seeds: [0]
budget: {images: 64}
datasets: [digits]
models: [vae/vae]
metrics: [mse]
claims:
  - {id: c, statement: S., metric: mse, model: vae/vae, below: 1}
"""
READING = ["report s.yaml", "claims s.yaml", "vote s.yaml", "baseline save s.yaml -o b.json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(SUITE)
    return tmp_path


@pytest.mark.parametrize("verb", READING)
def test_before_any_run_there_is_one_line_and_nothing_is_made(folder: Path, verb: str):
    ended = Inside(folder)(*verb.split())
    assert ended.returncode == 2
    assert ended.stderr == "harness: s.yaml: not run yet; `harness run` runs it\n"
    assert ended.stdout == ""
    assert [path.name for path in folder.iterdir()] == ["s.yaml"]


@pytest.mark.parametrize("verb", READING)
def test_what_was_run_under_another_budget_is_named(folder: Path, verb: str):
    store = Store(default_uri(folder / "runs"), folder / "runs")
    facts = {"harness.kind": "suite", "harness.budget": "2000"}
    store.open_suite("s", "other", facts | {"harness.environment.device": "EPYC"})
    ended = Inside(folder)(*verb.split())
    assert ended.returncode == 2
    assert ended.stderr == (
        "harness: s.yaml: not run yet so (there are runs of it with 2,000 training images on "
        "EPYC); `harness run` runs it\n"
    )
    assert not (folder / "runs/s").exists()


@pytest.mark.parametrize("verb", READING)
def test_a_run_that_was_killed_in_its_first_cell_has_given_nothing(folder: Path, verb: str):
    (cell, *_) = make_plan(load_suite(str(folder / "s.yaml")), "auto", None).cells
    store = Store(default_uri(folder / "runs"), folder / "runs")
    parent = store.open_suite("s", "key", {})
    axes = {"dataset": cell.dataset, "model": cell.model, "seed": cell.seed}
    store.open_cell(parent, cell.name, cell.training_key, axes)
    ended = Inside(folder)(*verb.split())
    assert ended.returncode == 2
    assert ended.stderr.startswith("harness: s.yaml: nothing has finished yet; ")
