"""A source that gives no dataset is refused in one line that says what, and where."""

import sys
from pathlib import Path

import pytest

from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.data import load_dataset
from harness.data.load import stand_in

CODE = """
import torch
from harness.data import DatasetCard, Source, Split

CARD = DatasetCard("Stripes", "CC0", "none", ("across", "down"), "inception", "lpips:alex")


def load(root):
    images = torch.arange(20 * 64).view(20, 1, 8, 8).remainder(256).to(torch.uint8)
    labels = torch.arange(20) % 2
    return Split(images, labels), Split(images, labels)


STRIPES = Source(CARD, load)
"""
SPLIT = "return Split(images, labels), "
CASES = {
    "floats": (SPLIT, "return Split(images / 255, labels), ",
               "the train split has images of float32; uint8 is needed, 0 for black and 255"),
    "channels last": (SPLIT, "return Split(images.permute(0, 2, 3, 1), labels), ",
                      "images of 8 channels; C of N×C×S×S is 1 or 3; these are N×H×W×C: imag"),
    "no channels": (SPLIT, "return Split(images[:, 0], labels), ", "shape 20×8×8; N×C×S×S is"),
    "none": (SPLIT, "return Split(images[:0], labels[:0]), ", "N at least 1"),
    "an array": (SPLIT, "return Split(images.numpy(), labels), ", "a ndarray as images; a tensor"),
    "not square": (SPLIT, "return Split(images[..., 1:], labels), ", "images of 8×7 pixels"),
    "another size": (SPLIT, "return Split(images[..., 1:, 1:], labels), ",
                     "images are 1×7×7 in the train split and 1×8×8 in the test split"),
    "a class too many": (SPLIT, "return Split(images, labels + 1), ",
                         "the label 2, and card.classes has 2 names, for 0 to 1"),
    "negative": (SPLIT, "return Split(images, labels - 1), ", "the label -1; labels count from 0"),
    "float labels": (SPLIT, "return Split(images, labels.float()), ", "labels of float32 and"),
    "few labels": (SPLIT, "return Split(images, labels[1:]), ", "19 labels for 20 images"),
    "few texts": (SPLIT, 'return Split(images, labels, texts=("a",)), ', "1 texts for 20 images"),
    "one split": (SPLIT, "return (Split(images, labels),) or ", "load gave a tuple of 1; a train"),
    "no split": (SPLIT, "return images, ", "the train split is a Tensor; a Split of harness.data"),
    "it fails": (SPLIT, "return images.nothing, ", "cannot be loaded: AttributeError"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_dataset_is_said_in_one_line(tmp_path: Path, case):
    old, new, words = CASES[case]
    assert old in CODE
    (tmp_path / "df_stripes.py").write_text(CODE.replace(old, new))
    look_in(tmp_path)
    with pytest.raises(BadInput) as error:
        load_dataset("df_stripes:STRIPES")
    said = str(error.value)
    assert said.startswith("df_stripes:STRIPES")
    assert words in said
    assert "(df_stripes.py:" in said
    assert said.endswith("in load)")
    assert "\n" not in said
    look_in(None)
    assert "df_stripes" not in sys.modules


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Source(CARD, load)", "load", "is a function, not a Source of harness.data"),
        ("Source(CARD, load)", "Source(CARD, None)", "has a NoneType as its load"),
        ("Source(CARD, load)", 'Source({"title": "x"}, load)', "has a dict as its card"),
        ('("across", "down")', '"across"', "has card.classes 'across', not a tuple of names"),
    ],
)
def test_what_is_no_source_is_said_in_one_line(tmp_path, old, new, words):
    (tmp_path / "df_other.py").write_text(CODE.replace(old, new))
    look_in(tmp_path)
    with pytest.raises(BadInput, match=words):
        load_dataset("df_other:STRIPES")
    look_in(None)


def test_a_stand_in_has_the_shape_and_the_task_of_the_data():
    for name in ("digits", "digits[unseen=8]", "digits[denoise=gaussian-0.1]",
                 "digits[unpaired=inverted]", "digits[binarized=dynamic]"):  # fmt: skip
        noise, data = stand_in(name), load_dataset(name)
        assert noise is not None
        assert noise.train.images.shape[1:] == data.train.images.shape[1:]
        assert (noise.train.transform is None) == (data.train.transform is None)
        assert (noise.test.sources is None) == (data.test.sources is None)
        assert (noise.unseen, noise.unpaired) == (data.unseen, data.unpaired)
    assert stand_in("folder:nowhere") is None
    assert stand_in("ring") is None
