"""One store has one identity however it is spelled; what is no address says what was meant."""

import doctest
from pathlib import Path

import pytest

from harness.core import secrets
from harness.core.errors import BadInput
from harness.tracking import Store, address, default_uri, names
from harness.tracking.address import read_address, shown


@pytest.mark.parametrize("module", [address, names, secrets])
def test_what_the_docstrings_show_is_so(module):
    tried = doctest.testmod(module)
    assert tried.attempted
    assert not tried.failed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("file:./mlruns", "did you mean sqlite:///"),
        ("./mlruns", "did you mean sqlite:///"),
        ("runs.db", "did you mean sqlite:///"),
        ("localhost:5000", "did you mean http://localhost:5000?"),
        ("mlflow.example.org/team", "did you mean http://mlflow.example.org/team?"),
        ("sqlite:x.db", "did you mean sqlite:///x.db?"),
        ("sqlite://", "name its file"),
        ("sqlite:///:memory:", "lost with the command"),
        ("http://", "write http://HOST:PORT"),
        ("http://host:port", "write http://HOST:PORT"),
        ("postgres://ann:secret@host/runs", "did you mean postgresql://host/runs?"),
        ("postgresql://ann:secret@host:x/runs", "write postgresql://USER@HOST:PORT/NAME"),
        ("mlflow", "no address of a tracking store"),
    ],
)
def test_what_is_no_address_says_what_was_meant(given: str, said: str, tmp_path: Path):
    with pytest.raises(BadInput) as raised:
        read_address(given, tmp_path)
    assert said in str(raised.value)
    assert raised.value.exit_code == 2
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "spellings",
    [
        ["sqlite:///reports/mlflow.db", "sqlite:///./x/../reports/mlflow.db",
         "sqlite:///{}/reports/mlflow.db", "sqlite:///link/mlflow.db?timeout=3"],
        ["http://host:80", "HTTP://Host/", "http://ann:secret@host", "http://host"],
        ["postgresql://ann:secret@Host/runs", "postgresql+psycopg2://host/runs?sslmode=require"],
    ],
)  # fmt: skip
def test_all_spellings_are_one_store(
    spellings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "link").symlink_to("reports")
    found = {read_address(text.format(tmp_path), Path("elsewhere")).identity for text in spellings}
    assert len(found) == 1
    assert "secret" not in str(found)


def test_stores_that_differ_are_told_apart(tmp_path: Path):
    texts = [
        "http://a:5000", "http://a:5001", "https://a:5000", "http://a:5000/team",
        "postgresql://a/x", "postgresql://a/X", "sqlite:///x.db", "sqlite:////x.db",
    ]  # fmt: skip
    assert len({read_address(text, tmp_path).identity for text in texts}) == len(texts)


def test_a_store_of_its_own_folder_keeps_its_identity_where_that_moves(tmp_path: Path):
    here, there = tmp_path / "here", tmp_path / "there"
    identities = {read_address(default_uri(folder), folder).identity for folder in (here, there)}
    assert len(identities) == 1


@pytest.mark.parametrize("name", ["50% done?", "%41", "a b#c", "é&=+;[x]:'q'", "file:x"])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path):
    folder = tmp_path / name
    store = Store(default_uri(folder), folder)
    run_id = store.open_suite("tiny", "key", {})
    store.put(run_id, "a/b.txt", "kept")
    again = Store(store.uri, folder)  # as a worker process opens it
    assert again.find_suite("tiny", "key") == run_id
    assert again.get(run_id, "a/b.txt") == b"kept"
    assert (folder / "mlflow.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name], "and nothing is left beside it"


def test_an_address_is_shown_without_what_is_secret():
    assert shown("postgresql://ann:p%40ss@host:1/runs?password=x") == "postgresql://host:1/runs"
    assert shown("https://tok@host/path?token=abc#x") == "https://host/path"
