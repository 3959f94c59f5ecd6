from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.data import DATASETS, load_dataset
from harness.data import inventory as module
from harness.data.inventory import inventory, verify_dataset
from harness.data.load import find_source
from harness.data.source import DatasetFactory
from harness.data.standard.mnist import MNIST_SUMS
from harness.data.store import find_prepared, prepared

ENTRIES = {entry.name: entry for entry in inventory(Path("no such folder"))}
BUILT_IN = [entry for entry in ENTRIES.values() if entry.place == "built in"]


def prepare(root, name, key="a"):
    arrays = {"values": ((4,), np.uint8)}
    return prepared(root, name, {"of": key}, arrays, lambda maps: maps["values"].fill(7))


def folder_of_images(folder):
    folder.mkdir()
    for number in range(30):
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")


def place(name, root):
    return next(entry.place for entry in inventory(root) if entry.name == name)


def test_every_dataset_is_listed_by_name_or_by_the_form_of_its_names():
    assert [name.partition(":")[0] for name in ENTRIES] == DATASETS.names()
    forms = {name for name in DATASETS.names() if getattr(DATASETS.load(name), "argument", "")}
    assert {name.partition(":")[0] for name in ENTRIES if ":" in name} == forms
    assert all(entry.title for entry in ENTRIES.values())
    assert all(entry.licence for name, entry in ENTRIES.items() if ":" not in name)


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)
def test_what_is_said_of_a_set_before_it_is_loaded_is_true(entry, tmp_path):
    dataset = load_dataset(entry.name, tmp_path)
    assert entry.classes == len(dataset.card.classes)
    if entry.shapes:
        loaded = tuple(dataset.train.images.shape), tuple(dataset.test.images.shape)
        assert entry.shapes == loaded
    made = {path.parent.name.rpartition("-")[0] for path in tmp_path.glob("prepared/*/meta.json")}
    assert made <= {find_source(parse_reference(entry.name)).stored}


def test_a_set_is_nowhere_then_in_files_then_prepared(tmp_path):
    assert place("mnist", tmp_path) == "no"
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in MNIST_SUMS:
        assert place("mnist", tmp_path) == "no"
        (folder / name).touch()
    assert place("mnist", tmp_path) == "files"
    prepare(tmp_path, "mnist")
    assert place("mnist", tmp_path) == "prepared"
    assert place("qmnist", tmp_path) == "no"


def test_prepared_sets_are_found_by_the_whole_name(tmp_path):
    made = [prepare(tmp_path, "cifar100", key).folder for key in "ab"]
    other = prepare(tmp_path, "cifar100-coarse").folder
    assert find_prepared(tmp_path, "cifar100") == sorted(made)
    assert find_prepared(tmp_path, "cifar100-coarse") == [other]
    assert find_prepared(tmp_path, "cifar") == []
    assert find_prepared(tmp_path / "none", "cifar100") == []


def test_official_files_are_compared_with_their_digests_and_nothing_is_downloaded(tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    damaged, *missing = MNIST_SUMS
    (folder / damaged).write_bytes(b"something else")
    found = list(verify_dataset("mnist", tmp_path))
    assert not any(finding.is_right for finding in found)
    assert found[0].line.startswith(f"{folder / damaged}: cut short or corrupt")
    assert [f.line.split(":")[0] for f in found[1:]] == [str(folder / name) for name in missing]
    assert [path.name for path in folder.iterdir()] == [damaged]


def test_a_right_file_is_told_by_its_digest(tmp_path, monkeypatch):
    source = find_source(parse_reference("mnist"))
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    pins = {file: "900150983cd24fb0d6963f7d28e17f72"}  # RFC 1321, appendix A.5
    monkeypatch.setattr(module, "find_source", lambda _: source.__class__(
        source.card, source.load, files=lambda _: pins, stored="mnist"
    ))  # fmt: skip
    (found,) = verify_dataset("mnist", tmp_path)
    assert found.is_right
    assert found.line == f"{file}: has its published MD5"
    pins[file] = ""
    (found,) = verify_dataset("mnist", tmp_path)
    assert found.is_right
    assert "no digest" in found.line


def test_of_what_is_prepared_every_value_is_checked(tmp_path):
    folder_of_images(tmp_path / "cats")
    (found,) = verify_dataset("folder:cats", tmp_path)
    assert not found.is_right
    assert "not prepared" in found.line

    load_dataset("folder:cats", tmp_path)
    (found,) = verify_dataset("folder:cats", tmp_path)
    assert found.is_right
    (folder,) = find_prepared(tmp_path, "own-cats")
    assert found.line.startswith(str(folder))

    array = folder / "train.images.npy"
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    (found,) = verify_dataset("folder:cats", tmp_path)
    assert not found.is_right
    assert "train.images.npy has changed" in found.line


def test_prepared_sets_need_their_files_no_more(tmp_path):
    prepare(tmp_path, "mnist")
    (found,) = verify_dataset("mnist", tmp_path)
    assert found.is_right


def test_built_in_sets_load(tmp_path):
    (found,) = verify_dataset("digits", tmp_path)
    assert found.is_right
    assert load_dataset("digits").digest in found.line


def test_what_is_no_dataset_is_refused():
    with pytest.raises(BadInput, match="mnits"):
        list(verify_dataset("mnits"))


def test_makers_that_take_an_argument_have_a_title():
    makers = [DATASETS.load(name) for name in DATASETS.names()]
    assert all(
        maker.title for maker in makers if isinstance(maker, DatasetFactory) and maker.argument
    )


@pytest.mark.parametrize("name", ["folder:./", "folder:.", "folder:./cats", "npz:cats.npz"])
def test_users_sets_are_found_however_they_are_named(tmp_path, monkeypatch, name):
    images = np.zeros((30, 8, 8), np.uint8)
    np.savez(tmp_path / "cats.npz", images=images)
    folder_of_images(tmp_path / "cats")
    monkeypatch.chdir(tmp_path if "cats" in name else tmp_path / "cats")
    root = tmp_path / "root" if name.startswith("folder") else tmp_path
    load_dataset(name, root)
    (found,) = verify_dataset(name, root)
    assert found.is_right
