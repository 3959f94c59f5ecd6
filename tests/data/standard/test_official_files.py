"""Files are had whole and official, or not at all."""

import hashlib
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
from torchvision import datasets
from torchvision.datasets import utils

from harness.core.errors import BadInput
from harness.data.standard.files import Files, by_torchvision, downloader

GOOD = b"official"


def known(download=None, **sums) -> Files:
    sums = sums or {"a": hashlib.sha256(GOOD).hexdigest(), "b": hashlib.md5(GOOD).hexdigest()}
    return Files("Tiny", Path("tiny", "raw"), sums, download)


def put(root, content=GOOD, names=("a", "b")):
    folder = root / "tiny" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content)


def told(call) -> str:
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_downloaded_once_and_leaves_nothing_else(tmp_path):
    asked = []

    def download(aside):
        asked.append(aside)
        put(aside)
        (aside / "tiny" / "archive.tar").touch()

    for _ in range(2):
        assert known(download).provide(tmp_path / "new") == tmp_path / "new" / "tiny" / "raw"
    assert len(asked) == 1
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == ["new/tiny/raw/a", "new/tiny/raw/b"]


def test_a_folder_with_some_of_the_files_gets_the_others(tmp_path):
    put(tmp_path, names=("a",))
    folder = known(put).provide(tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": GOOD, "b": GOOD}


@pytest.mark.parametrize("error", [URLError("no network\nat all"), RuntimeError("no\nmirror")])
def test_a_download_that_fails_is_one_line_and_leaves_nothing(tmp_path, error):
    def download(aside):
        put(aside)
        raise error

    root = tmp_path / "new"
    line = told(lambda: known(download).provide(root))
    assert line.startswith(str(root / "tiny" / "raw" / "a"))
    assert all(part in line for part in ("Tiny", "--data-root", "HARNESS_DATA", "no "))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_downloaded_says_where_it_is_had(tmp_path):
    source = Files("Tiny", Path("tiny"), {"a": ""}, home="example.org/tiny")
    for call in (source.provide, source.identity):
        line = told(lambda call=call: call(tmp_path))
        assert line.startswith(str(tmp_path / "tiny" / "a"))
        assert "get it from example.org/tiny" in line


@pytest.mark.parametrize(("name", "kind"), [("a", "SHA-256"), ("b", "MD5")])
def test_a_file_that_is_not_the_official_one_is_named(tmp_path, name, kind):
    put(tmp_path)
    path = tmp_path / "tiny" / "raw" / name
    path.write_bytes(GOOD[:-1])
    line = told(lambda: known().provide(tmp_path))
    assert line.startswith(f"{path}: cut short or corrupt (7 bytes, {kind} ")


def test_a_download_is_checked_too(tmp_path):
    line = told(lambda: known(lambda aside: put(aside, b"an error page")).provide(tmp_path))
    assert "a: cut short or corrupt (13 bytes" in line


def test_pinned_files_are_known_without_being_there_and_others_by_size_and_time(tmp_path):
    assert known().identity(tmp_path) == dict(known().sums)
    loose = known(a="")
    put(tmp_path)
    before = loose.identity(tmp_path)
    assert loose.identity(tmp_path) == before
    (tmp_path / "tiny" / "raw" / "a").write_bytes(GOOD + b"!")
    assert loose.identity(tmp_path) != before


def test_a_set_is_downloaded_by_torchvision(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(datasets, "MNIST", lambda *args, **named: asked.append((args, named)))
    by_torchvision("MNIST")(tmp_path)
    assert asked == [((tmp_path,), {"download": True})]


def test_what_is_there_is_read_without_torchvision():
    """It takes a second to import, which every command on these sets would wait for."""
    modules = "harness.data.standard.mnist, harness.data.standard.cifar"
    check = f"import sys, {modules}; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_resources_are_fetched_under_their_names_with_their_md5(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(utils, "download_url", lambda *args: asked.append(args))
    downloader(Path("tiny"), {"a.gz": ("https://example.org/a.gz", "0" * 32)})(tmp_path)
    assert asked == [("https://example.org/a.gz", tmp_path / "tiny", "a.gz", "0" * 32)]
