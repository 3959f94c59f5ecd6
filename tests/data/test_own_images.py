"""Users' folders and arrays, read through `load_dataset` as a suite does."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from harness.core.errors import BadInput
from harness.data import dataset_card, load_dataset
from harness.data.user import file_cache
from harness.data.user.layout import is_test


def pixels(seed: int, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(array: np.ndarray, path: Path) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return array


def fill(folder: Path, count: int = 2, seed: int = 0, **shape: int) -> list[np.ndarray]:
    """`count` images named 0.png, 1.png, …, in a folder."""
    return [save(pixels(seed + i, **shape), folder / f"{i}.png") for i in range(count)]


def tensor(arrays: list[np.ndarray]) -> torch.Tensor:
    """What images of H×W×C, or H×W, must become."""
    stacked = np.stack(arrays)
    stacked = stacked[..., None] if stacked.ndim == 3 else stacked
    return torch.from_numpy(stacked.transpose(0, 3, 1, 2).copy())


def refused(name: str, root: Path, *expected: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_dataset(name, root)
    line = str(caught.value)
    assert "\n" not in line
    for words in expected:
        assert words in line, line
    made = root / "prepared"
    assert not [path for path in made.glob("*") if path.is_dir()], "a set was prepared"


def two_classes(folder: Path) -> dict[str, list[np.ndarray]]:
    return {
        split + name: fill(folder / split / name, count, seed)
        for split, name, count, seed in [
            ("train", "cat", 3, 0), ("train", "ant", 2, 10), ("test", "cat", 2, 20),
            ("test", "ant", 1, 30),
        ]
    }  # fmt: skip


def test_class_folders_become_labels_in_the_order_of_their_names(tmp_path):
    made = two_classes(tmp_path / "pets")
    pets = load_dataset("folder:pets", tmp_path)
    assert pets.card.classes == ("ant", "cat")
    assert pets.train.labels.tolist() == [0, 0, 1, 1, 1]
    assert pets.test.labels.tolist() == [0, 1, 1]
    assert torch.equal(pets.train.images, tensor(made["trainant"] + made["traincat"]))
    assert torch.equal(pets.test.images, tensor(made["testant"] + made["testcat"]))


def test_classes_can_be_left_out_by_their_numbers(tmp_path):
    two_classes(tmp_path / "pets")
    pets = load_dataset("folder:pets[unseen=1]", tmp_path)
    assert set(pets.train.labels.tolist()) == {0}
    assert pets.anomalous.tolist() == [False, True, True]


def test_without_split_folders_the_name_decides_whatever_else_is_there(tmp_path):
    fill(tmp_path / "flat", 60)
    small = load_dataset("folder:flat", tmp_path)
    assert small.card.classes == ("images",)
    assert len(small.train) + len(small.test) == 60
    assert 3 <= len(small.test) <= 20  # binomial(60, 1/6) is outside of this with p < 0.005
    names = [str(i) for i in range(60)]
    expected = [pixels(int(name)) for name in sorted(names) if is_test(name)]
    assert torch.equal(small.test.images, tensor(expected))
    fill(tmp_path / "flat", 90)
    large = load_dataset("folder:flat", tmp_path)
    before = {image.numpy().tobytes() for image in small.test.images}
    assert before <= {image.numpy().tobytes() for image in large.test.images}


def test_validation_folders_serve_where_there_is_no_test(tmp_path):
    fill(tmp_path / "a/train", 2)
    fill(tmp_path / "a/val", 3)
    assert len(load_dataset("folder:a", tmp_path).test) == 3


def test_images_are_cut_and_resized_as_pillow_does(tmp_path):
    for split in ("train", "test"):
        fill(tmp_path / "a" / split, 2, height=20, width=31)
    for how, filter_of in [("bicubic", 3), ("lanczos", 1), ("box", 4), ("bilinear", 2)]:
        option = "" if how == "bicubic" else f",filter={how}"
        found = load_dataset(f"folder:a[size=8{option}]", tmp_path)
        whole = Image.fromarray(pixels(0, 20, 31))
        fitted = np.asarray(ImageOps.fit(whole, (8, 8), Image.Resampling(filter_of)))
        assert torch.equal(found.train.images[0], tensor([fitted])[0])
        assert found.train.images.shape == (2, 3, 8, 8)


def test_a_centre_is_cut_out_without_touching_pixels_where_the_size_fits(tmp_path):
    for split in ("train", "test"):
        fill(tmp_path / "a" / split, 2, height=8, width=12)
    found = load_dataset("folder:a[size=8]", tmp_path)
    assert torch.equal(found.train.images, tensor([pixels(i, 8, 12)[:, 2:10] for i in range(2)]))


def test_grey_is_made_rgb_and_rgb_grey_only_when_asked_for(tmp_path):
    for split in ("train", "test"):
        fill(tmp_path / "a" / split, 2)
        save(pixels(9, channels=1), tmp_path / "a" / split / "grey.png")
    refused("folder:a", tmp_path, "grey.png is grey and", "is RGB", "[channels=1]")
    grey = load_dataset("folder:a[channels=1]", tmp_path).train.images
    luma = np.asarray(Image.fromarray(pixels(0)).convert("L"))
    assert torch.equal(grey[0, 0], torch.from_numpy(luma.copy()))
    rgb = load_dataset("folder:a[channels=3]", tmp_path).train.images
    assert torch.equal(rgb[2], torch.from_numpy(pixels(9, channels=1)).expand(3, 8, 8))


def test_sizes_that_differ_are_named_and_so_is_the_way_out(tmp_path):
    fill(tmp_path / "a/train", 2)
    fill(tmp_path / "a/test", 2, height=9, width=9)
    refused("folder:a", tmp_path, "test/0.png is 9×9", "train/0.png is 8×8", "[size=N]")
    fill(tmp_path / "b/train", 2, width=9)
    fill(tmp_path / "b/test", 2, width=9)
    refused("folder:b", tmp_path, "0.png is 9×8", "must be square", "[size=N]")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: Image.new("CMYK", (8, 8)).save(p.with_suffix(".jpg")), "pixels are CMYK"),
        (lambda p: Image.new("RGBA", (8, 8), (1, 2, 3, 9)).save(p), "transparent in places"),
        (lambda p: Image.fromarray(np.zeros((8, 8), np.uint16)).save(p), "16 bits a channel"),
        (
            lambda p: Image.new("L", (8, 8)).save(
                p, save_all=True, append_images=[Image.new("L", (8, 8), 9)]
            ),
            "2 frames",
        ),
        (lambda p: p.write_bytes(b"no image"), "not an image"),
        (lambda p: p.write_bytes((p.parent / "0.png").read_bytes()[:60]), "cut short or damaged"),
    ],
)
def test_what_has_no_agreed_meaning_is_refused_and_nothing_is_prepared(tmp_path, spoil, words):
    for split in ("train", "test"):
        fill(tmp_path / "a" / split, 2)
    spoil(tmp_path / "a/train/x.png")
    refused("folder:a", tmp_path, "train/x.", words)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: f.mkdir(), "no images in it"),
        (lambda f: fill(f / "train"), "has train/ but neither test/ nor val/"),
        (lambda f: fill(f / "test"), "has test/ but no train/"),
        (lambda f: fill(f, 1), "both need at least 2"),
        (lambda f: (fill(f / "train", 1), fill(f / "test")), "to train on: 1, to test with: 2"),
        (lambda f: (fill(f / "cat", 9), fill(f)), "beside folders with images, such as cat/"),
        (lambda f: (fill(f / "cat", 9), (f / "dog").mkdir()), "dog: a class without images"),
        (
            lambda f: [fill(f / way) for way in ("train/cat", "test/cat", "test/dog")],
            "the class dog has images to test with and none to train on; mvtec:PATH",
        ),
    ],
)
def test_a_folder_of_another_layout_is_one_helpful_line(tmp_path, make, words):
    make(tmp_path / "a")
    refused("folder:a", tmp_path, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder:nowhere", "no such file or folder; a path is below the folder of all datasets"),
        ("folder:../x", "leaves the folder of all datasets"),
        ("folder:a/../../x", "leaves the folder of all datasets"),
        ("folder", "the form is folder:PATH"),
        ("folder:a[size=0]", "size=0; a number of pixels"),
        ("folder:a[size=big]", "size=big; a number of pixels"),
        ("folder:a[filter=box]", "give size=N too"),
        ("folder:a[size=8,filter=cubic]", "unknown filter 'cubic'; did you mean 'bicubic'?"),
        ("folder:a[channels=4]", "channels=4; 1 (grey) or 3 (RGB)"),
        ("folder:a[direction=ab]", "unknown option 'direction'"),
        ("paired:a[direction=up]", "direction=up; ab (B from A)"),
        ("mvtec-ad:botle", "no category of MVTec AD; did you mean 'bottle'?"),
        ("textures[photo=gras]", "photo=gras; known are brick, grass, gravel; did you mean"),
        ("textures[size=33]", "size=33; 16, 32, 64 are possible"),
    ],
)
def test_a_wrong_name_is_one_helpful_line(tmp_path, name, words):
    refused(name, tmp_path, words)


def test_paths_are_below_the_data_root_or_anchored(tmp_path, monkeypatch):
    root, elsewhere = tmp_path / "root", tmp_path / "else where"
    for split in ("train", "test"):
        fill(root / "a" / split)
        fill(elsewhere / "a" / split, seed=5)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(elsewhere))
    outside = tensor([pixels(5), pixels(6)])
    assert torch.equal(load_dataset("folder:a", root).train.images, tensor([pixels(0), pixels(1)]))
    for anchored in ("./a", "~/a", f"{elsewhere}/a", "./../else where/a"):
        assert torch.equal(load_dataset(f"folder:{anchored}", root).train.images, outside)


def test_a_dataset_says_what_it_is_before_anything_is_read():
    said = dataset_card("folder:nowhere[size=32]")
    assert (said.classes, said.extractor) == ((), "inception")


def test_what_was_prepared_is_found_again_and_unchanged_files_are_not_read(tmp_path, monkeypatch):
    two_classes(tmp_path / "pets")
    first = load_dataset("folder:pets", tmp_path)
    monkeypatch.setattr("harness.data.user.prepare._fact", None)
    monkeypatch.setattr("harness.data.user.prepare._pixels", None)
    assert load_dataset("folder:pets", tmp_path).digest == first.digest


def test_a_changed_file_is_another_dataset(tmp_path):
    two_classes(tmp_path / "pets")
    first = load_dataset("folder:pets", tmp_path)
    save(pixels(99), tmp_path / "pets/train/cat/0.png")
    second = load_dataset("folder:pets", tmp_path)
    assert second.train.digest() != first.train.digest()
    assert second.test.digest() == first.test.digest()
    assert torch.equal(second.train.images[2], tensor([pixels(99)])[0])
    (tmp_path / "pets/train/cat/0.png").rename(tmp_path / "pets/train/cat/9.png")
    assert load_dataset("folder:pets", tmp_path).train.labels.tolist() == [0, 0, 1, 1, 1]


def test_the_digest_is_that_of_the_pixels_not_of_where_they_are(tmp_path):
    two_classes(tmp_path / "pets")
    two_classes(tmp_path / "copy")
    assert (
        load_dataset("folder:pets", tmp_path).digest
        == load_dataset("folder:copy", tmp_path).digest
        != load_dataset("folder:copy[size=4]", tmp_path).digest
    )


def test_a_spoilt_index_is_made_again(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"1")
    calls = []

    def find(files):
        calls.append(list(files))
        return [path.read_text() for path in files]

    assert file_cache.values_by_file(tmp_path, file, [file], find) == ["1"]
    assert file_cache.values_by_file(tmp_path, file, [file], find) == ["1"]
    assert len(calls) == 1
    (index,) = (tmp_path / "prepared").glob(".files-*")
    index.write_text("{")
    assert file_cache.values_by_file(tmp_path, file, [file], find) == ["1"]
    state = file.stat()
    file.write_bytes(b"2")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file_cache.values_by_file(tmp_path, file, [file], find) == ["2"]
    assert len(calls) == 3


def defects(folder: Path, size: int = 8) -> dict[str, np.ndarray]:
    """Returns the masks by kind."""
    for split in ("train", "test"):
        fill(folder / split / "good", 2, height=size, width=size)
    masks = {}
    for kind in ("hole", "crack"):
        fill(folder / "test" / kind, 1, height=size, width=size)
        mask = np.zeros((size, size), np.uint8)
        mask[2:5, 1 if kind == "hole" else 6] = 255
        masks[kind] = save(mask, folder / "ground_truth" / kind / "0_mask.png")
    return masks


def test_defects_have_masks_and_good_is_class_zero(tmp_path):
    masks = defects(tmp_path / "bolt")
    bolt = load_dataset("mvtec:bolt", tmp_path)
    assert bolt.card.classes == ("good", "crack", "hole")
    assert bolt.train.labels.tolist() == [0, 0]
    assert bolt.test.labels.tolist() == [0, 0, 1, 2]
    assert bolt.test.masks.dtype == torch.bool
    assert not bolt.test.masks[:2].any()
    for index, kind in [(2, "crack"), (3, "hole")]:
        assert torch.equal(bolt.test.masks[index], torch.from_numpy(masks[kind] > 0))


def test_no_defect_vanishes_when_images_shrink(tmp_path):
    defects(tmp_path / "bolt", size=32)
    bolt = load_dataset("mvtec:bolt[size=8]", tmp_path)
    for index, column in [(2, 6 // 4), (3, 1 // 4)]:
        expected = torch.zeros(8, 8, dtype=torch.bool)
        expected[0:2, column] = True  # rows 2 to 4 of 32 fall into rows 0 and 1 of 8
        assert torch.equal(bolt.test.masks[index], expected)


def test_mvtec_ad_is_found_below_the_data_root(tmp_path):
    defects(tmp_path / "mvtec_anomaly_detection/bottle")
    bottle = load_dataset("mvtec-ad:bottle", tmp_path)
    assert bottle.card.licence == "CC BY-NC-SA 4.0"
    assert len(bottle.test) == 4


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "ground_truth/hole/0_mask.png").unlink(), "its mask is not there"),
        (lambda f: fill(f / "train/hole"), "only good images are for training"),
        (
            lambda f: save(np.zeros((4, 4), np.uint8), f / "ground_truth/hole/0_mask.png"),
            "0_mask.png is 4×4 grey, and the image it is for 8×8 RGB",
        ),
        (lambda f: (f / "train/good").rename(f / "train/fine"), "has no train/good/"),
        (lambda f: [(f / "test" / k).rename(f / k) for k in ("hole", "crack")], "has no folder of"),
    ],
)
def test_defects_of_another_layout_are_one_helpful_line(tmp_path, spoil, words):
    defects(tmp_path / "bolt")
    spoil(tmp_path / "bolt")
    refused("mvtec:bolt", tmp_path, words)


def test_pairs_side_by_side_are_cut_in_two(tmp_path):
    for split in ("train", "val"):
        fill(tmp_path / "maps" / split, 2, width=16)
    ab = load_dataset("paired:maps", tmp_path)
    left, right = (tensor([pixels(i, 8, 16)[:, half] for i in range(2)]) for half in HALVES)
    assert torch.equal(ab.train.images, right)
    assert torch.equal(ab.train.sources, left)
    ba = load_dataset("paired:maps[direction=ba]", tmp_path)
    assert torch.equal(ba.train.images, left)
    assert torch.equal(ba.train.sources, right)
    assert ab.digest != ba.digest


HALVES = (slice(0, 8), slice(8, 16))


def test_pairs_in_two_folders_belong_together_by_name(tmp_path):
    for domain, seed, channels in [("A", 0, 1), ("B", 50, 3)]:
        fill(tmp_path / "x" / domain, 30, seed, channels=channels)
    for path in (tmp_path / "x/A").iterdir():
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    x = load_dataset("paired:x", tmp_path)
    assert len(x.train) + len(x.test) == 30
    assert x.train.images.shape[1:] == (3, 8, 8)
    assert x.train.sources.shape[1:] == (1, 8, 8)
    kept = [i for i in sorted(range(30), key=str) if not is_test(str(i))]
    assert torch.equal(x.train.images, tensor([pixels(50 + i) for i in kept]))
    assert torch.equal(x.train.sources, tensor([pixels(i, channels=1) for i in kept]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: [fill(f / s) for s in ("train", "test")], "twice the height"),
        (lambda f: fill(f / "A"), "of the folders A/ and B/ one is missing"),
        (lambda f: (fill(f / "A", 30), fill(f / "B", 31)), "without a partner in A/"),
        (lambda f: (fill(f / "A", 30), fill(f / "B", 30, width=9)), "and its partner"),
        (
            lambda f: (fill(f / "A", 2), fill(f / "B", 2), save(pixels(0), f / "A/0.bmp")),
            "differ in suffix only",
        ),
    ],
)
def test_pairs_that_are_none_are_one_helpful_line(tmp_path, make, words):
    make(tmp_path / "x")
    refused("paired:x", tmp_path, words)


def test_two_domains_are_two_classes(tmp_path):
    for seed, name in enumerate(["trainA", "trainB", "testA", "testB"]):
        fill(tmp_path / "x" / name, 2, 10 * seed)
    x = load_dataset("unpaired:x", tmp_path)
    assert x.card.classes == ("A", "B")
    assert x.train.labels.tolist() == x.test.labels.tolist() == [0, 0, 1, 1]
    assert torch.equal(x.train.images, tensor([pixels(i) for i in (0, 1, 10, 11)]))
    (tmp_path / "x/testB").rename(tmp_path / "x/aside")
    with pytest.raises(BadInput, match="has no testB/"):
        load_dataset("unpaired:x", tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_captions_are_the_texts_of_images(tmp_path, suffix):
    rows = []
    for split in ("train", "test"):
        fill(tmp_path / "x" / split, 2)
        rows += [(f"{split}/{i}.png", f"{split} picture, {i}") for i in (1, 0)]
    rows.append(("train/0.png", "said again"))
    with (tmp_path / "x" / f"captions.{suffix}").open("w", newline="") as file:
        if suffix == "csv":
            csv.writer(file).writerows([("file", "caption"), *rows])
        else:
            file.writelines(json.dumps({"file": f, "caption": c}) + "\n" for f, c in rows)
    x = load_dataset("captions:x", tmp_path)
    assert x.train.texts == ("train picture, 0", "train picture, 1")
    assert x.test.texts == ("test picture, 0", "test picture, 1")
    plain = load_dataset("folder:x", tmp_path)
    assert x.train.digest() != plain.train.digest()


def test_captions_are_needed_once(tmp_path):
    fill(tmp_path / "x", 30)
    refused("captions:x", tmp_path, "captions.csv and captions.jsonl is needed; it has 0")
    (tmp_path / "x/captions.csv").write_text("file,caption\n0.png,zero\n")
    refused("captions:x", tmp_path, "without a caption")


def npz(path: Path, **arrays: np.ndarray) -> None:
    np.savez_compressed(path, **arrays)


def batch(count: int, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    return np.stack([pixels(i, height, width, channels) for i in range(count)])


def test_arrays_keep_their_order_and_labels(tmp_path):
    npz(
        tmp_path / "x.npz", images=batch(4), labels=np.array([2, 0, 1, 0], np.uint8),
        images_test=batch(3)[::-1], labels_test=np.array([1, 1, 2]),
    )  # fmt: skip
    x = load_dataset("npz:x.npz", tmp_path)
    assert x.card.classes == ("0", "1", "2")
    assert torch.equal(x.train.images, tensor(list(batch(4))))
    assert torch.equal(x.test.images, tensor(list(batch(3)[::-1])))
    assert x.train.labels.tolist() == [2, 0, 1, 0]
    assert x.test.labels.tolist() == [1, 1, 2]


def test_arrays_without_test_images_are_split_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.data.image_arrays.BLOCK_BYTES", 1000)  # several blocks
    npz(tmp_path / "x.npz", arr_0=batch(40, channels=1), arr_1=np.arange(40) % 2)
    x = load_dataset("npz:x.npz", tmp_path)
    tested = [i for i in range(40) if is_test(str(i))]
    assert torch.equal(x.test.images, tensor([pixels(i, channels=1) for i in tested]))
    assert x.test.labels.tolist() == [i % 2 for i in tested]
    assert len(x.train) == 40 - len(tested)


def test_arrays_are_resized_as_files_are(tmp_path):
    for split in ("train", "test"):
        fill(tmp_path / "a" / split, 3, height=12, width=9)
    npz(tmp_path / "a.npz", images=batch(3, 12, 9), images_test=batch(3, 12, 9))
    option = "[size=5,channels=1]"
    files, arrays = (load_dataset(name + option, tmp_path) for name in ("folder:a", "npz:a.npz"))
    assert torch.equal(files.train.images, arrays.train.images)
    assert files.digest == arrays.digest


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": batch(9), "y": batch(9)}, "has x, y; no array images"),
        ({"images": batch(3) / 255}, "uint8 values from 0 to 255 are needed"),
        ({"images": batch(40), "labels": np.arange(39)}, "image is needed, 40 in all"),
        ({"images": batch(40), "labels": np.arange(40) / 2}, "image is needed, 40 in all"),
        ({"images": batch(40), "labels": np.arange(40) - 1}, "labels has -1"),
        ({"images": batch(40, 8, 9)}, "must be square"),
        ({"images": batch(1)}, "both need at least 2"),
        ({"images": batch(1)[:0]}, "both need at least 2"),
        (
            {"images": batch(3), "labels": np.arange(3), "images_test": batch(2)},
            "of labels and labels_test one is missing",
        ),
        (
            {
                "images": batch(3), "labels": np.zeros(3, int), "images_test": batch(2),
                "labels_test": np.array([0, 7]),
            },
            "labels_test has 7, which labels has not",
        ),
        (
            {"images": batch(3), "images_test": batch(3, 9, 9)},
            "(images_test) is 9×9",
        ),
    ],
)  # fmt: skip
def test_arrays_that_are_others_are_one_helpful_line(tmp_path, arrays, words):
    npz(tmp_path / "x.npz", **arrays)
    refused("npz:x.npz", tmp_path, "x.npz", words)


def test_an_array_of_images_that_no_split_has_is_not_dropped(tmp_path):
    images = np.zeros((9, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", images=images, extra=images)
    with pytest.raises(BadInput, match="images and extra may both be images"):
        load_dataset("npz:x.npz", tmp_path)


def test_names_that_are_not_utf8_have_a_split(tmp_path):
    folder = tmp_path / "animals" / "cats"
    folder.mkdir(parents=True)
    for i in range(30):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(folder / f"\udce9{i}.png")
    assert len(load_dataset("folder:animals", tmp_path).train) > 10


def test_a_file_that_is_no_npz_is_one_helpful_line(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK no")
    refused("npz:x.npz", tmp_path, "cut short or damaged")
    (tmp_path / "x.txt").write_bytes(b"")
    refused("npz:x.txt", tmp_path, "an .npz is needed here")


def test_a_single_image_is_nothing_to_train_on(tmp_path):
    for split, counts in {"train": {"a": 3, "b": 1}, "test": {"a": 2, "b": 2}}.items():
        for name, count in counts.items():
            fill(tmp_path / "two" / split / name, count)
    with pytest.raises(BadInput, match="1 image to train on; a model needs 2 at least"):
        load_dataset("folder:two[normal=b]", tmp_path)
    assert len(load_dataset("folder:two[normal=a]", tmp_path).train) == 3
