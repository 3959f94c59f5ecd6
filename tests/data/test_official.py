import hashlib
import os
import pickle
import shutil
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets

from harness.data import load_dataset, official
from harness.spec.errors import BadInput

MNIST_TEST_IMAGES = "MNIST/raw/t10k-images-idx3-ubyte"


@pytest.fixture(scope="module")
def data() -> Path:
    root = os.environ.get("HARNESS_DATA")
    if not root or not (Path(root) / MNIST_TEST_IMAGES).is_file():
        pytest.skip("HARNESS_DATA names no folder with the official MNIST and CIFAR-10 files")
    return Path(root)


@pytest.mark.parametrize(
    ("name", "shape", "digest"),
    [
        ("mnist", (60_000, 1, 28, 28), "ff9f9ef8ae197994"),
        ("fashion-mnist", (60_000, 1, 28, 28), "954fbda0cee5a8f0"),
        ("cifar10", (50_000, 3, 32, 32), None),
    ],
)
def test_the_official_files_become_uint8_tensors(data, name, shape, digest):
    dataset = load_dataset(name, data)
    assert dataset.train.images.shape == shape
    assert dataset.test.images.shape == (10_000, *shape[1:])
    assert dataset.train.images.dtype == torch.uint8
    assert dataset.test.labels.bincount().tolist() == (
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] if name == "mnist" else [1000] * 10
    )
    if digest:
        assert dataset.digest.startswith(digest)


def test_channels_and_rows_of_cifar_are_where_torchvision_has_them(data):
    peer = datasets.CIFAR10(data, train=False)
    ours = load_dataset("cifar10", data).test
    assert np.array_equal(ours.images[7].permute(1, 2, 0).numpy(), np.asarray(peer[7][0]))
    assert ours.labels[7] == peer[7][1]


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("mnist", "MNIST/raw", "t10k-images-idx3-ubyte"),
        ("cifar10", "cifar-10-batches-py", "data_batch_3"),
    ],
)
def test_a_file_cut_short_is_named(data, tmp_path, name, folder, file):
    shutil.copytree(data / folder, tmp_path / folder)
    path = tmp_path / folder / file
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadInput) as caught:
        load_dataset(name, tmp_path)
    assert str(caught.value).startswith(f"{path}: cut short or corrupt")
    assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["BOMB"],))


def test_a_pickle_that_is_not_the_official_one_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in official.CIFAR10_SUMS:
        (folder / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadInput, match="data_batch_1: cut short or corrupt"):
        load_dataset("cifar10", tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_data_that_cannot_be_had_is_one_line_that_says_where_to_put_it(tmp_path, monkeypatch):
    def offline(*_args, **_kwargs):
        raise URLError("no network\nat all")

    monkeypatch.setattr(datasets.mnist, "download_and_extract_archive", offline)
    root = tmp_path / "new"
    with pytest.raises(BadInput) as caught:
        load_dataset("mnist", root)
    line = str(caught.value)
    assert line.startswith(str(root / "MNIST" / "raw"))
    assert all(part in line for part in ("--data-root", "HARNESS_DATA", "no network at all"))
    assert "\n" not in line
    assert list(tmp_path.iterdir()) == []


def test_what_is_downloaded_is_moved_into_place_and_checked(tmp_path, monkeypatch):
    """With a stand-in for the download: two images of the right format, pinned as official."""
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2])
    images, labels = header + bytes(range(8)), bytes([0, 0, 8, 1, 0, 0, 0, 2, 4, 9])
    files = {name: images if "images" in name else labels for name in official.MNIST_SUMS}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    def download(url, download_root, filename, md5):
        (Path(download_root) / Path(filename).stem).write_bytes(files[Path(filename).stem])

    monkeypatch.setattr(datasets.mnist, "download_and_extract_archive", download)
    monkeypatch.setattr(official, "MNIST_SUMS", sums)
    for _ in range(2):  # the second time from the files, without any download
        dataset = load_dataset("mnist", tmp_path)
        assert dataset.train.images.flatten().tolist() == list(range(8))
        assert dataset.test.labels.tolist() == [4, 9]
        monkeypatch.setattr(datasets.mnist, "download_and_extract_archive", None)
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"]
