"""What MLflow does not do for a SQLite store: create it whole or not at all, follow its artifacts
when its folder moves, and give SQLite the statistics for a fast query plan.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from enum import Enum
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from alembic.script import ScriptDirectory
from filelock import FileLock
from mlflow.store.db import utils as mlflow_db
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL

from harness.core.errors import BadInput
from harness.core.files import atomic_write
from harness.tracking.address import shown, sqlite_uri
from harness.tracking.artifacts import ARTIFACTS, local_path

ANALYSIS_LIMIT = 10_000
"""Rows of an index that `ANALYZE` reads at most. 400 were too few to prefer a run, with three
curves of 100 points, to a name."""
BUSY_SECONDS = 60
BOOKKEEPING = ("alembic_version", "experiments", "workspaces")
"""Tables that MLflow itself fills when it makes a database."""


class State(Enum):
    """What a path holds: no database, one that was never finished, or one that can be used."""

    ABSENT = 0
    HALF_BUILT = 1
    COMPLETE = 2


def prepare(database: Path) -> None:
    """Create the database where there is none, or only one that was never finished.

    A process killed at any moment leaves none or a whole one. Raises BadInput where the file is no
    database of this version of MLflow.
    """
    if state(database) is State.COMPLETE:
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.parent / ".mlflow.lock"):
        current = state(database)
        if current is State.HALF_BUILT:
            aside = database.with_name(f"{database.name}.half-built")
            database.replace(aside)
            logging.getLogger(__name__).warning(
                "%s was never finished and is empty; it is set aside as %s",
                database.name,
                aside.name,
            )
        if current is not State.COMPLETE:
            atomic_write(database, _build, durable=True)


def _build(database: Path) -> None:
    """Create MLflow's tables in an empty file."""
    # URL, and not text: a path may have any character.
    engine = create_engine(URL.create("sqlite", database=str(database)))
    # A build that is broken off is thrown away: only the finished file must be on the disk.
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
    try:
        mlflow_db._initialize_tables(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()


def state(database: Path) -> State:
    """The state of the database at this path. Raises BadInput where it cannot be used."""
    if not database.exists() or database.stat().st_size == 0:
        return State.ABSENT
    try:
        with closing(connect(database, read_only=True)) as connection:
            version = _version(connection)
            if version == _newest():
                return State.COMPLETE
            tables = _tables(connection)
            if _is_unfinished(connection, tables):
                return State.HALF_BUILT
    except sqlite3.OperationalError:
        raise  # locked, unreadable: not a matter of what it holds
    except sqlite3.DatabaseError as error:
        raise BadInput(f"{_name(database)} is no SQLite database ({error})") from error
    if "experiments" not in tables:
        raise BadInput(f"{_name(database)} is a database of another program, not MLflow's")
    raise BadInput(_other_version(database, version))


def _version(connection: sqlite3.Connection) -> str:
    """The version of the tables, empty where none is recorded."""
    if "alembic_version" not in _tables(connection):
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _tables(connection: sqlite3.Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return {str(name) for (name,) in connection.execute(query)}


def _is_unfinished(connection: sqlite3.Connection, tables: set[str]) -> bool:
    """Whether MLflow never finished its tables: no run has been written to any."""
    if not tables & set(BOOKKEEPING):
        return not tables

    def count(table: str) -> int:
        query = f'SELECT count(*) FROM (SELECT 1 FROM "{table}" LIMIT 2)'
        return int(connection.execute(query).fetchone()[0])

    others = tables - set(BOOKKEEPING)
    experiments = count("experiments") if "experiments" in tables else 0
    return experiments <= 1 and not any(count(table) for table in others)


@lru_cache(maxsize=1)
def _newest() -> str:
    return str(mlflow_db._get_latest_schema_revision())  # type: ignore[no-untyped-call]


def _other_version(database: Path, version: str) -> str:
    config = mlflow_db._get_alembic_config("")  # type: ignore[no-untyped-call]
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version not in revisions:
        return (
            f"{_name(database)} was written by a newer MLflow (its tables have version {version}); "
            "install that one: pip install --upgrade mlflow"
        )
    return (
        f"{_name(database)} was written by an older MLflow (its tables have version "
        f"{version or 'none'}); copy the file, and then run: mlflow db upgrade "
        f"'{sqlite_uri(database)}'"
    )


def _name(database: Path) -> str:
    return shown(sqlite_uri(database))


def connect(database: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection to an existing file; it never creates one."""
    mode = "ro" if read_only else "rw"
    address = f"file:{quote(str(database))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)


def relocate(database: Path) -> None:
    """Where the folder of a store was moved or copied, tell MLflow where its artifacts are now.

    MLflow writes down whole paths. Those of another folder are replaced unless their artifacts are
    still there and not here. A file that cannot be written to stays as it is: the harness itself
    goes by `harness.tracking.artifacts.artifact_folder`.
    """
    folder = (database.parent / ARTIFACTS).resolve()
    root = folder.as_uri()
    with suppress(sqlite3.OperationalError), closing(connect(database)) as connection:
        for table, key, column, place in PLACES:
            if moved := _moved(connection, folder, root, table, key, column, place):
                connection.executemany(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", moved)
        elsewhere = "artifact_location LIKE ? AND artifact_location != ?"
        pattern = (f"%/{ARTIFACTS}", root)
        query = f"SELECT count(*) FROM experiments WHERE {elsewhere}"
        if connection.execute(query, pattern).fetchone()[0]:
            connection.execute(
                f"UPDATE experiments SET artifact_location = ? WHERE {elsewhere}", (root, *pattern)
            )
        connection.commit()


PLACES = (
    ("runs", "run_uuid", "artifact_uri", ""),
    ("logged_models", "model_id", "artifact_location", "models/"),
)
"""Where MLflow writes down the addresses of artifacts: table, key, column, and the folder below
that of all artifacts.
"""


def _moved(  # noqa: PLR0913, PLR0917 - a row of `PLACES`
    connection: sqlite3.Connection,
    folder: Path,
    root: str,
    table: str,
    key: str,
    column: str,
    place: str,
) -> list[tuple[str, str]]:
    """New addresses of artifacts, and what they are of."""
    rows = connection.execute(
        f"SELECT {key}, {column} FROM {table} WHERE substr({column}, 1, ?) != ?"
        f" AND {column} LIKE '%/' || ? || '/{place}' || {key} || '/artifacts'",
        (len(root) + 1, f"{root}/", ARTIFACTS),
    )
    moved = []
    for name, uri in rows.fetchall():
        before = local_path(uri)
        if (folder / place / name).exists() or before is None or not before.exists():
            moved.append((f"{root}/{place}{name}/artifacts", name))
    return moved


def analyze_metrics(database: Path) -> None:
    """Update SQLite's statistics of the table of metrics (https://sqlite.org/lang_analyze.html).

    Without them it reads the curves of one name of all runs to find that of one run. With 3,000
    runs of three curves, 100 points each, a curve took 80 ms before and 10 ms after; this takes
    16 ms. A file that is being written to stays as it is.
    """
    with suppress(sqlite3.Error), closing(connect(database)) as connection:
        connection.execute("PRAGMA busy_timeout = 1000")
        connection.execute(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
        connection.execute("ANALYZE metrics")
        connection.commit()
