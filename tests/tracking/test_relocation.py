"""A store whose folder is moved, copied or mounted elsewhere keeps its artifacts."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.tracking import Store, default_uri


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, str]:
    """A store with one run that has an artifact: its folder, and the run's id."""
    folder = tmp_path / "old"
    store = Store(default_uri(folder), folder)
    run_id = store.open_suite("s", "key", {})
    store.put(run_id, "weights/model.bin", b"weights")
    return folder, run_id


def opened(folder: Path) -> Store:
    return Store(default_uri(folder), folder)


def seen_by_mlflow(store: Store, run_id: str, path: str) -> bytes:
    """An artifact as MLflow's own page would look for it."""
    uri = store.client.get_run(run_id).info.artifact_uri
    return (Path(unquote(urlsplit(uri).path)) / path).read_bytes()


@pytest.mark.parametrize("name", ["new", "new place/a b%20c"])
def test_a_moved_folder_has_its_artifacts(name: str, tmp_path: Path, old: tuple[Path, str]):
    before, run_id = old
    folder = tmp_path / name
    folder.parent.mkdir(exist_ok=True)
    before.rename(folder)
    store = opened(folder)
    assert store.get(run_id, "weights/model.bin") == b"weights"
    assert seen_by_mlflow(store, run_id, "weights/model.bin") == b"weights"
    other = store.open_suite("s", "another budget", {})
    store.put(other, "a.txt", "new")
    assert seen_by_mlflow(store, other, "a.txt") == b"new"
    assert not before.exists(), "and nothing is written where it was"


def test_a_copy_is_a_store_of_its_own(tmp_path: Path, old: tuple[Path, str]):
    before, run_id = old
    folder = tmp_path / "copy"
    shutil.copytree(before, folder)
    copy = opened(folder)
    copy.put(run_id, "weights/model.bin", b"changed")
    assert copy.get(run_id, "weights/model.bin") == b"changed"
    assert opened(before).get(run_id, "weights/model.bin") == b"weights"


def test_one_folder_under_two_names_at_once(tmp_path: Path, old: tuple[Path, str]):
    """As a container sees what its host does: each writes its own paths into the database."""
    before, run_id = old
    first = opened(before)
    first.put(run_id, "1.txt", "1")
    with closing(sqlite3.connect(before / "mlflow.db")) as database:  # as the other would
        database.execute(
            "UPDATE runs SET artifact_uri = 'file:///elsewhere/mlartifacts/' || run_uuid || "
            "'/artifacts'"
        )
        database.commit()
    second = Store(default_uri(before), before)
    second.put(run_id, "2.txt", "2")
    first.put(run_id, "3.txt", "3")
    assert [opened(before).get(run_id, f"{n}.txt") for n in (1, 2, 3)] == [b"1", b"2", b"3"]
    assert not Path("/elsewhere").exists()


def test_a_database_that_was_copied_without_its_artifacts_finds_them(
    tmp_path: Path, old: tuple[Path, str]
):
    before, run_id = old
    (tmp_path / "new").mkdir()
    shutil.copy(before / "mlflow.db", tmp_path / "new/mlflow.db")
    assert opened(tmp_path / "new").get(run_id, "weights/model.bin") == b"weights"


def test_kept_writes_move_with_the_folder(
    tmp_path: Path, old: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
):
    before, run_id = old
    store = opened(before)

    def away(*_: object, **__: object) -> None:
        raise OSError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store.client, "log_batch", away)
        store.tag(run_id, {"kept": "yes"})
    before.rename(tmp_path / "new")
    moved = opened(tmp_path / "new")
    moved.connect()
    assert moved.client.get_run(run_id).data.tags["kept"] == "yes"
