"""CelebA, LSUN and ImageNet from small files in the official layouts."""

import hashlib
import io
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from official_data import pixels
from PIL import Image
from torchvision.models import ResNet18_Weights

from harness.core.errors import BadInput
from harness.data import dataset_card, load_dataset
from harness.data.standard import celeba, encoded_set


def encoded(image, kind="PNG", mode="RGB") -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).convert(mode).save(content, kind)
    return content.getvalue()


def told(name, root) -> str:
    with pytest.raises(BadInput) as caught:
        load_dataset(name, root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# CelebA: images 1 and 2 are for training, 3 for validation, 4 for testing.
FACES = pixels(4, 218, 178, 3)
SIGNS = np.where(pixels(4, 40, seed=1) > 127, 1, -1)
LISTS = {
    celeba.PARTITION_FILE: "".join(f"{n:06}.jpg {part}\n" for n, part in enumerate("0012", 1)),
    celeba.ATTRIBUTE_FILE: f"4\n{' '.join(celeba.ATTRIBUTES)} \n"
    + "".join(f"{n:06}.jpg  {' '.join(map(str, row))}\n" for n, row in enumerate(SIGNS, 1)),
}


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """As an archive; every digest is that of these files."""
    folder = tmp_path / "celeba"
    folder.mkdir()
    for name, text in LISTS.items():
        (folder / name).write_text(text)
    with zipfile.ZipFile(folder / celeba.ARCHIVE, "w") as archive:
        for number, face in enumerate(FACES, 1):
            archive.writestr(f"img_align_celeba/{number:06}.jpg", encoded(face))
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(celeba, "FILES", replace(celeba.FILES, sums=sums))
    monkeypatch.setattr(celeba, "COUNTS", {"train": 2, "test": 1})
    return tmp_path


def test_faces_are_cut_out_of_the_middle(faces):
    for crop in (178, 148):
        dataset = load_dataset(f"celeba[size={crop},crop={crop}]", faces)
        top, left = (218 - crop) // 2, (178 - crop) // 2
        middle = FACES[:, top : top + crop, left : left + crop].transpose(0, 3, 1, 2)
        assert np.array_equal(dataset.train.images, middle[:2])
        assert np.array_equal(dataset.test.images, middle[3:])
    assert load_dataset("celeba", faces).size == 64


def test_attributes_are_factors_and_one_may_be_the_label(faces):
    plain = load_dataset("celeba", faces)
    smiling = load_dataset("celeba[attribute=Smiling]", faces)
    expected = SIGNS[:2, celeba.ATTRIBUTES.index("Smiling")] == 1
    assert np.array_equal(plain.train.factors, SIGNS[:2] == 1)
    assert plain.train.labels.tolist() == [0, 0]
    assert smiling.train.labels.tolist() == expected.tolist()
    assert smiling.card.classes == ("not Smiling", "Smiling")
    assert smiling.digest != plain.digest
    assert len(list((faces / "prepared").glob("celeba*"))) == 1


def test_faces_are_read_from_the_unpacked_folder_too(faces):
    archived = load_dataset("celeba", faces)
    path = faces / "celeba" / celeba.ARCHIVE
    with zipfile.ZipFile(path) as archive:
        archive.extractall(faces / "celeba")
    path.unlink()
    unpacked = load_dataset("celeba", faces)
    assert unpacked.digest == archived.digest
    assert len(list((faces / "prepared").glob("celeba*"))) == 2
    (faces / "celeba" / "img_align_celeba" / "000001.jpg").write_bytes(b"half")
    assert "000001.jpg: cannot be decoded" in told("celeba", faces)


def test_a_changed_list_of_faces_is_named(faces):
    path = faces / "celeba" / celeba.PARTITION_FILE
    path.write_text(path.read_text().replace("2\n", "0\n"))
    assert told("celeba", faces).startswith(f"{path}: cut short or corrupt")


def test_missing_faces_say_where_they_are_had(tmp_path):
    line = told("celeba", tmp_path / "new")
    assert line.startswith(str(tmp_path / "new" / "celeba" / celeba.PARTITION_FILE))
    assert "mmlab.ie.cuhk.edu.hk" in line
    assert list(tmp_path.iterdir()) == []


SCENES = pixels(3, 256, 384, 3)


def database(folder, images):
    lmdb = pytest.importorskip("lmdb")
    folder.mkdir(parents=True)
    with lmdb.open(str(folder), map_size=2**24) as file, file.begin(write=True) as transaction:
        for number, image in enumerate(images):
            transaction.put(f"{number:040x}".encode(), image)


def test_scenes_of_lsun_are_the_middle_of_each_photograph(tmp_path):
    scenes = [encoded(image, "WEBP") for image in SCENES]
    database(tmp_path / "lsun" / "tower_train_lmdb", scenes[:2])
    database(tmp_path / "lsun" / "tower_val_lmdb", scenes[2:])
    dataset = load_dataset("lsun[category=tower,size=256]", tmp_path)
    decoded = [np.asarray(Image.open(io.BytesIO(scene)).convert("RGB")) for scene in scenes]
    middle = np.stack(decoded)[:, :, 64:320].transpose(0, 3, 1, 2)
    assert np.array_equal(dataset.train.images, middle[:2])
    assert np.array_equal(dataset.test.images, middle[2:])
    assert dataset.card.classes == ("tower",)
    assert load_dataset("lsun[category=tower]", tmp_path).size == 64


def test_a_damaged_or_missing_database_is_named(tmp_path):
    assert "bedroom_train_lmdb/data.mdb: this file of LSUN is missing" in told("lsun", tmp_path)
    for part in ("train", "val"):
        (tmp_path / "lsun" / f"bedroom_{part}_lmdb").mkdir(parents=True)
        (tmp_path / "lsun" / f"bedroom_{part}_lmdb" / "data.mdb").write_bytes(b"half")
    pytest.importorskip("lmdb")
    assert "bedroom_train_lmdb: cannot be read" in told("lsun", tmp_path)


def test_without_lmdb_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    for part in ("train", "val"):
        (tmp_path / "lsun" / f"bedroom_{part}_lmdb").mkdir(parents=True)
        (tmp_path / "lsun" / f"bedroom_{part}_lmdb" / "data.mdb").touch()
    monkeypatch.setitem(sys.modules, "lmdb", None)
    assert "harness[lmdb]" in told("lsun", tmp_path)


PHOTOGRAPHS = {
    "train/n02/b.JPEG": encoded(pixels(64, 64, 3), "JPEG"),
    "train/n02/a.JPEG": encoded(pixels(64, 64, 3, seed=1), "JPEG", "CMYK"),
    "train/n01/c.JPEG": encoded(pixels(64, 64, seed=2), "JPEG", "L"),
    "val/n01/d.JPEG": encoded(pixels(80, 64, 3, seed=3), "JPEG"),
    "val/n02/e.JPEG": encoded(pixels(64, 100, 3, seed=4)),
}


@pytest.fixture
def imagenet(tmp_path):
    for name, content in PHOTOGRAPHS.items():
        path = tmp_path / "imagenet" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "imagenet" / "train" / "n01" / "notes.txt").touch()
    return tmp_path


def test_folders_are_classes_and_all_photographs_become_rgb(imagenet):
    dataset = load_dataset("imagenet", imagenet)
    order = ["train/n01/c.JPEG", "train/n02/a.JPEG", "train/n02/b.JPEG"]
    decoded = [Image.open(io.BytesIO(PHOTOGRAPHS[name])).convert("RGB") for name in order]
    assert dataset.card.classes == ("n01", "n02")
    assert dataset.train.labels.tolist() == [0, 1, 1]
    assert dataset.test.labels.tolist() == [0, 1]
    expected = np.stack([np.asarray(image).transpose(2, 0, 1) for image in decoded])
    assert np.array_equal(dataset.train.images, expected)
    assert dataset.test.images.shape == (2, 3, 64, 64)


def test_a_photograph_is_resized_by_the_filter_that_is_named(imagenet):
    def train(options):
        return load_dataset(f"imagenet[size=32{options}]", imagenet).train.images

    assert torch.equal(train(""), train(",filter=bicubic"))
    assert not torch.equal(train(""), train(",filter=box"))
    image = Image.open(io.BytesIO(PHOTOGRAPHS["train/n02/b.JPEG"]))
    peer = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert np.array_equal(train(",filter=lanczos")[2], peer)


def test_a_whole_imagenet_has_the_names_of_torchvision(imagenet):
    names = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    tiny = encoded(pixels(8, 8, 3))
    for part in ("train", "val"):
        for old in ("n01", "n02"):
            path = imagenet / "imagenet" / part / old
            path.rename(path.with_name(f"n0000000{old[-1]}"))
        for number in range(3, 1001):
            folder = imagenet / "imagenet" / part / f"n{number:08}"
            folder.mkdir()
            (folder / "x.png").write_bytes(tiny)
    dataset = load_dataset("imagenet[size=8]", imagenet)
    assert dataset.card.classes == tuple(names)
    assert dataset.test.labels.tolist() == list(range(1000))


def test_a_changed_photograph_is_noticed(imagenet):
    before = load_dataset("imagenet[size=8]", imagenet).digest
    (imagenet / "imagenet/train/n01/c.JPEG").write_bytes(PHOTOGRAPHS["train/n02/b.JPEG"])
    assert load_dataset("imagenet[size=8]", imagenet).digest != before


def test_what_is_wrong_with_the_folders_is_said(imagenet):
    folder = imagenet / "imagenet"
    (folder / "train" / "n03").mkdir()
    assert "'n03' is in one of them only" in told("imagenet", imagenet)
    (folder / "val" / "n03").mkdir()
    assert told("imagenet", imagenet).startswith(f"{folder / 'train' / 'n03'}: no images")
    assert "imagenet/train" in told("imagenet", imagenet / "elsewhere")


@pytest.mark.parametrize("content", [b"", b"GIF89a", PHOTOGRAPHS["train/n02/b.JPEG"][:900]])
def test_a_photograph_that_cannot_be_decoded_is_named_and_nothing_is_kept(imagenet, content):
    path = imagenet / "imagenet" / "val" / "n02" / "e.JPEG"
    path.write_bytes(content)
    assert told("imagenet", imagenet).startswith(f"{path}: cannot be decoded")
    assert not list((imagenet / "prepared").glob("[!.]*"))


def test_photographs_are_decoded_in_chunks_that_keep_their_order(imagenet, monkeypatch):
    whole = load_dataset("imagenet", imagenet).digest
    monkeypatch.setattr(encoded_set, "CHUNK", 2)
    monkeypatch.setattr(encoded_set, "VERSION", 99)
    assert load_dataset("imagenet", imagenet).digest == whole


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("celeba[crop=140]", "crop=140; known are 178, 148"),
        ("celeba[attribute=smiling]", "did you mean 'Smiling'?"),
        ("lsun[category=bedrom]", "did you mean 'bedroom'?"),
        ("imagenet[size=-1]", "a number of pixels up to"),
        ("imagenet:elsewhere", "the form is imagenet"),
    ],
)
def test_a_wrong_option_of_photographs_is_one_helpful_line(name, message):
    with pytest.raises(BadInput) as caught:
        dataset_card(name)
    assert message in str(caught.value)
