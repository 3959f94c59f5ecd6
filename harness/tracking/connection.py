"""The connection to a tracking store, made ready for what the harness does with it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException
from sqlalchemy import create_engine, text

from harness.core.errors import BadInput
from harness.tracking import sqlite
from harness.tracking.address import EXAMPLES, Address, shown
from harness.tracking.artifacts import ARTIFACTS
from harness.tracking.reachability import check_reachable
from harness.tracking.refusals import brief

ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
"""The environment variable that names where artifacts of a store without a server go."""
START_LOCK = 0x6861726E657373
"""The number of the lock in a PostgreSQL database under which MLflow's tables are made."""


def connected(address: Address) -> MlflowClient:
    """Return a client of the store at this address; a SQLite file is created where there is none.

    Raises BadInput and TryLater as `check_reachable` for a database, and BadInput where a store is
    of another version of MLflow. A server is not asked yet.
    """
    # The harness says itself, in a line, what MLflow would say in a traceback.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if address.database:
        return _sqlite_client(address.uri, address.database)
    if address.is_database:
        check_reachable(address)
    try:
        with _sole_start(address.uri):
            return MlflowClient(tracking_uri=address.uri)
    except UnsupportedModelRegistryStoreURIException as error:
        raise BadInput(
            f"{shown(address.uri)}: MLflow knows no such store; write {EXAMPLES}"
        ) from error
    except MlflowException as error:
        advice = "; see `mlflow db upgrade --help`" if "schema" in str(error) else ""
        raise BadInput(f"{shown(address.uri)}: {brief(error)}{advice}") from error


@contextmanager
def _sole_start(uri: str) -> Iterator[None]:
    """Keeps other commands from making the tables of a PostgreSQL database while the block runs:
    MLflow makes them at the first start, and two that do so at once break each other's.
    """
    if not uri.startswith("postgresql"):
        yield
        return
    engine = create_engine(uri)
    try:
        with engine.begin() as connection:  # whose end gives the lock back
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": START_LOCK})
            yield
    finally:
        engine.dispose()


def _sqlite_client(uri: str, database: Path) -> MlflowClient:
    sqlite.prepare(database)
    sqlite.relocate(database)
    # A busy database is waited for: several cells write to it at a time.
    quoted = Path(uri.removeprefix("sqlite:///"))
    is_stray = quoted != database and not quoted.parent.exists()
    try:
        return MlflowClient(tracking_uri=f"{uri}?timeout={sqlite.BUSY_SECONDS}")
    finally:
        if is_stray:  # MLflow makes a folder of the path as it is quoted
            with suppress(OSError):
                os.removedirs(quoted.parent)


def artifact_location(address: Address, folder: Path) -> str | None:
    """Where the artifacts of a new experiment go: beside a SQLite file; where the harness writes to
    another database itself, to what the environment names or to the output folder; None where a
    server decides it.
    """
    if address.database:
        return (address.database.parent.resolve() / ARTIFACTS).as_uri()
    if not address.is_database:
        return None
    if named := os.environ.get(ARTIFACT_ROOT):
        return named
    place = (folder / ARTIFACTS).resolve()
    logging.getLogger(__name__).warning(
        "weights and pictures of what is logged to %s go to %s: other machines must see it under "
        "that name, or set %s, or ask an MLflow server instead of the database",
        shown(address.uri),
        place,
        ARTIFACT_ROOT,
    )
    return place.as_uri()
