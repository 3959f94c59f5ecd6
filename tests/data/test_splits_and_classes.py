"""Split folders of any usual spelling are splits; of classes the exact name wins, and what may mean
several is refused.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.load import each_class
from harness.data.tasks import labels_of, unseen_classes


def fill(folder: Path, count: int = 2) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        values = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")


SPELLINGS = [
    ("train", "test"), ("Train", "Test"), ("TRAIN", "TEST"), ("training", "testing"),
    ("Training", "Validation"), ("train", "valid"), ("train", "Val"),
]  # fmt: skip


@pytest.mark.parametrize(("train", "test"), SPELLINGS)
@pytest.mark.parametrize("kind", ["folder", "paired", "unpaired", "mvtec"])
def test_split_folders_of_any_spelling(tmp_path: Path, kind, train, test):
    folder = tmp_path / "set"
    if kind == "folder":
        for split, count in ((train, 3), (test, 2)):
            fill(folder / split / "cat", count)
            fill(folder / split / "dog", count)
        data = load_dataset(f"folder:{folder}", tmp_path)
        assert data.card.classes == ("cat", "dog")
        assert (len(data.train), len(data.test)) == (6, 4)
    elif kind == "paired":
        for side in "AB":
            fill(folder / side / train, 3)
            fill(folder / side / test, 2)
        data = load_dataset(f"paired:{folder}", tmp_path)
        assert (len(data.train), len(data.test)) == (3, 2)
    elif kind == "unpaired":
        for side in "AB":
            fill(folder / f"{train}{side}", 3)
            fill(folder / f"{test}{side}", 2)
        data = load_dataset(f"unpaired:{folder}", tmp_path)
        assert (len(data.train), len(data.test)) == (6, 4)
    else:
        fill(folder / train / "good", 3)
        fill(folder / test / "good", 2)
        fill(folder / test / "scratch", 2)
        fill(folder / "ground_truth" / "scratch")
        for number in range(2):
            mask = folder / "ground_truth" / "scratch" / f"{number}.png"
            mask.rename(mask.with_name(f"{number}_mask.png"))
        data = load_dataset(f"mvtec:{folder}", tmp_path)
        assert (len(data.train), len(data.test)) == (3, 4)


def test_two_folders_for_one_split_are_refused(tmp_path):
    for name in ("train", "Training", "test"):
        fill(tmp_path / "set" / name / "cat", 3)
    with pytest.raises(BadInput, match="of Training/ and train/ only one can be meant"):
        load_dataset(f"folder:{tmp_path / 'set'}", tmp_path)


@pytest.mark.parametrize(
    ("unseen", "kept"), [("1", {"10", "9"}), ("10", {"1", "9"}), ("9+1", {"10"})]
)
def test_a_class_called_by_a_number_is_that_class(tmp_path, unseen, kept):
    for name in ("1", "10", "9"):
        fill(tmp_path / "set" / "train" / name)
        fill(tmp_path / "set" / "test" / name)
    data = load_dataset(f"folder:{tmp_path / 'set'}[unseen={unseen}]", tmp_path)
    names = data.card.classes
    assert names == ("1", "10", "9")
    assert {names[label] for label in data.train.labels.tolist()} == kept


CLASSES = ("a b", "a-b", "C++", "x", "T-shirt/top")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a-b", [1]), ("a b", [0]), ("C++", [2]), ("c--", [2]), ("t-shirt-top", [4]), ("X", [3]),
        ("0", [0]), ("0+x", [0, 3]), ("5", None), ("a", None), ("-1", None), ("01", None),
    ],
)  # fmt: skip
def test_an_exact_name_wins(text, labels):
    assert labels_of(text, CLASSES) == labels


@pytest.mark.parametrize("classes", [("a b", "a_b"), ("Cat", "cat"), ("a b", "a/b", "c")])
def test_what_may_mean_two_classes_is_refused(classes):
    text = "CAT" if "cat" in classes else "a-b"
    said = f"f: unseen={text} may be {classes[0]!r} or {classes[1]!r}"
    with pytest.raises(BadInput, match=said):
        unseen_classes("f", {"unseen": text}, classes)


def test_numbers_that_are_not_labels_are_names_only():
    with pytest.raises(BadInput, match="unseen=2 names no classes; right are names such as 1, 10"):
        unseen_classes("f", {"unseen": "2"}, ("1", "10", "9"))
    assert unseen_classes("f", {"unseen": "12"}, tuple("0123456789ABC")) == (12,)


def test_each_class_is_named_so_that_it_is_found_again(tmp_path):
    for name in ("1", "10", "9", "a b"):
        fill(tmp_path / "set" / "train" / name)
        fill(tmp_path / "set" / "test" / name)
    where = f"folder:{tmp_path / 'set'}"
    names = each_class(f"{where}[unseen=each]", tmp_path)
    assert [load_dataset(name, tmp_path).unseen for name in names] == [(0,), (1,), (2,), (3,)]
    assert names[:2] == [f"{where}[unseen=1]", f"{where}[unseen=10]"]
