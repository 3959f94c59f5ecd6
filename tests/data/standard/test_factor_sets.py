import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from official_data import pixels

from harness.core.errors import BadInput
from harness.data.standard import factor_sets
from harness.data.standard.factor_sets import (
    DSPRITES_FILE,
    DSPRITES_SET,
    SHAPES3D_FILE,
    SHAPES3D_SET,
    in_split,
    split_counts,
)


def test_a_tenth_is_the_test_split_and_no_image_is_in_both():
    count = DSPRITES_SET.counts["train"] + DSPRITES_SET.counts["test"]
    test = in_split(count, "test")
    assert count == 3 * 6 * 40 * 32 * 32 == len(test)
    assert int(test.sum()) == DSPRITES_SET.counts["test"] == 73_728
    assert np.array_equal(in_split(count, "train"), ~test)
    assert np.flatnonzero(test)[:4].tolist() == FIRST_TEST_IMAGES


FIRST_TEST_IMAGES = [7, 19, 31, 37]

LATENTS = np.array(list(itertools.product([0], range(3), range(2), range(2), range(3), range(3))))
SPRITES = (pixels(len(LATENTS), 64, 64) > 127).astype(np.uint8)


def dsprites(root, content: bytes):
    (root / "dsprites").mkdir()
    (root / "dsprites" / DSPRITES_FILE).write_bytes(content)
    return replace(DSPRITES_SET, counts=split_counts(len(LATENTS)))


def npz(**arrays) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


NPZ = npz(imgs=SPRITES, latents_classes=LATENTS, metadata=np.array({"pickled": 1}, dtype=object))


def test_factors_of_dsprites_stay_with_their_images(tmp_path, monkeypatch):
    monkeypatch.setattr(factor_sets, "BLOCK", 7)
    train, test = dsprites(tmp_path, NPZ).source({}).load(tmp_path)
    for split, name in ((train, "train"), (test, "test")):
        chosen = in_split(len(LATENTS), name)
        assert np.array_equal(split.images[:, 0], SPRITES[chosen] * 255)
        assert np.array_equal(split.factors, LATENTS[chosen, 1:])
        assert np.array_equal(split.labels, LATENTS[chosen, 1])
    assert len(train) + len(test) == len(LATENTS)


@pytest.mark.parametrize(
    "content",
    [b"", NPZ[:-4000], npz(imgs=SPRITES), npz(imgs=SPRITES[:50], latents_classes=LATENTS)],
)
def test_a_damaged_npz_is_named(tmp_path, content):
    known = dsprites(tmp_path, content)
    with pytest.raises(BadInput) as caught:
        known.source({}).load(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "dsprites"))
    assert not list((tmp_path / "prepared").glob("[!.]*"))


def test_objects_are_not_unpickled(tmp_path):
    content = npz(imgs=SPRITES.astype(object), latents_classes=LATENTS)
    with pytest.raises(BadInput, match="not the arrays of dSprites"):
        dsprites(tmp_path, content).source({}).load(tmp_path)


def test_factors_of_shapes3d_are_numbered_by_value(tmp_path):
    h5py = pytest.importorskip("h5py")
    values = [[0.0, 0.5], [0.25, 0.75], [0.1], [0.8, 1.25], [0.0, 1.0], [-30.0, 0.0, 30.0]]
    labels = np.array(list(itertools.product(*values)))
    images = pixels(len(labels), 64, 64, 3)
    (tmp_path / "shapes3d").mkdir()
    with h5py.File(tmp_path / "shapes3d" / SHAPES3D_FILE, "w") as file:
        file["images"], file["labels"] = images, labels
    known = replace(SHAPES3D_SET, counts=split_counts(len(labels)))
    train, test = known.source({}).load(tmp_path)
    chosen = in_split(len(labels), "test")
    indices = np.array(list(itertools.product(*[range(len(factor)) for factor in values])))
    assert np.array_equal(test.images, images[chosen].transpose(0, 3, 1, 2))
    assert np.array_equal(test.factors, indices[chosen])
    assert np.array_equal(train.factors, indices[~chosen])
    assert np.array_equal(train.labels, indices[~chosen, 4])
    assert len(known.card.factors) == 6


def test_a_damaged_hdf5_file_is_named(tmp_path):
    pytest.importorskip("h5py")
    (tmp_path / "shapes3d").mkdir()
    (tmp_path / "shapes3d" / SHAPES3D_FILE).write_bytes(b"\x89HDF")
    with pytest.raises(BadInput, match=r"3dshapes\.h5: cannot be read"):
        SHAPES3D_SET.source({}).load(tmp_path)


def test_without_h5py_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "shapes3d").mkdir()
    (tmp_path / "shapes3d" / SHAPES3D_FILE).touch()
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(BadInput, match=r"harness\[hdf5\]"):
        SHAPES3D_SET.source({}).load(tmp_path)
