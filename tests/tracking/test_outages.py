"""A tracking store that goes away in mid-run is noticed soon, and what it does not take is kept."""

import http.server
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from sqlalchemy.exc import OperationalError

from harness.cell import run as cells
from harness.cell.site import Site
from harness.core.errors import BadInput, TryLater
from harness.engine.execute import interrupt
from harness.plan import Cell
from harness.tracking import Store, connection, default_uri
from harness.tracking.refusals import is_outage
from harness.training import stopping
from harness.training.stopping import Stopped

AWAY = "http://127.0.0.1:9"


class Failing:
    """A server whose database is away: it answers every request with 503, and counts them."""

    def __init__(self) -> None:
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests += 1
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def failing() -> Iterator[Failing]:
    stub = Failing()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were slept, which takes no time."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


def test_an_outage_is_noticed_within_half_a_minute_and_said_once(
    failing: Failing, waits: list[float], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = Store(failing.uri, tmp_path)
    store.log_datasets("run", [("training", "digits", "ab" * 32)])
    assert failing.requests > 1, "a moment's outage is not noticed at all"
    assert sum(waits) <= 30
    tries = failing.requests
    store.set_status("run", "trained")
    store.finish("run")
    assert failing.requests == tries, "what follows for the run is kept at once"
    assert caplog.text.count("they are kept in") == 1
    assert store.journal.counts() == {"run": 3}


@pytest.mark.parametrize("is_failing", [True, False])
def test_who_stops_a_command_does_not_wait_for_a_store_that_is_away(
    is_failing: bool, failing: Failing, waits: list[float], tmp_path: Path
):
    uri = failing.uri if is_failing else AWAY
    store = Store(uri, tmp_path)
    store.interrupt("suite's run")
    interrupt([], Site(uri, "suite's run", tmp_path), store)
    assert store.journal.counts() == {"suite's run": 1}
    assert not waits


class Opening:
    """In place of a cell's work: its store is away for some tries."""

    def __init__(self, tries: int, error: Exception) -> None:
        self.left = tries
        self.error = error

    def __call__(self, *_: object) -> str:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "work"


def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opening: Opening) -> object:
    monkeypatch.setattr(cells, "CellWork", opening)
    cell = Cell.__new__(Cell)
    object.__setattr__(cell, "dataset", "digits")
    object.__setattr__(cell, "model", "vae/vae")
    object.__setattr__(cell, "seed", 0)
    return cells.open_work(cell, Site(default_uri(tmp_path), "", tmp_path), lambda event: None)


def test_a_cell_that_begins_in_an_outage_waits_for_its_end(
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    assert opened(monkeypatch, tmp_path, Opening(3, TryLater("no server answers"))) == "work"
    assert len(waits) == 3
    assert caplog.text.count("waits for the tracking store (no server answers)") == 1


def test_a_request_to_stop_ends_the_wait(
    waits: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(stopping, "requested", lambda: True)
    with pytest.raises(Stopped):
        opened(monkeypatch, tmp_path, Opening(99, TryLater("no server answers")))
    assert not waits


def test_a_wait_has_an_end(waits: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cells, "OUTAGE_SECONDS", -1.0)
    with pytest.raises(TryLater):
        opened(monkeypatch, tmp_path, Opening(99, TryLater("no server answers")))
    assert not waits


def below(name: str) -> MlflowException:
    """What MLflow makes of a database's error."""
    reason = sqlite3.OperationalError("disk is full") if name == "sqlite" else OSError("refused")
    database = OperationalError("", {}, reason)
    database.__cause__ = reason
    error = MlflowException("it failed", TEMPORARILY_UNAVAILABLE)
    error.__cause__ = database
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TryLater("away"), True),
        (MlflowException("API request to http://host failed with exception refused"), True),
        (below("postgresql"), True),
        (below("sqlite"), False),
        (BadInput("no such store"), False),
        (ValueError("a fault"), False),
    ],
)
def test_what_is_waited_for(error: Exception, expected: bool):
    assert is_outage(error) is expected


class Engine:
    """In place of a PostgreSQL database: notes when its lock is taken and given back."""

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def begin(self) -> "Engine":
        return self

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.events.append("given back")

    def execute(self, statement: object, _values: object) -> None:
        assert "pg_advisory_xact_lock" in str(statement)
        self.events.append("taken")

    def dispose(self) -> None:
        pass


def test_the_tables_of_a_postgresql_database_are_made_under_a_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    events: list[str] = []
    monkeypatch.setattr(connection, "check_reachable", lambda address: None)
    monkeypatch.setattr(connection, "create_engine", lambda uri: Engine(events))
    monkeypatch.setattr(connection, "MlflowClient", lambda tracking_uri: events.append("made"))
    Store("postgresql+psycopg2://ann@host/runs", tmp_path)
    assert events == ["taken", "made", "given back"]
