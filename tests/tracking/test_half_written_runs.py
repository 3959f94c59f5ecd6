"""A run whose process died as it wrote it down is completed when it is met again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.scratch import scratch
from harness.tracking import Store, default_uri

CELL = {"dataset": "digits", "model": "vae/vae", "seed": 0, "recipe.width": 8, "numerics.name": "x"}


class Killed(BaseException):
    """Where a process ends."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Calls something in a process that is killed as it calls `name` of `thing`."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    def call(thing: object, name: str, run: Callable[..., object], *arguments: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(thing, name, die)
            with pytest.raises(Killed):
                run(*arguments)

    return call


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(default_uri(tmp_path), tmp_path)


def params(store: Store, run_id: str) -> dict[str, str]:
    return dict(store.client.get_run(run_id).data.params)


def test_a_cell_gets_the_parameters_that_it_lacks(store: Store, killed: Callable[..., None]):
    parent = store.open_suite("s", "k", {})
    killed(store.client, "log_batch", store.open_cell, parent, "cell", "key", CELL)
    record = store.open_cell(parent, "cell", "key", CELL)
    assert params(store, record.run_id) == {name: str(value) for name, value in CELL.items()}


def test_half_of_the_parameters_are_completed_too(store: Store):
    parent = store.open_suite("s", "k", {})
    record = store.open_cell(
        parent, "cell", "key", {name: CELL[name] for name in ("dataset", "model", "seed")}
    )
    found = store.find("key")
    assert found is not None
    store.complete(found, CELL)
    assert params(store, record.run_id) == {name: str(value) for name, value in CELL.items()}


def test_a_whole_cell_keeps_its_parameters(store: Store):
    """Another suite may sample from the same run in another way."""
    parent = store.open_suite("s", "k", {})
    store.open_cell(parent, "cell", "key", CELL)
    record = store.open_cell(parent, "cell", "key", {"recipe.sampling.steps": 5, **CELL})
    assert "recipe.sampling.steps" not in params(store, record.run_id)


def test_a_suites_run_has_its_key_from_the_first_moment(store: Store, killed: Callable[..., None]):
    killed(store.client, "log_batch", store.open_suite, "s", "k", {"harness.budget": "10"})
    run_id = store.find_suite("s", "k")
    assert run_id is not None
    assert store.client.get_run(run_id).data.tags["harness.budget"] == "10"
    assert store.open_suite("s", "k", {}) == run_id


def test_a_scored_set_gets_the_parameters_that_it_lacks(store: Store, killed: Callable[..., None]):
    killed(store.client, "log_batch", store.open_score, "key", "folder x", {"samples.digest": "5a"})
    run_id = store.open_score("key", "folder x", {"samples.digest": "5a"})
    assert params(store, run_id) == {"samples.digest": "5a"}


def test_an_artifact_is_whole_or_not_there(store: Store, killed: Callable[..., None]):
    run_id = store.open_suite("s", "k", {})
    store.put(run_id, "a.txt", "old")
    killed(shutil, "copyfile", store.put, run_id, "a.txt", "new")
    assert store.get(run_id, "a.txt") == b"old"


def test_what_killed_processes_left_is_removed_and_what_living_ones_use_is_not(tmp_path: Path):
    left = tmp_path / "scratch/killed"
    left.mkdir(parents=True)
    (left / "half.bin").write_bytes(b"half")
    with scratch(tmp_path) as first:
        (first / "file").touch()
        assert not left.exists()
        with scratch(tmp_path) as second:
            assert first.exists()
            assert second != first
        assert (first / "file").exists()
    assert [path for path in (tmp_path / "scratch").iterdir() if path.is_dir()] == []
