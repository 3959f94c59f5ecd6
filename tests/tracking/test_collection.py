"""Reading a whole store back, with a real one on disk."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.tracking import CellUse, Store, default_uri
from harness.tracking.cell_uses import uses
from harness.tracking.collection import collect, find_run, suite_runs

ROW = Measurement("fid", "ok", Protocol("fid", dataset="digits"), "k1", 5.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two suites; the second one has a cell of its own, and one that the first made."""
    folder: Path = tmp_path_factory.mktemp("store")
    made = Store(default_uri(folder), folder)
    ann, bob = (made.open_suite(n, n, {"harness.environment.device": "EPYC"}) for n in "ab")
    for parent, key, seed in ((ann, "t1", 0), (bob, "t2", 1)):
        params = {"dataset": "digits", "model": "gan/mlp", "seed": seed, "budget.images": 100}
        cell = made.open_cell(parent, f"cell {key}", key, params)
        made.add_use(cell, CellUse(parent, "gan/mlp", {}))
        made.set_status(cell.run_id, "trained", parameters=7)
        made.record(cell.run_id, [ROW])
        made.log_datasets(
            cell.run_id, [("training", "digits", "d1"), ("evaluation", "digits", "d2")]
        )
        if key == "t1":
            made.add_use(cell, CellUse(bob, "gan/mine", {"steps": 2}))
    scored = made.open_score("s", "folder x", {"samples.digest": "5a"})
    made.record(scored, [ROW])
    made.open_selftest("q", "selftest", {})
    return made


def keys(runs) -> set[str]:
    return {run.training_key or run.kind for run in runs}


def test_all_cells_and_scored_sets_come_back(store: Store):
    found = {run.training_key: run for run in collect(store)}
    assert found.keys() == {"t1", "t2", ""}
    cell = found["t1"]
    assert (cell.model, cell.dataset, cell.seed, cell.images) == ("gan/mlp", "digits", 0, 100)
    assert (cell.status, cell.facts["parameters"]) == ("trained", "7")
    assert cell.data == {"training": "d1", "evaluation": "d2"}
    assert cell.numbers == (ROW,)
    assert {use.model for use in cell.uses} == {"gan/mlp", "gan/mine"}
    assert datetime.now(UTC) - cell.started < timedelta(minutes=10)
    assert (found[""].kind, found[""].model, found[""].images) == ("score", "folder x", None)


def test_a_suite_has_what_it_made_and_what_it_found(store: Store):
    assert keys(collect(store, ["a"])) == {"t1"}
    assert keys(collect(store, ["b"])) == {"t1", "t2"}
    assert keys(collect(store, ["nobody's"])) == set()
    assert {run.suite: run.environment for run in suite_runs(store).values()} == {
        "a": {"device": "EPYC"}, "b": {"device": "EPYC"},
    }  # fmt: skip


def test_only_what_is_new_or_of_a_dataset(store: Store):
    assert keys(collect(store, since=datetime.now(UTC) + timedelta(days=1))) == set()
    assert keys(collect(store, since=datetime.now(UTC) - timedelta(days=1))) == {
        "t1",
        "t2",
        "score",
    }
    assert keys(collect(store, dataset="digits")) == {"t1", "t2"}
    assert keys(collect(store, dataset="mnist")) == set()


def test_a_run_is_found_by_how_its_id_begins(store: Store):
    run = next(iter(collect(store, ["a"])))
    assert find_run(store, run.run_id[:12].upper()).training_key == "t1"


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("zzzz", "no run whose id begins with 'zzzz'"),
        ("x' OR", "is no run's id"),
        ("", "is no run's id"),
    ],
)
def test_what_is_no_run_is_named(store: Store, prefix: str, said: str):
    with pytest.raises(BadInput, match=said):
        find_run(store, prefix)


def test_a_run_of_another_kind_is_named_as_such(store: Store):
    suite = next(iter(suite_runs(store)))
    with pytest.raises(BadInput, match="is that of a whole suite; name runs of cells"):
        find_run(store, suite)


def test_several_runs_are_listed(store: Store, monkeypatch: pytest.MonkeyPatch):
    runs = list(store.search(list(store.experiments().values()), ""))
    monkeypatch.setattr(store, "search", lambda places, query: iter(runs[:2]))
    with pytest.raises(BadInput, match=r"is the beginning of 2 runs: .*\(.*\), "):
        find_run(store, "ab")


def test_runs_of_before_uses_were_recorded_have_one():
    tags = {"harness.model": "gan/mlp", "mlflow.parentRunId": "p"}
    assert uses(tags) == (CellUse("p", "gan/mlp", None),)
    assert uses({}) == ()
