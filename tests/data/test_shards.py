import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data.load import load_dataset


def png(value: int, size: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (size, size), value).save(buffer, "PNG")
    return buffer.getvalue()


def shard(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def samples(start: int, count: int) -> dict[str, bytes]:
    """Grey squares of the sample's number, whose class is its parity, and a caption."""
    files: dict[str, bytes] = {}
    for number in range(start, start + count):
        files |= {
            f"{number:05d}.png": png(number),
            f"{number:05d}.cls": str(number % 2).encode(),
            f"{number:05d}.txt": b"a caption, which is passed over",
        }
    return files


def values(split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("train", "test"), [("train/00.tar", "test/00.tar"), ("x-train-00.tar", "x-val-00.tar")]
)
def test_shards_of_two_splits(tmp_path: Path, train: str, test: str):
    shard(tmp_path / "set" / train, samples(0, 20))
    shard(tmp_path / "set" / train.replace("00", "01"), samples(20, 10))
    shard(tmp_path / "set" / test, samples(100, 4))
    dataset = load_dataset("shards:set", tmp_path)
    assert values(dataset.train) == list(range(30))
    assert values(dataset.test) == [100, 101, 102, 103]
    assert dataset.train.labels.tolist() == [n % 2 for n in range(30)]
    assert dataset.card.classes == ("0", "1")
    assert dataset.train.images.dtype == torch.uint8


def test_without_splits_the_name_of_a_sample_decides(tmp_path: Path):
    shard(tmp_path / "set" / "a.tar", samples(0, 60))
    dataset = load_dataset("shards:set", tmp_path)
    assert sorted(values(dataset.train) + values(dataset.test)) == list(range(60))
    before = set(values(dataset.test))
    assert 2 <= len(before) <= 20
    shard(tmp_path / "set" / "b.tar", samples(60, 60))
    wider = load_dataset("shards:set", tmp_path)
    assert before == {v for v in values(wider.test) if v < 60}, "no image changes sides"
    assert wider.digest != dataset.digest


def test_it_is_the_folder_of_the_same_files(tmp_path: Path):
    random = np.random.RandomState(0)
    for split in ("train", "test"):
        files = {}
        for number in range(6):
            buffer = io.BytesIO()
            pixels = random.randint(0, 256, (10, 14, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(buffer, "PNG")
            files[f"{number}.png"] = buffer.getvalue()
            place = tmp_path / "folder" / split
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.png").write_bytes(buffer.getvalue())
        shard(tmp_path / "shards" / split / "0.tar", files)
    for options in ("[size=8]", "[size=8,channels=1]"):
        ours = load_dataset(f"shards:shards{options}", tmp_path)
        theirs = load_dataset(f"folder:folder{options}", tmp_path)
        assert torch.equal(ours.train.images, theirs.train.images)
        assert torch.equal(ours.test.images, theirs.test.images)
        assert ours.train.digest() == theirs.train.digest()
        assert ours.card.classes == theirs.card.classes == ("images",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "images to train on: 0"),
        (
            {"a.png": png(1), "b.png": png(2), "a.cls": b"0"},
            r"a has a class \(.cls\) and .*b has none",
        ),
        ({"a.png": png(1), "a.cls": b"cat"}, "'cat'; a whole number from 0"),
        ({"a.png": png(1), "a.cls": b"0" * 100}, "100 bytes are too many"),
        ({"a.png": png(1), "a.jpg": png(1)}, "two images of one sample"),
        ({f"{n}.png": b"no image" for n in range(40)}, "not an image"),
        ({f"{n}.png": png(n, 8 + n % 2) for n in range(40)}, r"\[size=N\]"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, files, message):
    shard(tmp_path / "set" / "a.tar", files)
    with pytest.raises(BadInput, match=message) as caught:
        load_dataset("shards:set", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_damaged_shard_and_a_folder_without_shards(tmp_path: Path):
    (tmp_path / "set").mkdir()
    with pytest.raises(BadInput, match=r"no shards \(\*.tar\) to train with"):
        load_dataset("shards:set", tmp_path)
    (tmp_path / "set" / "a.tar").write_bytes(b"no tar file at all" * 100)
    with pytest.raises(BadInput, match=r"a.tar: cannot be read"):
        load_dataset("shards:set", tmp_path)
