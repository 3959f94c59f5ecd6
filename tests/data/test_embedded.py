"""Textures with defects, and faces."""

import hashlib

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.embedded import defects, faces, files, textures


def test_textures_are_the_same_bytes_everywhere():
    whole = load_dataset("textures")
    assert (len(whole.train), len(whole.test), whole.channels, whole.size) == (4056, 384, 1, 32)
    assert whole.train.digest() == TEXTURES_TRAIN
    assert whole.test.digest() == TEXTURES_TEST


TEXTURES_TRAIN = "8f12761321a684457c7b7177a93bd89246f47dbd684be6e8315e7c7f2f437562"
TEXTURES_TEST = "07683ec675c6ddb3ef797b8ee639478cec24f8d776342ff0e425c167e6b3fd2d"


@pytest.mark.parametrize("size", textures.SIZES)
def test_half_of_the_test_patches_have_a_defect_and_only_they_a_mask(size):
    grass = load_dataset(f"textures[photo=grass,size={size}]")
    assert grass.card.classes == ("good", "spot", "scratch", "blur", "foreign")
    assert not grass.train.labels.any()
    counts = grass.test.labels.bincount(minlength=5)
    assert counts[0] == counts[1:].sum() == 8 * (128 // size) ** 2 // 2
    assert len(set(counts[1:].tolist())) == 1
    masked = grass.test.masks.flatten(1)
    assert torch.equal(masked.any(1), grass.test.labels > 0)
    assert masked.float().mean(1).max() < 0.2


def test_a_photo_alone_has_the_patches_that_it_has_among_all():
    whole, gravel = load_dataset("textures"), load_dataset("textures[photo=gravel]")
    assert torch.equal(whole.test.images[256:], gravel.test.images)
    assert torch.equal(whole.test.masks[256:], gravel.test.masks)


def test_training_and_test_patches_share_no_region(monkeypatch):
    """Photographs whose pixels are numbered show where patches are from."""
    ramp = np.arange(512 * 512).reshape(512, 512)
    monkeypatch.setattr(textures, "photo", lambda name: ramp)
    trained = set(textures.patches("brick", False, 32, 8).ravel().tolist())
    tested = textures.patches("brick", True, 32, 32)
    assert not trained & set(tested.ravel().tolist())
    assert len(trained) == tested.size == 512 * 512 // 2
    assert len(set(tested.ravel().tolist())) == tested.size


@pytest.mark.parametrize("kind", defects.KINDS)
@pytest.mark.parametrize("size", textures.SIZES)
def test_a_defect_changes_its_mask_and_nothing_else(kind, size):
    patch = RandomState(0).randint(60, 200, (size, size)).astype(np.uint8)
    foreign = (patch + 30).astype(np.uint8)
    for seed in range(20):
        image, mask = defects.add_defect(kind, patch, foreign, RandomState(seed))
        assert np.array_equal(image[~mask], patch[~mask])
        assert (image != patch)[mask].mean() > 0.8
        again, _ = defects.add_defect(kind, patch, foreign, RandomState(seed))
        assert np.array_equal(again, image)


def test_a_blur_is_the_mean_of_a_window():
    patch = RandomState(0).randint(0, 256, (32, 32)).astype(np.uint8)
    image, mask = defects.add_defect("blur", patch, patch, RandomState(1))
    padded = np.pad(patch.astype(int), 4, mode="edge")
    for y, x in np.argwhere(mask):
        assert abs(image[y, x] - padded[y : y + 9, x : x + 9].mean()) <= 0.5


def test_faces_are_the_same_bytes_everywhere():
    whole = load_dataset("faces")
    assert (whole.train.images.shape, whole.test.images.shape) == (
        (133, 1, 24, 24), (67, 1, 24, 24),
    )  # fmt: skip
    assert whole.train.labels.bincount().tolist() == [66, 67]
    assert whole.digest == FACES


FACES = "cf194be0c658dca21a84518e4de16e216c35f4826a79a8b45a06e3bcdd464a04"


def test_a_file_of_another_content_is_never_taken(monkeypatch, tmp_path):
    monkeypatch.setitem(files.FOLDERS, "scikit-image", ("skimage", str(tmp_path / "data")))
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match="it comes with scikit-image"):
        files.read_file("brick.png", textures.PHOTOS["brick"])
    (tmp_path / "data" / "brick.png").write_bytes(b"other")
    right = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(BadInput, match=f"SHA-256 {right[:8]}… instead of 7966caf3…"):
        files.read_file("brick.png", textures.PHOTOS["brick"])
    assert files.read_file("brick.png", right).read() == b"other"


def test_nothing_of_a_face_is_resized():
    values = np.load(files.read_file("lfw_subset.npy", faces.SHA256), allow_pickle=False)
    whole = load_dataset("faces")
    assert np.abs(whole.test.images[1, 0].numpy() - values[3, :24, :24] * 255).max() <= 0.5
