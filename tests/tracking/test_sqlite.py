"""SQLite's plan for a query depends on what it knows of the table."""

import sqlite3
from contextlib import closing
from pathlib import Path

from harness.tracking import Store, default_uri
from harness.tracking.sqlite import count_rows

CELL = {"dataset": "digits", "model": "gan/mlp", "seed": 0}
CURVE = "SELECT * FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY timestamp, step, value"


def plan_of(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return str(database.execute(f"EXPLAIN QUERY PLAN {CURVE}", ("a", "b")).fetchall())


def test_the_curve_of_a_run_is_looked_up_by_the_run(tmp_path: Path):
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("s", "s", {})
    for number in range(20):
        cell = store.open_cell(parent, f"c{number}", f"key-{number}", CELL)
        store.log_curves(cell.run_id, [(step, "train/loss", 0.5) for step in range(50)])
    assert "run_uuid=?" not in plan_of(tmp_path), "or else there is nothing to mend"
    count_rows(tmp_path / "mlflow.db")
    assert "run_uuid=?" in plan_of(tmp_path)


def test_a_file_that_is_written_to_or_not_there_is_left_alone(tmp_path: Path):
    uri = default_uri(tmp_path)
    Store(uri, tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        count_rows(tmp_path / "mlflow.db")
    count_rows(tmp_path / "absent/mlflow.db")
    assert not (tmp_path / "absent").exists()
