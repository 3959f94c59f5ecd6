"""Whatever ends a command is one line and a code of its kind; `--debug` adds the traceback."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from sqlalchemy.exc import ArgumentError, OperationalError

from harness.cell.site import CellOutcome
from harness.cli import failures
from harness.cli.main import main
from harness.cli.run import check_room
from harness.core.errors import BadInput, TryLater


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return call


def check(answer: tuple[int, str], code: int, *words: str) -> None:
    assert answer[0] == code, answer[1]
    assert answer[1].startswith("harness: ")
    assert answer[1].count("\n") == 1, answer[1]
    for word in words:
        assert word in answer[1]


def test_an_output_folder_that_cannot_be(harness, tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    check(harness("report", "quickstart", "--output", "file/reports"), 2, "Not a directory")
    check(harness("report", "quickstart", "--output", "file"), 2, "file/mlflow.db: Not a directory")


def test_a_driver_that_is_not_installed(harness):
    answer = harness("leaderboard", "--tracking-uri", "mysql+nodriver://ann:secret@localhost/db")
    check(answer, 2)
    assert "secret" not in answer[1]


def test_a_file_that_is_no_database(harness, tmp_path: Path):
    (tmp_path / "notes.db").write_text("notes " * 1000)
    check(harness("leaderboard", "--tracking-uri", "sqlite:///notes.db"), 2, "not a database")


def test_an_internal_fault_says_where_and_has_a_code_of_its_own(harness, monkeypatch):
    def broken(suite: object) -> None:
        raise KeyError("of the harness")

    monkeypatch.setattr("harness.plan.check_suite", broken)
    answer = harness("validate", "quickstart")
    check(answer, failures.FAULT, "KeyError: 'of the harness'", "test_failures.py", "--debug")
    assert failures.FAULT not in range(5), "`harness check` would take it for an outcome"
    code, err = harness("validate", "--debug", "quickstart")
    assert code == failures.FAULT
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("harness: ")


def test_debug_of_bad_input(harness):
    code, err = harness("validate", "quickstrat", "--debug")
    assert code == 2
    assert err.startswith("Traceback")


def _end(error: Exception, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = failures.end(error, debug=False)
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, 75), (errno.EDQUOT, 75), (errno.EIO, 75), (errno.ENETUNREACH, 75),
        (errno.EMFILE, 75), (errno.EACCES, 2), (errno.EROFS, 2), (errno.ENOENT, 2),
        (errno.ENAMETOOLONG, 2), (errno.EISDIR, 2), (errno.ELOOP, 2),
    ],
)  # fmt: skip
def test_what_the_system_says(number: int, code: int, capsys: pytest.CaptureFixture[str]):
    error = OSError(number, os.strerror(number), "a/b.txt")
    check(_end(error, capsys), code, "a/b.txt", os.strerror(number))


def test_memory(capsys: pytest.CaptureFixture[str]):
    check(_end(MemoryError(), capsys), 75, "memory")


def test_a_full_disk_as_a_library_says_it(capsys: pytest.CaptureFixture[str]):
    error = RuntimeError("Error while serializing: No space left on device (os error 28)")
    check(_end(error, capsys), 75, "No space left")


def test_what_a_database_says(capsys: pytest.CaptureFixture[str]):
    locked = OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
    check(_end(locked, capsys), 75, "database is locked")
    check(_end(ArgumentError("Could not parse SQLAlchemy URL"), capsys), 2, "URL")
    wrapped = MlflowException("it failed", BAD_REQUEST)
    wrapped.__cause__ = locked
    check(_end(wrapped, capsys), 75, "database is locked")
    check(_end(MlflowException("you may not", BAD_REQUEST), capsys), 2, "you may not")
    check(_end(MlflowException("it failed"), capsys), 75, "it failed")


def test_a_line_is_one_line_without_passwords_or_signs_of_a_terminal(capsys):
    error = BadInput("first\nsecond \x1b[31mred\x1b[0m postgresql://ann:s@cr/et@host/db \udc80")
    code, err = _end(error, capsys)
    expected = r"first second \x1b[31mred\x1b[0m postgresql://host/db \udc80"
    assert (code, err) == (2, f"harness: {expected}\n")
    code, err = _end(TryLater("x" * 100_000), capsys)
    assert (code, len(err)) == (75, len("harness: \n") + failures.MOST)


def _command(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("verb", ["schema", "list"])
def test_a_reader_that_went_away(verb: str):
    readable, writable = os.pipe()
    os.close(readable)
    ended = _command(verb, stdout=writable)
    os.close(writable)
    _, err = ended.communicate()
    assert (ended.returncode, err) == (141, b"harness: what reads the output went away\n")


def test_an_output_that_is_full():
    with Path("/dev/full").open("wb") as full:
        ended = _command("schema", stdout=full)
        _, err = ended.communicate()
    assert (ended.returncode, err) == (75, b"harness: No space left on device\n")


def test_cells_that_failed_for_want_of_space_are_for_later():
    full = CellOutcome(
        "digits · gan/dcgan · seed 0", ("OSError: [Errno 28] No space left on device",)
    )
    with pytest.raises(TryLater, match="make room"):
        check_room([CellOutcome("digits · vae/vae · seed 0"), full])
    check_room([CellOutcome("digits · gan/dcgan · seed 0", ("KeyError: 'loss'",))])
