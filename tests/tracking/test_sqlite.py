"""A store's SQLite file: made whole or not at all, and with what MLflow leaves out."""

import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

from harness.core.errors import BadInput
from harness.tracking import Store, default_uri
from harness.tracking.sqlite import State, analyze_metrics, prepare, state

CELL = {"dataset": "digits", "model": "gan/mlp", "seed": 0}
CURVE = "SELECT * FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY timestamp, step, value"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database that has a suite's run, as bytes."""
    folder = tmp_path_factory.mktemp("used")
    Store(default_uri(folder), folder).open_suite("s", "key", {})
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    database = tmp_path_factory.mktemp("unused") / "mlflow.db"
    prepare(database)
    return database.read_bytes()


def change(database: Path, content: bytes, *statements: str) -> Path:
    database.write_bytes(content)
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return database


def plan_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return str(database.execute(f"EXPLAIN QUERY PLAN {CURVE}", ("a", "b")).fetchall())


def test_the_curve_of_a_run_is_looked_up_by_the_run(tmp_path: Path):
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("s", "s", {})
    for number in range(20):
        cell = store.open_cell(parent, f"c{number}", f"key-{number}", CELL)
        names = [f"train/{name}" for name in ("loss", "d_loss", "g_loss")]
        store.log_curves(cell.run_id, [(i, name, 0.5) for name in names for i in range(100)])
    assert "run_uuid=?" not in plan_of(tmp_path), "SQLite needs the statistics no longer"
    analyze_metrics(tmp_path / "mlflow.db")
    assert "run_uuid=?" in plan_of(tmp_path)


def test_a_file_that_is_written_to_or_not_there_is_left_alone(tmp_path: Path):
    Store(default_uri(tmp_path), tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        analyze_metrics(tmp_path / "mlflow.db")
    analyze_metrics(tmp_path / "absent/mlflow.db")
    assert not (tmp_path / "absent").exists()


def _first_tables(database: Path) -> None:
    """What MLflow makes first; one that is killed then leaves no more."""
    engine = create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    engine.dispose()


def _no_tables(database: Path) -> None:
    database.touch()


def _some_migrations(database: Path, unused: bytes) -> None:
    change(
        database, unused, "DROP TABLE webhooks", "DELETE FROM experiments",
        "UPDATE alembic_version SET version_num = '451aebb31d03'",
    )  # fmt: skip


@pytest.mark.parametrize("how", ["nothing", "first tables", "some migrations"])
def test_a_half_built_database_is_cured(how: str, tmp_path: Path, unused: bytes):
    database = tmp_path / "mlflow.db"
    match how:
        case "nothing":
            database.touch()
        case "first tables":
            _first_tables(database)
        case "some migrations":
            _some_migrations(database, unused)
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("s", "key", {})
    assert Store(default_uri(tmp_path), tmp_path).find_suite("s", "key") == parent


def test_a_database_in_use_is_never_taken_for_a_half_built_one(tmp_path: Path, used: bytes):
    database = change(
        tmp_path / "mlflow.db", used, "UPDATE alembic_version SET version_num = '451aebb31d03'"
    )
    before = database.read_bytes()
    with pytest.raises(
        BadInput, match=r"an older MLflow .*451aebb31d03.*mlflow db upgrade 'sqlite"
    ):
        Store(default_uri(tmp_path), tmp_path)
    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*half*")] == []


def test_a_newer_versions_database_says_so(tmp_path: Path, used: bytes):
    change(tmp_path / "mlflow.db", used, "UPDATE alembic_version SET version_num = 'ffff'")
    with pytest.raises(BadInput, match=r"a newer MLflow .*ffff.*pip install --upgrade mlflow"):
        Store(default_uri(tmp_path), tmp_path)


def test_what_is_no_database_of_mlflows_is_named_and_left_alone(tmp_path: Path):
    (tmp_path / "notes.db").write_text("notes " * 1000)
    with pytest.raises(BadInput, match=r"notes\.db is no SQLite database"):
        Store(f"sqlite:///{tmp_path}/notes.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.commit()
    with pytest.raises(BadInput, match="of another program"):
        Store(f"sqlite:///{tmp_path}/other.db", tmp_path)
    with pytest.raises(BadInput, match="a folder"):
        Store(f"sqlite:///{tmp_path}", tmp_path)


@pytest.mark.slow
def test_a_first_start_that_is_killed_at_any_moment_bricks_nothing(tmp_path: Path):
    began = time.monotonic()
    prepare(tmp_path / "whole" / "mlflow.db")
    took = time.monotonic() - began
    moments = random.Random(13)
    for attempt in range(50):
        database = tmp_path / str(attempt) / "mlflow.db"
        if not (child := os.fork()):
            prepare(database)
            os._exit(0)
        time.sleep(moments.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert state(database) in (State.ABSENT, State.COMPLETE), attempt
        if attempt % 10 == 0:
            store = Store(default_uri(database.parent), database.parent)
            assert store.open_suite("s", "key", {})
