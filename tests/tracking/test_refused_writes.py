"""A write that is refused for good is set aside, and stops neither its run nor any other suite."""

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INVALID_PARAMETER_VALUE
from sqlalchemy.exc import DataError, InterfaceError

from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.tracking import Store, default_uri
from harness.tracking.journal import Journal, Write
from harness.tracking.names import MAX_NAME, metric_name
from harness.tracking.refusals import is_for_good

CELL = {"dataset": "digits", "model": "vae/vae", "seed": 0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(default_uri(tmp_path), tmp_path)


def away(*_: object, **__: object) -> None:
    raise OSError("database or disk is full")


def test_writes_of_a_run_that_is_gone_block_nobody(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    gone, other = (store.open_suite("s", key, {}) for key in ("gone", "other"))
    with monkeypatch.context() as patch:
        patch.setattr(store.client, "log_batch", away)
        for run_id in (gone, other):
            store.tag(run_id, {"a": "b"})
            store.tag(run_id, {"c": "d"})
    store.client.delete_run(gone)
    again = Store(default_uri(tmp_path), tmp_path)
    again.connect()
    again.settle([gone, other])
    assert again.client.get_run(other).data.tags["c"] == "d"
    assert "is refused" in caplog.text
    assert len(list((again.journal.folder / "refused" / gone).glob("*.json"))) == 2
    caplog.clear()
    again.connect()
    assert not caplog.text, "and that is said once"


def test_what_is_refused_at_once_is_not_kept_for_later(store: Store):
    run_id = store.open_suite("s", "k", {})
    store.outbox.write(run_id, Write("metrics", {"values": [["a//b", 1.0, 0]]}))
    store.tag(run_id, {"after": "it"})
    assert store.client.get_run(run_id).data.tags["after"] == "it"
    assert store.journal.runs() == []


def test_a_kept_write_whose_file_is_gone_is_set_aside(tmp_path: Path):
    journal, taken = Journal(tmp_path / "kept"), []
    file = tmp_path / "w.bin"
    file.write_bytes(b"weights")
    journal.keep("run", Write("artifact", {"folder": "a"}, file))
    journal.keep("run", Write("tags", {"a": "b"}))
    (tmp_path / "kept/run/00000001/w.bin").unlink()
    (tmp_path / "kept/run/00000003.json").write_text("[")
    assert journal.replay(lambda run_id, write: taken.append(write.kind)) is None
    assert taken == ["tags"]
    assert journal.runs() == []


def test_a_run_that_is_not_taken_yet_stops_no_other(tmp_path: Path):
    journal, taken = Journal(tmp_path), []
    for run_id in ("a", "b"):
        journal.keep(run_id, Write("tags", {}))

    def send(run_id: str, write: Write) -> None:
        if run_id == "a":
            raise ConnectionError("away")
        taken.append(run_id)

    assert isinstance(journal.replay(send), ConnectionError)
    assert taken == ["b"]
    assert journal.runs() == ["a"]


def _of_database(error: Exception) -> MlflowException:
    wrapped = MlflowException("it failed", BAD_REQUEST)
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MlflowException("Invalid value", INVALID_PARAMETER_VALUE), True),
        (RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"}), True),
        (_of_database(DataError("", {}, Exception("too long"))), True),
        (_of_database(InterfaceError("", {}, Exception("connection closed"))), False),
        (RestException({"error_code": "BAD_REQUEST",
                        "message": "(psycopg2.InterfaceError) connection closed"}), False),
        (RestException({"error_code": "BAD_REQUEST",
                        "message": "(psycopg2.errors.UniqueViolation) duplicate key"}), False),
        (MlflowException("API request to endpoint failed with error code 404", BAD_REQUEST), False),
        (RestException({"error_code": "UNAUTHENTICATED", "message": "who?"}), False),
        (MlflowException("Internal"), False),
        (OSError("disk full"), False),
    ],
)  # fmt: skip
def test_refusals_are_told_from_outages(error: Exception, expected: bool):
    assert is_for_good(error) is expected


NAMES = ["./wide.yaml", "../up", "a//b", "/root", ".", "..", "", "x" * 400, "é[unseen=8]", "a\0b",
         "tab\there", "end/", "%2F", "🙂", "a/../b", "…" * 300]  # fmt: skip


def test_every_name_is_one_that_mlflow_takes(store: Store):
    parent = store.open_suite("s", "k", {})
    store.log_summary(parent, {f"digits/{name}/fid mean": 1.0 for name in NAMES})
    store.log_summary(parent, dict.fromkeys(NAMES, 2.0))
    params = {"dataset": "d", "model": "m", "seed": 0} | {f"recipe.{name}": name for name in NAMES}
    cell = store.open_cell(parent, "x" * 9000, "key", params)
    rows = [
        Measurement(name, "ok", Protocol("fid"), f"k{n}", n / 3) for n, name in enumerate(NAMES)
    ]
    store.record(cell.run_id, rows)
    store.tag(cell.run_id, {name: name for name in NAMES})
    found = store.find("key")
    assert found is not None
    assert {row.key: row.value for row in found.measurements.values()} == {
        row.key: row.value for row in rows
    }
    assert len(store.client.get_run(parent).data.metrics) == 2 * len(NAMES)
    assert not store.journal.folder.exists(), "nothing was refused"


def test_names_stay_apart_and_short():
    found = [metric_name(f"digits/{name}/fid") for name in NAMES]
    assert len(set(found)) == len(NAMES)
    assert max(map(len, found)) <= MAX_NAME


def test_more_numbers_and_parameters_than_mlflow_takes_at_once(store: Store):
    parent = store.open_suite("s", "k", {})
    params = {"dataset": "d", "model": "m", "seed": 0, **{f"recipe.{n}": n for n in range(250)}}
    cell = store.open_cell(parent, "cell", "key", params)
    store.record(
        cell.run_id, [Measurement(f"m{n}", "ok", Protocol("m"), f"k{n}", 0.5) for n in range(250)]
    )
    found = store.find("key")
    assert found is not None
    assert (len(found.measurements), len(found.params)) == (250, 253)


def test_a_reason_too_long_for_a_tag_is_cut(store: Store):
    parent = store.open_suite("s", "k", {})
    cell = store.open_cell(parent, "cell", "key", CELL)
    row = Measurement("fid", "failed", Protocol("fid"), "k1", reason="é\n" * 20_000)
    store.record(cell.run_id, [row])
    store.set_status(cell.run_id, "failed", "http://ann:secret@host \0 \udc80" + "x" * 20_000)
    found = store.find("key")
    assert found is not None
    assert found.measurements["k1"].reason.startswith("é\né")
    assert found.status == "failed"
    assert found.reason.startswith("http://host ")
    assert not store.journal.folder.exists()
