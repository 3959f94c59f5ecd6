"""What a tracking store does not take is kept, in order, and given to it later."""

from pathlib import Path

import pytest

from harness.core.errors import TryLater
from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.tracking import Store, default_uri
from harness.tracking.journal import Journal, Write

CELL = {"dataset": "digits", "model": "vae/vae", "seed": 0}


class Taken:
    """Takes writes until told not to."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, str, object, bytes | None]] = []
        self.most = 99

    def __call__(self, run_id: str, write: Write) -> None:
        if len(self.writes) == self.most:
            raise ConnectionError("away")
        content = write.file.read_bytes() if write.file else None
        self.writes.append((run_id, write.kind, write.values, content))


def test_kept_writes_come_out_in_order_and_once(tmp_path: Path):
    journal, taken = Journal(tmp_path / "kept"), Taken()
    file = tmp_path / "w.bin"
    file.write_bytes(b"weights")
    for number in range(12):
        journal.keep("run", Write("tags", {"number": number}))
    journal.keep("run", Write("artifact", {"folder": "a"}, file))
    file.unlink()
    journal.keep("other", Write("end", {"status": "FINISHED"}))
    assert journal.holds("run")
    assert journal.runs() == ["other", "run"]
    journal.replay(taken)
    assert taken.writes == [
        ("other", "end", {"status": "FINISHED"}, None),
        *(("run", "tags", {"number": number}, None) for number in range(12)),
        ("run", "artifact", {"folder": "a"}, b"weights"),
    ]
    assert not journal.runs()
    journal.replay(taken)
    assert len(taken.writes) == 14


def test_what_is_not_taken_stays_and_what_was_taken_does_not_come_again(tmp_path: Path):
    journal, taken = Journal(tmp_path), Taken()
    for number in range(4):
        journal.keep("run", Write("tags", {"number": number}))
    taken.most = 3
    assert isinstance(journal.replay(taken), ConnectionError)
    taken.most = 99
    journal.replay(taken)
    assert [values for _, _, values, _ in taken.writes] == [{"number": n} for n in range(4)]


def test_a_write_that_was_broken_off_is_no_write(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.keep("run", Write("tags", {}))
    (tmp_path / "run/.00000002.part").write_text('{"kind": "ta')
    assert len(list((tmp_path / "run").glob("*.json"))) == 1


def test_a_store_that_takes_nothing_for_a_while_has_everything_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("tiny", "key", {})
    run_id = store.open_cell(parent, "cell", "training-key", CELL).run_id

    def away(*_: object, **__: object) -> None:
        raise OSError("database or disk is full")

    with monkeypatch.context() as patch:
        for name in ("log_batch", "log_artifact", "log_inputs", "set_terminated"):
            patch.setattr(store.client, name, away)
        store.log_datasets(run_id, [("training", "digits", "ab" * 32)])
        store.log_curves(run_id, [(64, "train/loss", 0.5), (128, "train/loss", 0.25)])
        store.put(run_id, "weights/model.bin", b"weights")
    # The store takes writes again; those of this run wait for the ones before them.
    store.set_status(run_id, "trained", seconds=2.5)
    row = Measurement("fid", "ok", Protocol("fid"), "k1", 1 / 3)
    store.record(run_id, [row])
    store.finish(run_id)
    assert "disk is full" in caplog.text
    found = store.find("training-key")
    assert found is not None
    assert found.status == "training"
    again = Store(default_uri(tmp_path), tmp_path)
    again.connect()
    found = again.find("training-key")
    assert found is not None
    assert (found.status, found.facts["seconds"]) == ("trained", "2.5")
    assert found.measurements["k1"].value == 1 / 3
    assert again.curves(run_id) == [(64, "train/loss", 0.5), (128, "train/loss", 0.25)]
    assert again.get(run_id, "weights/model.bin") == b"weights"
    assert again.client.get_run(run_id).info.status == "FINISHED"
    assert len(again.client.get_run(run_id).inputs.dataset_inputs) == 1
    assert not again.journal.runs()


def test_a_store_that_still_takes_nothing_says_where_the_results_are_and_stops_no_other_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    store = Store(default_uri(tmp_path), tmp_path)
    run_id = store.open_suite("tiny", "key", {})

    def away(*_: object, **__: object) -> None:
        raise OSError("database or disk is full")

    monkeypatch.setattr(store.client, "log_batch", away)
    store.tag(run_id, {"a": "b"})
    store.connect()
    assert "disk is full); results of 1 run are kept in" in caplog.text
    store.settle(["another suite's run"])
    with pytest.raises(TryLater, match=r"not take results; results of 1 run are kept .*unlogged"):
        store.settle([run_id])


def test_a_server_that_does_not_answer_is_named_at_once(tmp_path: Path):
    with pytest.raises(TryLater, match=r"http://127.0.0.1:9: no MLflow server answers"):
        Store("http://127.0.0.1:9", tmp_path).connect()
