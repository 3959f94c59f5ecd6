import zipfile

import numpy as np
import pytest
from official_data import gz, idx, pixels
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from harness.core.errors import BadInput
from harness.data.standard import idx as module
from harness.data.standard.idx import read_idx

IMAGES = pixels(5, 3, 2)


def test_bytes_are_read_in_blocks_plain_packed_and_in_an_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    plain, packed, archive = tmp_path / "x", tmp_path / "x.gz", tmp_path / "x.zip"
    plain.write_bytes(idx(IMAGES))
    packed.write_bytes(gz(idx(IMAGES)))
    with zipfile.ZipFile(archive, "w") as file:
        file.write(packed, "gzip/x.gz")
    for found in (read_idx(plain), read_idx(packed), read_idx(archive, "gzip/x.gz")):
        blocks = list(found)
        assert [len(block) for block in blocks] == [2, 2, 1]
        assert np.array_equal(np.concatenate(blocks), IMAGES)


def test_integers_are_what_torchvision_reads(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx(np.array([[1, -2, 70_000], [3, 4, 5]], ">i4")))
    peer = read_sn3_pascalvincent_tensor(str(path))
    assert next(read_idx(path)).tolist() == peer.tolist() == [[1, -2, 70_000], [3, 4, 5]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x", idx(IMAGES)[:-1], "cut short; it says 5 items"),
        ("x", idx(IMAGES)[:9], "cut short in its header"),
        ("x", idx(IMAGES) + b"!", "more bytes than the 5 items"),
        ("x", idx(IMAGES)[:8] + b"\xff" * 99, "items are 18,446,744,065,119,617,025 bytes each"),
        ("x", b"<html>", "not an idx file"),
        ("x", b"", "not an idx file"),
        ("x.gz", gz(idx(IMAGES))[:-9], "cut short or damaged"),
        ("x.gz", idx(IMAGES), "cut short or damaged"),
        ("x.gz", gz(idx(IMAGES))[:20] + b"\xff" * 20, "x.gz: "),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        list(read_idx(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_an_archive_without_the_file_is_named(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other", b"")
    with pytest.raises(BadInput, match=r"x\.zip:gzip/x\.gz: cannot be read"):
        list(read_idx(path, "gzip/x.gz"))
