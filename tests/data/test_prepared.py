"""Prepared sets: whole or absent, whatever happens while they are made."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.data import store
from harness.data.base import Split
from harness.data.store import open_prepared, prepared

ARRAYS = {
    "train.images": ((4, 1, 2, 2), np.uint8),
    "train.labels": ((4,), np.int64),
    "test.images": ((2, 1, 2, 2), np.uint8),
    "test.labels": ((2,), np.int64),
}
SIZE = 4 * 4 + 4 * 8 + 2 * 4 + 2 * 8


def fill(arrays):
    for start, values in enumerate(arrays.values()):
        values[...] = np.arange(start, start + values.size).reshape(values.shape)


def never(_arrays):
    pytest.fail("prepared again")


def make(root, fill=fill, key="k"):
    return prepared(root, "tiny", {"source": key}, ARRAYS, fill)


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "prepared").glob("[!.]*"))


def partial(root: Path) -> list[Path]:
    return list((root / "prepared").glob(".*.partial"))


def test_what_was_filled_comes_back_and_is_filled_once(tmp_path):
    first, again = make(tmp_path), make(tmp_path, never)
    for found in (first, again, open_prepared(first.folder)):
        assert found.tensors["train.images"].flatten().tolist() == list(range(16))
        assert found.tensors["test.labels"].tolist() == [3, 4]
        assert found.tensors["test.labels"].dtype == torch.int64
        assert found.digest == first.digest
        found.verify()
    assert partial(tmp_path) == []


def test_a_split_knows_the_digest_that_it_would_compute(tmp_path):
    found = make(tmp_path).split("train")
    same = Split(found.images.clone(), found.labels.clone())
    assert found.known_digest == same.digest()
    assert len(found) == 4


def test_the_key_and_the_shapes_say_which_set_it_is(tmp_path):
    make(tmp_path)
    make(tmp_path, key="other")
    prepared(tmp_path, "tiny", {"source": "k"}, {"a": ((3,), np.uint8)}, lambda _: None)
    prepared(tmp_path, "folder:a/../b", {"source": "k"}, ARRAYS, fill)
    assert [name.rpartition("-")[0] for name in visible(tmp_path)] == [
        "folder-a-..-b",
        "tiny",
        "tiny",
        "tiny",
    ]


def test_arrays_are_mapped_and_a_slip_does_not_reach_the_file(tmp_path):
    found = make(tmp_path)
    found.tensors["train.images"][0] = 99
    assert make(tmp_path).tensors["train.images"][0].max() == 3
    with pytest.raises(BadInput, match=r"train\.images\.npy has changed"):
        found.verify()


def test_a_set_larger_than_memory_can_be_mapped(tmp_path):
    """Copy-on-write maps of more than all memory are refused by the system."""
    path = tmp_path / "huge.npy"
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(total * 2,))
    except OSError:
        pytest.skip("no files with holes here")
    assert store._map(path).shape == (total * 2,)


class StopError(Exception):
    pass


@pytest.mark.parametrize("kind", [StopError, KeyboardInterrupt, BadInput])
def test_what_fails_while_it_is_filled_leaves_nothing(tmp_path, kind):
    def fail(arrays):
        fill(arrays)
        raise kind("stop")

    with pytest.raises(kind):
        make(tmp_path, fail)
    assert visible(tmp_path) == []
    assert partial(tmp_path) == []
    make(tmp_path)


def _fill_and_hang(root: Path, begun) -> None:
    def hang(arrays):
        fill(arrays)
        begun.set()
        time.sleep(60)

    make(root, hang)


@pytest.mark.parametrize("next_key", ["k", "other"])
def test_a_killed_preparation_is_not_taken_for_a_whole_one_and_is_removed(tmp_path, next_key):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=_fill_and_hang, args=(tmp_path, begun))
    process.start()
    assert begun.wait(30)
    left = partial(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert len(left) == 1
    assert visible(tmp_path) == []
    make(tmp_path, key=next_key)
    assert len(visible(tmp_path)) == 1
    assert partial(tmp_path) == []


def _fill_slowly(root: Path, filled) -> None:
    def slow(arrays):
        with filled.get_lock():
            filled.value += 1
        time.sleep(0.3)
        fill(arrays)

    make(root, slow).verify()


def test_of_processes_that_come_together_one_fills(tmp_path):
    context = multiprocessing.get_context("fork")
    filled = context.Value("i", 0)
    processes = [context.Process(target=_fill_slowly, args=(tmp_path, filled)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert filled.value == 1


def test_what_another_process_is_preparing_is_left_alone(tmp_path):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=_fill_and_hang, args=(tmp_path, begun))
    process.start()
    try:
        assert begun.wait(30)
        make(tmp_path, key="other")
        assert len(partial(tmp_path)) == 1
    finally:
        process.kill()
        process.join()


def _told(root, *args) -> str:
    with pytest.raises(BadInput) as caught:
        make(root, *args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=SIZE - 1))
    line = _told(tmp_path, never)
    assert line.startswith(f"{tmp_path / 'prepared'}: preparing tiny-")
    assert f"needs {SIZE} bytes on this disk, and {SIZE - 1} bytes are free" in line
    assert "HARNESS_DATA" in line
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=SIZE))
    make(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_named(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "full")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    assert "make room" in _told(tmp_path, never)
    assert partial(tmp_path) == []


def test_a_root_that_cannot_be_written_to_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert _told(file).startswith(f"{file / 'prepared'}: datasets cannot be prepared here")


def test_a_prepared_set_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.setattr(store, "_alone", never)
    make(tmp_path, never)


def _cut(folder: Path) -> None:
    path = folder / "train.images.npy"
    path.write_bytes(path.read_bytes()[:-1])


def _other_shape(folder: Path) -> None:
    """Of the same size as before."""
    path = folder / "train.labels.npy"
    np.save(path, np.zeros((2, 2), np.int64))


def _pickled(folder: Path) -> None:
    path = folder / "train.labels.npy"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"'<i8'", b"'|O8'"))


def _half_json(folder: Path) -> None:
    path = folder / "meta.json"
    path.write_text(path.read_text()[:-9])


def _other_json(folder: Path) -> None:
    (folder / "meta.json").write_text(json.dumps([1]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "train.images.npy has 143 bytes instead of 144"),
        (_other_shape, "train.labels.npy has int64 (2, 2)"),
        (_pickled, "train.labels.npy cannot be read"),
        (lambda folder: (folder / "test.labels.npy").unlink(), "test.labels.npy cannot be read"),
        (lambda folder: (folder / "meta.json").unlink(), "meta.json cannot be read"),
        (_half_json, "meta.json cannot be read"),
        (_other_json, "meta.json cannot be read"),
    ],
)
def test_a_damaged_set_is_named_and_never_used(tmp_path, damage, message):
    folder = make(tmp_path).folder
    damage(folder)
    line = _told(tmp_path, never)
    assert line.startswith(f"{folder}: ")
    assert message in line
    shutil.rmtree(folder)
    make(tmp_path)


def test_verifying_finds_a_changed_value(tmp_path):
    path = make(tmp_path).folder / "test.images.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(BadInput, match=r"test\.images\.npy has changed since"):
        make(tmp_path, never).verify()
