"""Classes of torchvision.datasets by name, on small files in their layouts that are made here."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from harness.core.errors import BadInput
from harness.data.load import dataset_card, load_dataset

PIXELS = np.random.RandomState(0).randint(0, 256, (40, 8, 8, 3), dtype=np.uint8)


def save(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS[row]).save(path)


def pixels(split):
    return split.images.permute(0, 2, 3, 1).numpy()


@pytest.fixture
def eurosat(tmp_path):
    for row in range(40):
        save(tmp_path / "eurosat/2750" / ("Forest", "River")[row % 2] / f"{row:02}.png", row)
    return tmp_path


@pytest.fixture
def gtsrb(tmp_path):
    base = tmp_path / "gtsrb"
    for row in range(20):
        save(base / f"GTSRB/Training/{row % 3:05}/{row:03}.ppm", row)
    for row in range(20, 30):
        save(base / f"GTSRB/Final_Test/Images/{row:05}.ppm", row)
    with (base / "GT-final_test.csv").open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["Filename", "ClassId"])
        rows.writerows([f"{row:05}.ppm", row % 3] for row in range(20, 30))
    return tmp_path


@pytest.fixture
def imagenette(tmp_path):
    for row in range(30):
        part, wnid = ("train", "val")[row >= 20], ("n01440764", "n02102040")[row % 2]
        save(tmp_path / "imagenette2" / part / wnid / f"{row:02}.JPEG", row)
    return tmp_path


def test_a_class_without_splits_is_split_by_the_numbers_of_rows(eurosat):
    dataset = load_dataset("torchvision:EuroSAT", eurosat)
    assert dataset.card.classes == ("Forest", "River")
    assert len(dataset.train) + len(dataset.test) == 40
    assert len(dataset.test) >= 2
    shown = {image.tobytes() for split in (dataset.train, dataset.test) for image in pixels(split)}
    assert shown == {image.tobytes() for image in PIXELS}
    rows = {image.tobytes(): row for row, image in enumerate(PIXELS)}
    labels = [rows[image.tobytes()] % 2 for image in pixels(dataset.train)]
    assert dataset.train.labels.tolist() == labels


def test_a_class_with_splits_and_without_names_of_classes(gtsrb):
    dataset = load_dataset("torchvision:GTSRB", gtsrb)
    assert dataset.card.classes == ("0", "1", "2")
    assert (len(dataset.train), len(dataset.test)) == (20, 10)
    assert np.array_equal(pixels(dataset.test), PIXELS[20:30])
    assert dataset.test.labels.tolist() == [row % 3 for row in range(20, 30)]
    swapped = load_dataset("torchvision:GTSRB[split=test,test=train]", gtsrb)
    assert (len(swapped.train), len(swapped.test)) == (10, 20)


def test_a_split_called_val_and_classes_of_several_names(imagenette):
    dataset = load_dataset("torchvision:Imagenette[size=4,channels=1]", imagenette)
    assert dataset.train.images.shape == (20, 1, 4, 4)
    assert len(dataset.test) == 10
    assert dataset.card.classes[:2] == ("tench", "English springer")
    assert dataset.digest != load_dataset("torchvision:Imagenette[size=4]", imagenette).digest


class Fake(datasets.FakeData):
    """As FakeData, which has 1,000 images of 224 pixels a side unless it is told otherwise."""

    def __init__(self):
        super().__init__(size=40, image_size=(3, 8, 8))


def test_images_without_files_and_without_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "FakeData", Fake)
    dataset = load_dataset("torchvision:FakeData[label=none]", tmp_path)
    assert len(dataset.train) + len(dataset.test) == 40
    assert dataset.card.classes == ("images",)
    assert dataset.train.labels.unique().tolist() == [0]


def test_another_root_and_options_of_tasks(eurosat):
    dataset = load_dataset("torchvision:ImageFolder[root=eurosat/2750,unseen=River]", eurosat)
    assert dataset.train.labels.unique().tolist() == [0]
    assert dataset.test.labels.unique().tolist() == [0, 1]


def test_changed_files_are_another_dataset(eurosat):
    before = load_dataset("torchvision:EuroSAT[size=4]", eurosat)
    file = eurosat / "eurosat/2750/Forest/00.png"
    Image.fromarray(255 - PIXELS[0]).save(file)
    os.utime(file, (1, 1))
    again = load_dataset("torchvision:EuroSAT[size=4]", eurosat)
    assert again.digest != before.digest


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(head + array.tobytes())


def test_a_class_with_an_argument_train(tmp_path):
    grey, labels = PIXELS[..., 0], np.arange(40, dtype=np.uint8) % 10
    for part, rows in (("train", slice(0, 30)), ("t10k", slice(30, 40))):
        raw = tmp_path / "MNIST/raw"
        write_idx(raw / f"{part}-images-idx3-ubyte", grey[rows])
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels[rows])
    dataset = load_dataset("torchvision:MNIST", tmp_path)
    assert np.array_equal(dataset.train.images[:, 0].numpy(), grey[:30])
    assert np.array_equal(dataset.test.labels.numpy(), labels[30:])
    assert dataset.card.classes[3] == "3 - three"
    with pytest.raises(BadInput, match="has its own images to train on and to test with"):
        load_dataset("torchvision:MNIST[split=train]", tmp_path)


@pytest.mark.skipif("HARNESS_DATA" not in os.environ, reason="needs HARNESS_DATA")
def test_the_official_files_of_mnist_are_the_same_images():
    root = Path(os.environ["HARNESS_DATA"])
    if not (root / "MNIST/raw").is_dir():
        pytest.skip("needs MNIST")
    ours, theirs = load_dataset("mnist"), load_dataset("torchvision:MNIST")
    for split in ("train", "test"):
        mine, other = getattr(ours, split), getattr(theirs, split)
        assert np.array_equal(mine.images.numpy(), other.images.numpy())
        assert np.array_equal(mine.labels.numpy(), other.labels.numpy())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torchvision:eurosat", "no such class; did you mean 'EuroSAT'"),
        ("torchvision:EuroSATT", "no such class; did you mean 'EuroSAT'"),
        ("torchvision:VisionDataset", "no such class"),
        ("torchvision:LSUN", r"write lsun\[category=…\]"),
        ("torchvision:DatasetFolder", "write folder:PATH"),
        ("torchvision:ImageFolder", "needs root=FOLDER; or write folder:PATH"),
        ("torchvision:EuroSAT[label=kind]", "label=none is all there is"),
        ("torchvision:EuroSAT[root=../secret]", "leaves the folder of all datasets"),
        ("torchvision:EuroSAT[size=0]", "size"),
    ],
)
def test_what_a_name_has_wrong_is_said_before_any_data_are_read(name, message):
    with pytest.raises(BadInput, match=message) as caught:
        dataset_card(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torchvision:EuroSAT[split=train]", "has no splits"),
        ("torchvision:GTSRB[test=dev]", "no files|no split dev; known: .*train"),
        ("torchvision:CocoDetection", "needs 'annFile' too"),
        ("torchvision:EMNIST", "no split .none.; known: .*letters"),
        ("torchvision:EuroSAT", r"has no files of it.*datasets.EuroSAT\(.*download=True"),
        ("torchvision:GTSRB", r"datasets.GTSRB\(.*split='train', download=True"),
        ("torchvision:USPS[root=nowhere]", "nowhere: no such file or folder"),
    ],
)
def test_what_is_not_there_is_one_line(tmp_path, name, message):
    with pytest.raises(BadInput, match=message) as caught:
        load_dataset(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_class_of_other_things_than_images_and_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.FakeData, "__getitem__", lambda self, row: ("text", 0))
    with pytest.raises(BadInput, match="gives str and no images"):
        load_dataset("torchvision:FakeData[size=8]", tmp_path)
    image = Image.fromarray(PIXELS[0])
    monkeypatch.setattr(datasets.FakeData, "__getitem__", lambda self, row: (image, {"box": 1}))
    with pytest.raises(BadInput, match=r"a label is dict, .* label=none"):
        load_dataset("torchvision:FakeData[size=16]", tmp_path)


def test_a_damaged_image_is_named_by_its_row(eurosat):
    (eurosat / "eurosat/2750/Forest/00.png").write_bytes(gzip.compress(b"no image"))
    with pytest.raises(BadInput, match="torchvision:EuroSAT, row 0 cannot be read"):
        load_dataset("torchvision:EuroSAT[channels=1]", eurosat)
