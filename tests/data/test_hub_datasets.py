"""Datasets in the format of the Hugging Face Hub, made here: no network is asked."""

import numpy as np
import pytest
from PIL import Image

from harness.core import optional_packages
from harness.core.errors import BadInput
from harness.data.load import load_dataset

PIXELS = np.random.RandomState(0).randint(0, 256, (40, 8, 8, 3), dtype=np.uint8)


def test_without_the_library_a_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(optional_packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"hf:own/set needs datasets: .*'harness\[datasets\]'"):
        load_dataset("hf:own/set", tmp_path)


@pytest.fixture
def library(monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return datasets


def table(library, rows, **columns):
    features = {"image": library.Image()}
    if "label" in columns:
        features["label"] = library.ClassLabel(names=["cat", "dog"])
    for name in columns.keys() - {"label"}:
        features[name] = library.Value("string")
    values = {"image": [Image.fromarray(PIXELS[row]) for row in rows], **columns}
    return library.Dataset.from_dict(values, features=library.Features(features))


@pytest.fixture
def saved(library, tmp_path):
    labels = [n % 2 for n in range(40)]
    parts = {
        "train": table(library, range(30), label=labels[:30], kind=["b", "a", "c"] * 10),
        "test": table(library, range(30, 40), label=labels[30:], kind=["a", "b"] * 5),
    }
    library.DatasetDict(parts).save_to_disk(tmp_path / "set")
    return tmp_path


def test_splits_classes_and_pixels(saved):
    dataset = load_dataset("hf:set", saved)
    assert np.array_equal(dataset.train.images.permute(0, 2, 3, 1).numpy(), PIXELS[:30])
    assert np.array_equal(dataset.test.images.permute(0, 2, 3, 1).numpy(), PIXELS[30:])
    assert dataset.card.classes == ("cat", "dog")
    assert dataset.train.labels.tolist() == [n % 2 for n in range(30)]


def test_options_choose_splits_columns_labels_and_sizes(saved):
    kinds = load_dataset("hf:set[column=image,label=kind]", saved)
    assert kinds.card.classes == ("a", "b", "c")
    assert kinds.train.labels[:3].tolist() == [1, 0, 2]
    assert load_dataset("hf:set[label=none]", saved).card.classes == ("images",)
    small = load_dataset("hf:set[size=4,channels=1]", saved)
    assert small.train.images.shape == (30, 1, 4, 4)
    swapped = load_dataset("hf:set[split=test,test=train]", saved)
    assert (len(swapped.train), len(swapped.test)) == (10, 30)
    unseen = load_dataset("hf:set[unseen=1]", saved)
    assert set(unseen.train.labels.tolist()) == {0}


def test_one_split_is_split_by_the_numbers_of_rows(library, tmp_path):
    table(library, range(40)).save_to_disk(tmp_path / "one")
    dataset = load_dataset("hf:one", tmp_path)
    assert len(dataset.train) + len(dataset.test) == 40
    assert len(dataset.test) >= 2
    assert load_dataset("hf:one", tmp_path).digest == dataset.digest


def test_a_folder_of_parquet_files(library, tmp_path):
    place = tmp_path / "parquet" / "data"
    place.mkdir(parents=True)
    table(library, range(30), label=[0, 1] * 15).to_parquet(place / "train-00000.parquet")
    table(library, range(30, 40), label=[0, 1] * 5).to_parquet(place / "test-00000.parquet")
    dataset = load_dataset(f"hf:{tmp_path / 'parquet'}", tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (30, 10)
    assert dataset.card.classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:set[split=trian]", "split=trian: no such split; did you mean 'train'"),
        ("hf:set[test=dev]", "test=dev: no such split; known: test, train"),
        ("hf:set[column=label]", "label is none; columns of images: image"),
        ("hf:set[label=lable]", "has no column 'lable'; did you mean 'label'"),
        ("hf:./nowhere", "nowhere is no folder"),
        ("hf:set[size=0]", "size"),
    ],
)
def test_what_is_wrong_is_one_line(saved, name, message):
    with pytest.raises(BadInput, match=message) as caught:
        load_dataset(name, saved)
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer(library, tmp_path):
    with pytest.raises(BadInput, match="hf:own/never-loaded: ") as caught:
        load_dataset("hf:own/never-loaded", tmp_path)
    assert "\n" not in str(caught.value)


def test_rows_without_a_class_are_named(library, tmp_path):
    rows = table(library, range(20), label=[0, 1] * 9 + [-1, 0])
    rows.save_to_disk(tmp_path / "unlabelled")
    with pytest.raises(BadInput, match="a label in label is -1; the classes are 0 to 1"):
        load_dataset("hf:unlabelled", tmp_path)
