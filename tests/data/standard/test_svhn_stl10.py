import io

import numpy as np
import pytest
from official_data import pixels, stand_in
from scipy.io import savemat
from torchvision import datasets

from harness.core.errors import BadInput
from harness.data import dataset_card
from harness.data.standard.stl10 import stl10_set
from harness.data.standard.svhn import SVHN_SET


def mat(images, labels) -> bytes:
    content = io.BytesIO()
    savemat(content, {"X": images, "y": labels}, do_compression=True)
    return content.getvalue()


SVHN_IMAGES = pixels(32, 32, 3, 4)
SVHN_FILES = {
    "train_32x32.mat": mat(SVHN_IMAGES[..., :3], np.array([[10], [1], [9]], np.uint8)),
    "test_32x32.mat": mat(SVHN_IMAGES[..., 3:], np.array([[2]], np.uint8)),
}


def test_class_10_of_svhn_is_the_digit_0(tmp_path):
    known = stand_in(SVHN_SET, tmp_path, SVHN_FILES, train=3, test=1)
    train, test = known.source({}).load(tmp_path)
    assert train.labels.tolist() == [0, 1, 9]
    assert np.array_equal(train.images, SVHN_IMAGES[..., :3].transpose(3, 2, 0, 1))
    assert test.images.shape == (1, 3, 32, 32)


def test_svhn_is_what_torchvision_reads(tmp_path, monkeypatch):
    known = stand_in(SVHN_SET, tmp_path, SVHN_FILES, train=3, test=1)
    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)
    peer = datasets.SVHN(tmp_path, split="train")
    ours = known.source({}).load(tmp_path)[0]
    assert np.array_equal(ours.images, peer.data)
    assert ours.labels.tolist() == peer.labels.tolist()


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", SVHN_FILES["train_32x32.mat"][:-500]])
def test_a_damaged_mat_file_is_named(tmp_path, content):
    files = SVHN_FILES | {"train_32x32.mat": content}
    known = stand_in(SVHN_SET, tmp_path, files, train=3, test=1)
    with pytest.raises(BadInput, match=r"train_32x32\.mat: cannot be read"):
        known.source({}).load(tmp_path)


STL_IMAGES = pixels(5, 3, 96, 96)


def stl_bytes(images) -> bytes:
    """Planes are stored column by column."""
    return images.transpose(0, 1, 3, 2).tobytes()


STL_FILES = {
    "train_X.bin": stl_bytes(STL_IMAGES[:2]),
    "train_y.bin": bytes([1, 10]),
    "unlabeled_X.bin": stl_bytes(STL_IMAGES[2:4]),
    "test_X.bin": stl_bytes(STL_IMAGES[4:]),
    "test_y.bin": bytes([3]),
}


def stl(tmp_path, part):
    official = stl10_set(part)
    files = {name: STL_FILES[name] for name in official.files.sums}
    return stand_in(official, tmp_path, files, train=2, test=1)


def test_stl10_is_what_torchvision_reads(tmp_path, monkeypatch):
    train, test = stl(tmp_path, "labeled").source({}).load(tmp_path)
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    peer = datasets.STL10(tmp_path, split="train")
    assert np.array_equal(train.images, peer.data)
    assert train.labels.tolist() == peer.labels.tolist() == [0, 9]
    assert np.array_equal(test.images, STL_IMAGES[4:])
    assert test.labels.tolist() == [2]


def test_the_images_without_a_label_are_of_one_class(tmp_path):
    train, test = stl(tmp_path, "unlabeled").source({"size": "48"}).load(tmp_path)
    assert train.images.shape == (2, 3, 48, 48)
    assert train.labels.tolist() == [0, 0]
    assert test.labels.tolist() == [0]
    assert len(dataset_card("stl10[part=unlabeled]").classes) == 1
    with pytest.raises(BadInput, match="part=half"):
        dataset_card("stl10[part=half]")


def test_an_image_cut_short_is_named(tmp_path):
    official = stl10_set("labeled")
    files = {name: STL_FILES[name] for name in official.files.sums}
    files["train_X.bin"] = files["train_X.bin"][:-1]
    known = stand_in(official, tmp_path, files, train=2, test=1)
    with pytest.raises(BadInput, match=r"train_X\.bin: cut short in an image"):
        known.source({}).load(tmp_path)
