import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from official_data import gz, idx, pixels, stand_in
from torchvision import datasets

from harness.core.errors import BadInput
from harness.data import dataset_card, load_dataset
from harness.data.standard import mnist, mnist_relatives

TRAIN, TEST = pixels(4, 28, 28), pixels(3, 28, 28, seed=1)
TRAIN_LABELS, TEST_LABELS = np.array([3, 1, 4, 1], np.uint8), np.array([5, 9, 2], np.uint8)


def mnist_files(pack=lambda content: content, suffix=""):
    arrays = {
        "train-images-idx3-ubyte": TRAIN,
        "train-labels-idx1-ubyte": TRAIN_LABELS,
        "t10k-images-idx3-ubyte": TEST,
        "t10k-labels-idx1-ubyte": TEST_LABELS,
    }
    return {name + suffix: pack(idx(values)) for name, values in arrays.items()}


def check(train, test):
    assert train.images.dtype == torch.uint8
    assert train.labels.dtype == torch.int64
    assert np.array_equal(train.images[:, 0], TRAIN)
    assert np.array_equal(test.images[:, 0], TEST)
    assert train.labels.tolist() == TRAIN_LABELS.tolist()
    assert test.labels.tolist() == TEST_LABELS.tolist()


def test_mnist_and_fashion_mnist_are_read_from_unpacked_files(tmp_path):
    for official in (mnist.MNIST_SET, mnist.FASHION_MNIST_SET):
        known = stand_in(official, tmp_path, mnist_files(), train=4, test=3)
        check(*known.source({}).load(tmp_path))


def test_kmnist_is_read_from_the_archives(tmp_path):
    known = stand_in(mnist_relatives.KMNIST_SET, tmp_path, mnist_files(gz, ".gz"), train=4, test=3)
    check(*known.source({}).load(tmp_path))


def test_the_class_of_qmnist_is_the_first_of_eight_numbers(tmp_path):
    def labels(values):
        return np.stack([values, *[np.full(len(values), 77)] * 7], axis=1).astype(">i4")

    files = {
        "qmnist-train-images-idx3-ubyte.gz": gz(idx(TRAIN)),
        "qmnist-train-labels-idx2-int.gz": gz(idx(labels(TRAIN_LABELS))),
        "qmnist-test-images-idx3-ubyte.gz": gz(idx(TEST)),
        "qmnist-test-labels-idx2-int.gz": gz(idx(labels(TEST_LABELS))),
    }
    known = stand_in(mnist_relatives.QMNIST_SET, tmp_path, files, train=4, test=3)
    check(*known.source({}).load(tmp_path))


def emnist_archive(split, first=0):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part, images, labels in (("train", TRAIN, TRAIN_LABELS), ("test", TEST, TEST_LABELS)):
            stem = f"gzip/emnist-{split}-{part}"
            turned = np.ascontiguousarray(images.transpose(0, 2, 1))
            archive.writestr(f"{stem}-images-idx3-ubyte.gz", gz(idx(turned)))
            archive.writestr(f"{stem}-labels-idx1-ubyte.gz", gz(idx(labels + np.uint8(first))))
    return {"gzip.zip": content.getvalue()}


@pytest.mark.parametrize("split", ["balanced", "letters"])
def test_emnist_is_upright_and_its_labels_count_from_0(tmp_path, split):
    files = emnist_archive(split, first=split == "letters")
    known = stand_in(mnist_relatives.emnist_set(split), tmp_path, files, train=4, test=3)
    check(*known.source({}).load(tmp_path))


@pytest.mark.parametrize("split", mnist_relatives.EMNIST_COUNTS)
def test_the_classes_of_emnist_are_torchvisions(split):
    peer = datasets.EMNIST.classes_split_dict[split]
    assert dataset_card(f"emnist[split={split}]").classes == tuple(c for c in peer if c != "N/A")


def test_the_classes_of_fashion_mnist_are_torchvisions():
    assert dataset_card("fashion-mnist").classes == tuple(datasets.FashionMNIST.classes)


def test_a_split_that_emnist_does_not_have_is_refused():
    with pytest.raises(BadInput, match="did you mean 'letters'"):
        dataset_card("emnist[split=leters]")


def test_a_prepared_set_needs_its_files_no_more(tmp_path):
    known = stand_in(mnist.MNIST_SET, tmp_path, mnist_files(), train=4, test=3)
    first = known.source({}).load(tmp_path)
    for path in (tmp_path / "MNIST" / "raw").iterdir():
        path.unlink()
    again = known.source({}).load(tmp_path)
    assert [split.digest() for split in again] == [split.digest() for split in first]


@pytest.mark.parametrize(
    ("train", "message"), [(3, "more than 3 train"), (5, "4 train images ins")]
)
def test_files_of_another_number_of_images_are_refused(tmp_path, train, message):
    known = stand_in(mnist.MNIST_SET, tmp_path, mnist_files(), train=train, test=3)
    with pytest.raises(BadInput, match=message):
        known.source({}).load(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([3, 1, 4], "3 labels of 4 images"), ([3, 1, 4, 10], "a label is 10; there are 10 classes")],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, message):
    files = mnist_files() | {"train-labels-idx1-ubyte": idx(np.array(labels, np.uint8))}
    known = stand_in(mnist.MNIST_SET, tmp_path, files, train=4, test=3)
    with pytest.raises(BadInput, match=message):
        known.source({}).load(tmp_path)


def test_a_size_is_prepared_beside_the_plain_set_and_judged_by_inception(tmp_path):
    known = stand_in(mnist.MNIST_SET, tmp_path, mnist_files(), train=4, test=3)
    plain, small = known.source({}), known.source({"size": "14", "filter": "box"})
    images = small.load(tmp_path)[0].images
    means = TRAIN.reshape(4, 14, 2, 14, 2).astype(float).mean(axis=(2, 4))
    assert images.shape == (4, 1, 14, 14)
    assert np.abs(images[:, 0].numpy() - means).max() <= 1  # rounded after rows and again
    check(*plain.load(tmp_path))
    assert (plain.card.extractor, small.card.extractor) == ("classifier:mnist", "inception")
    assert len(list((tmp_path / "prepared").glob("mnist-*"))) == 2


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_images_of_sixteen_pixels_have_a_classifier_of_their_own(name):
    for options in ("size=16", "size=16,filter=bicubic", "size=16,train=100"):
        card = dataset_card(f"{name}[{options}]")
        assert (card.extractor, card.perceptual) == (f"classifier:{name}-16",) * 2
    for options in ("size=16,filter=box", "size=14"):  # other images than it was trained on
        assert dataset_card(f"{name}[{options}]").extractor == "inception"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnist[size=0]", "a number of pixels up to"),
        ("mnist[size=big]", "a number of pixels up to"),
        ("mnist[size=14,filter=bx]", "unknown filter 'bx'; did you mean 'box'?"),
        ("mnist[filter=box]", "give size=N too"),
        ("mnist[size=28,filter=box]", "give size=N too"),
        ("mnist[split=letters]", "unknown option 'split'"),
    ],
)
def test_a_wrong_option_is_one_helpful_line(name, message):
    with pytest.raises(BadInput) as caught:
        dataset_card(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The official files, as links, so that nothing is written beside them."""
    source = Path(os.environ.get("HARNESS_DATA", ""))
    root = tmp_path_factory.mktemp("data")
    for folder in ("MNIST", "FashionMNIST"):
        if not (source / folder).is_dir():
            pytest.skip(f"HARNESS_DATA names no folder with {folder}")
        (root / folder).symlink_to(source / folder)
    return root


@pytest.mark.parametrize(
    ("name", "digest"), [("mnist", "ff9f9ef8ae197994"), ("fashion-mnist", "954fbda0cee5a8f0")]
)
def test_the_official_files_give_the_images_that_reports_were_made_with(data, name, digest):
    dataset = load_dataset(name, data)
    assert dataset.digest.startswith(digest)
    computed = replace(dataset.test, known_digest="").digest()
    assert computed == dataset.test.digest()
    assert len(dataset.train) == 60_000
