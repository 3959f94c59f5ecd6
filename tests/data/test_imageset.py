import hashlib
import io
import os
import pickle
import struct
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from harness.core.errors import BadInput
from harness.data import image_arrays, image_memory, load_dataset
from harness.data.image_files import ImageResize
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import load_images, open_images, open_pairs

IN_A_FIXTURE = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(array: np.ndarray, path: Path, mode: str | None = None, **options) -> Path:
    """One image H×W×C; a mode says what else its channels mean."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def folder(path: Path, n: int = 3, shape: tuple[int, ...] = (4, 5, 3), suffix: str = ".png"):
    for i in range(n):
        save(pixels(*shape, seed=i), path / f"{i}{suffix}")
    return path


def refused(where: Path | str, *expected: str, **options) -> None:
    with pytest.raises(BadInput) as caught:
        load_images(str(where), **options)
    line = str(caught.value)
    assert "\n" not in line
    for words in expected:
        assert words in line, line


def attempt(where: Path) -> torch.Tensor | str:
    """The images, or the error where there is one."""
    try:
        return load_images(str(where)).images
    except BadInput as error:
        return str(error)


def images_of(array: np.ndarray) -> torch.Tensor:
    """What an N×H×W×C array must become."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))


batches = arrays.arrays(
    np.uint8,
    st.tuples(
        st.integers(2, 5), st.integers(1, 9), st.integers(5, 9), st.sampled_from([1, 3])
    ),
)  # fmt: skip


@IN_A_FIXTURE
@given(array=batches, suffix=st.sampled_from([".png", ".bmp", ".tif", ".webp"]))
def test_what_is_written_without_loss_is_read_back_in_every_form(tmp_path, array, suffix):
    where = Path(os.path.realpath(tmp_path)) / hashlib.sha256(os.urandom(8)).hexdigest()
    if suffix == ".webp":  # which has no grey
        array = array.repeat(3 // array.shape[-1], axis=-1)
    for i, image in enumerate(array):
        save(image, where / f"{i}{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    np.savez(where / ".stored.npz", array)
    np.savez_compressed(where / ".packed.npz", named=array)
    np.save(where / ".plain.npy", array)
    sets = [load_images(str(where / name)) for name in (".stored.npz", ".packed.npz", ".plain.npy")]
    sets.append(load_images(str(where)))
    for found in sets:
        assert torch.equal(found.images, images_of(array))
        assert found.images.is_contiguous()
        assert found.digest == sets[0].digest
    changed = array.copy()
    changed.flat[-1] ^= 1
    np.save(where / ".plain.npy", changed)
    assert load_images(str(where / ".plain.npy")).digest != sets[0].digest


def test_grey_arrays_need_no_channel(tmp_path):
    array = pixels(3, 6, 7)
    np.save(tmp_path / "x.npy", array)
    assert torch.equal(load_images(str(tmp_path / "x.npy")).images[:, 0], torch.from_numpy(array))


def test_arrays_are_read_in_blocks(tmp_path, monkeypatch):
    array = pixels(7, 4, 5, 3)
    np.savez_compressed(tmp_path / "x.npz", array)
    for size in (1, 4 * 5 * 3 * 2, 4 * 5 * 3 * 7, 10**6):
        monkeypatch.setattr(image_arrays, "BLOCK_BYTES", size)
        found = load_images(str(tmp_path / "x.npz"))
        assert torch.equal(found.images, images_of(array))
    assert found.names[:2] == ["00000", "00001"]


def test_the_published_form_with_labels_and_statistics_is_read(tmp_path):
    array = pixels(3, 4, 5, 3)
    np.savez(tmp_path / "x.npz", array, np.arange(3), mu=np.zeros(2), sigma=np.eye(2))
    found = load_images(str(tmp_path / "x.npz"))
    assert torch.equal(found.images, images_of(array))
    assert found.remark == "arr_1, mu, sigma in it not used"


def test_a_folder_is_read_in_order_of_names_at_any_depth(tmp_path):
    a, b, c, d = pixels(4, 4, 4, 3)
    save(b, tmp_path / "10.png")
    save(a, tmp_path / "1.PNG")
    save(d, tmp_path / "z" / "y" / "1.bmp")
    save(c, tmp_path / "2.tiff")
    save(pixels(9, 9, 3), tmp_path / ".hidden.png")
    save(pixels(9, 9, 3), tmp_path / ".thumbnails" / "1.png")
    (tmp_path / "captions.csv").write_text("file,caption")
    found = load_images(str(tmp_path))
    assert found.names == ["1.PNG", "10.png", "2.tiff", "z/y/1.bmp"]
    assert torch.equal(found.images, images_of(np.stack([a, b, c, d])))
    assert found.description == f"folder {tmp_path}"
    assert found.left_out == 1
    assert len(found) == 4


def test_links_to_images_and_folders_are_followed_once(tmp_path):
    folder(tmp_path / "real", 2)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "more").symlink_to(tmp_path / "real")
    save(pixels(4, 5, 3), tmp_path / "one.png")
    (tmp_path / "linked" / "one.png").symlink_to(tmp_path / "one.png")
    assert load_images(str(tmp_path / "linked")).names == ["more/0.png", "more/1.png", "one.png"]
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "linked")
    refused(tmp_path / "linked", "loop: a link to a folder that is read already")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_of_a_dataset(split):
    dataset, found = load_dataset("digits"), load_images(f"digits:{split}")
    assert torch.equal(found.images, getattr(dataset, split).images)
    assert found.description == f"digits:{split}"
    assert found.split == split
    assert torch.equal(found.labels, getattr(dataset, split).labels)
    assert found.dataset is not None
    assert found.dataset.digest == dataset.digest
    assert len(set(found.names)) == len(found)


def test_a_task_is_compared_with_what_training_saw():
    found = load_images("digits[unseen=8]:test")
    assert len(found) == len(load_dataset("digits[unseen=8]").normal_test)


def test_what_is_on_disk_wins_over_a_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder(Path("digits:test"), 3)
    assert load_images("digits:test").images.shape == (3, 3, 4, 5)
    assert load_images("digits:train").images.shape == (1198, 1, 16, 16)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("digts:test", ["unknown dataset 'digts'", "did you mean 'digits'"]),
        ("digits", ["digits: name a split of the dataset: digits:test or digits:train"]),
        ("digits[unseen=8]", ["digits[unseen=8]:test or digits[unseen=8]:train"]),
        ("digits:tset", ["digits:tset: no such split; did you mean 'test'"]),
        ("digits[unseen=8]:tran", ["no such split; did you mean 'train'"]),
        ("digts", ["digts: no such file or folder", "did you mean 'digits'"]),
        ("some/folder", ["some/folder: no such file or folder"]),
        ("sample.npz", ["sample.npz: no such file or folder"]),
    ],
)
def test_what_is_nowhere(where, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(where, *expected)


# What an image file may be


@pytest.mark.parametrize(
    ("mode", "shape", "suffix"),
    [
        ("L", (1,), ".png"),
        ("L", (1,), ".jpg"),
        ("LA", (1,), ".png"),
        ("1", (1,), ".png"),
        ("1", (1,), ".tif"),
        ("RGB", (3,), ".jpeg"),
        ("RGBA", (3,), ".png"),
        ("RGBA", (3,), ".webp"),
        ("P", (3,), ".png"),
        ("P", (3,), ".bmp"),
    ],
)
def test_modes_become_grey_or_rgb_with_the_values_that_pillow_decodes(
    tmp_path, mode, shape, suffix
):
    files = [save(pixels(6, 6, 3, seed=s), tmp_path / f"{s}{suffix}", mode) for s in range(2)]
    expected = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    found = load_images(str(tmp_path)).images
    assert found.shape == (2, *shape, 6, 6)
    assert torch.equal(found.expand(-1, 3, -1, -1), images_of(np.stack(expected)))


def test_a_colour_that_is_marked_transparent_but_does_not_occur_does_no_harm(tmp_path):
    array = pixels(2, 6, 6, 1) | 1
    for i, image in enumerate(array):
        save(image, tmp_path / f"{i}.png", transparency=0)
    assert torch.equal(load_images(str(tmp_path)).images, images_of(array))
    save(array[0] & 0, tmp_path / "1.png", transparency=0)
    refused(tmp_path, "1.png: transparent in places")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_needs_a_background(tmp_path, mode):
    folder(tmp_path, 1, (4, 4, 1 if mode == "LA" else 3))
    if mode == "P":
        palette = Image.fromarray(pixels(4, 4, 3)).convert("P")
        palette.save(tmp_path / "b.png", transparency=bytes([128] * 256))
    else:
        image = Image.new(mode, (4, 4), (9, 254) if mode == "LA" else (9, 9, 9, 254))
        image.save(tmp_path / "b.png")
    refused(tmp_path, f"{tmp_path / 'b.png'}: transparent in places", "background")


def png(bits: int, colour: int, row: bytes, height: int = 4, width: int = 4) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = zlib.compress((b"\0" + row) * 4)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_sixteen_bits_are_never_cut_to_eight(tmp_path, colour):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png(16, colour, b"\x12\xff" * 4 * channels))
    refused(tmp_path, "a.png: 16 bits a channel")


def test_sixteen_bits_in_tiff(tmp_path):
    for name in "ab":
        Image.new("I;16", (4, 4)).save(tmp_path / f"{name}.tif")
    refused(tmp_path, "a.tif: 16 bits a channel")


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", ".jpg"), ("YCbCr", ".tif"), ("F", ".tif")])
def test_colours_whose_conversion_is_a_choice(tmp_path, mode, suffix):
    for name in "ab":
        Image.new(mode, (4, 4)).save(tmp_path / f"{name}{suffix}")
    refused(tmp_path, f"a{suffix}: pixels are {mode}", "save it as grey or RGB")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_an_animation_is_not_an_image(tmp_path, suffix):
    folder(tmp_path, 1)
    frames = [Image.fromarray(pixels(4, 5, 3, seed=i)) for i in range(3)]
    frames[0].save(tmp_path / f"b{suffix}", save_all=True, append_images=frames[1:])
    refused(tmp_path, f"b{suffix}: 3 frames")


# What is wrong with a folder


def test_a_folder_without_images(tmp_path):
    refused(tmp_path, f"{tmp_path}: no images in it (.png, ")
    (tmp_path / "a.txt").touch()
    (tmp_path / ".b.png").touch()
    refused(tmp_path, "it has 1 other file, such as", "a.txt")
    (tmp_path / "b.GIF").touch()
    refused(tmp_path, "b.GIF: is an image (GIF) that is not read; convert it to PNG")


def test_one_image_is_no_set(tmp_path):
    refused(folder(tmp_path, 1), f"{tmp_path}: 1 image; a set needs at least 2")


def whole_and_cut(path: Path, suffix: str) -> tuple[bytes, torch.Tensor]:
    for name in "ab":
        save(pixels(7, 6, 3), path / f"{name}{suffix}")
    return (path / f"b{suffix}").read_bytes(), load_images(str(path)).images


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_a_file_cut_short_anywhere_is_named_or_whole(tmp_path, suffix):
    content, right = whole_and_cut(tmp_path, suffix)
    refusals = 0
    for length in range(len(content)):
        (tmp_path / f"b{suffix}").write_bytes(content[:length])
        found = attempt(tmp_path)
        if isinstance(found, torch.Tensor):
            assert torch.equal(found, right), "other pixels"
        else:
            refusals += 1
            assert str(tmp_path / f"b{suffix}") in found
            assert "\n" not in found
    assert refusals > len(content) * 0.7


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_a_damaged_file_is_one_line_or_pixels(tmp_path, suffix, recwarn):
    """Whatever the damage, no other error or warning comes out of the decoders."""
    content, _ = whole_and_cut(tmp_path, suffix)
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        (tmp_path / f"b{suffix}").write_bytes(damaged)
        found = attempt(tmp_path)
        if isinstance(found, str):
            assert f"b{suffix}" in found
            assert "\n" not in found
    assert not recwarn.list


@pytest.mark.parametrize("content", [b"", b"hello", b"GIF89a" + bytes(20), b"%!PS-Adobe-3.0\n"])
def test_a_file_that_is_no_image(tmp_path, content):
    folder(tmp_path, 2)
    (tmp_path / "x.png").write_bytes(content)
    refused(tmp_path, f"{tmp_path / 'x.png'}: not an image (PNG, JPEG, ")


def test_other_decoders_are_out_of_reach(tmp_path):
    folder(tmp_path, 2)
    Image.new("RGB", (5, 4)).save(tmp_path / "x.gif")
    (tmp_path / "x.gif").rename(tmp_path / "x.png")
    refused(tmp_path, "x.png: not an image")


def test_mixed_sizes_name_two_files_and_why_nothing_is_resized(tmp_path):
    folder(tmp_path, 3, (4, 5, 3))
    save(pixels(6, 5, 3), tmp_path / "2.png")
    refused(tmp_path, "0.png is 5×4 RGB and", "2.png is 5×6 RGB", "none is resized")


def test_mixed_channels_name_two_files(tmp_path):
    folder(tmp_path, 3, (4, 5, 3))
    save(pixels(4, 5, 1), tmp_path / "1.png")
    refused(tmp_path, "0.png is 5×4 RGB and", "1.png is 5×4 grey", "from grey to RGB")
    with pytest.raises(BadInput) as refusal:
        open_images(str(tmp_path), OpenOptions(resize=ImageResize(2)))
    assert "resized" not in str(refusal.value)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_a_bitmap_without_the_header_of_a_file_is_read(tmp_path, mode):
    """What clipboards save: the first 14 bytes of a .bmp are missing."""
    for name in "ab":
        image = Image.fromarray(pixels(4, 5, 3)).convert(mode)
        image.save(tmp_path / f"{name}.bmp")
        image.save(tmp_path / f"{name}.dib")
    whole = load_images(str(tmp_path / "*.bmp"))
    found = load_images(str(tmp_path / "*.dib"))
    assert torch.equal(found.images, whole.images)
    (tmp_path / "a.dib").rename(tmp_path / "a.data")
    refused(tmp_path, "a.data: is an image (DIB) that is not read; give it a suffix")


@pytest.mark.parametrize("size", [(32_000, 31_250), (10_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_files_that_would_decode_to_a_billion_pixels_are_refused_by_their_headers(
    tmp_path, size, monkeypatch
):
    monkeypatch.setattr(torch, "empty", None)  # nothing may be allocated
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png(8, 2, bytes(12), *size))
    refused(tmp_path, f"{tmp_path / 'a.png'}: more than 89,478,485 pixels")


def test_a_set_that_is_too_large_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(image_memory, "MAX_SET_PIXELS", 2 * 20)
    folder(tmp_path, 2)
    assert len(load_images(str(tmp_path))) == 2
    folder(tmp_path, 3)
    refused(tmp_path, f"{tmp_path}: 3 images of 5×4, 60 pixels; at most 40")


def test_more_than_the_machine_has(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(torch, "empty", full)
    refused(folder(tmp_path), "more than this machine has memory for")


def test_links_that_lead_nowhere(tmp_path):
    folder(tmp_path / "a", 2)
    (tmp_path / "a" / "x.png").symlink_to("gone.png")
    refused(tmp_path / "a", f"{tmp_path / 'a' / 'x.png'}: a link to gone.png, which does not exist")
    (tmp_path / "a" / "x.png").unlink()
    (tmp_path / "a" / "class").symlink_to("gone")
    refused(tmp_path / "a", "class: a link to gone")
    (tmp_path / "b").symlink_to("gone")
    refused(tmp_path / "b", f"{tmp_path / 'b'}: a link to gone")


def test_a_pipe_is_not_waited_for(tmp_path):
    folder(tmp_path, 2)
    os.mkfifo(tmp_path / "x.png")
    reader = threading.Thread(target=refused, args=(tmp_path, "x.png: not a regular file"))
    reader.start()
    reader.join(timeout=10)
    assert not reader.is_alive()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path):
    folder(tmp_path, 2)
    folder(tmp_path / "x", 2).chmod(0)
    refused(tmp_path, "x: the folder cannot be read")
    (tmp_path / "x").chmod(0o700)
    (tmp_path / "1.png").chmod(0)
    refused(tmp_path, "1.png: cannot be decoded")


# What is wrong with an array


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["BOMB"],))


def test_pickles_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    objects = np.array([Bomb(), Bomb()], dtype=object)
    np.savez(tmp_path / "x.npz", objects)
    np.save(tmp_path / "x.npy", objects)
    (tmp_path / "y.npy").write_bytes(pickle.dumps(Bomb()))
    refused(tmp_path / "x.npz", f"{tmp_path / 'x.npz'}: pickled objects, which could run code")
    refused(tmp_path / "x.npy", "x.npy: pickled objects")
    refused(tmp_path / "y.npy", "y.npy: cannot be read")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((3, 4, 5, 3)), ["values are float64", "(x * 255).round().clip(0, 255)"]),
        (np.zeros((3, 4, 5, 3), np.float16), ["values are float16", "(x + 1) / 2 first"]),
        (np.zeros((3, 4, 5, 3), np.int64), ["values are int64", "x.astype(np.uint8)"]),
        (np.zeros((3, 4, 5), bool), ["values are bool", "save x * np.uint8(255)"]),
        (np.zeros((3, 3, 8, 8), np.uint8), ["shape (3, 3, 8, 8)", "x.transpose(0, 2, 3, 1)"]),
        (np.zeros((3, 1, 8, 8), np.uint8), ["looks like N×C×H×W", "x.transpose(0, 2, 3, 1)"]),
        (np.zeros((3, 8, 8, 4), np.uint8), ["put the images on a background first"]),
        (np.zeros((3, 8, 8, 7), np.uint8), ["N×H×W×C with C = 1 or 3"]),
        (np.zeros((8, 8, 3), np.uint8), ["this looks like one image"]),
        (np.zeros((8, 8), np.uint8), ["shape (8, 8)"]),
        (np.zeros((2, 2, 8, 8, 3), np.uint8), ["shape (2, 2, 8, 8, 3)"]),
        (np.zeros((1, 8, 8, 3), np.uint8), ["1 image; a set needs at least 2"]),
        (np.zeros((0, 8, 8, 3), np.uint8), ["0 images"]),
        (np.zeros((3, 0, 8, 3), np.uint8), ["are empty"]),
        (np.asfortranarray(pixels(3, 4, 5, 3)), ["np.ascontiguousarray(x)"]),
    ],
)
def test_arrays_that_are_not_images(tmp_path, array, expected):
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", array)
    for name in ("x.npy", "x.npz"):
        refused(tmp_path / name, str(tmp_path / name), *expected)


def test_which_array_is_meant(tmp_path):
    np.savez(tmp_path / "x.npz", a=pixels(2, 4, 4, 3), b=pixels(2, 4, 4, 3))
    refused(tmp_path / "x.npz", "has a, b; images are looked for in arr_0")
    np.savez(tmp_path / "x.npz", mu=np.zeros(3), sigma=np.eye(3))
    refused(tmp_path / "x.npz", "statistics of images (mu, sigma)")
    with zipfile.ZipFile(tmp_path / "x.npz", "w"):
        pass
    refused(tmp_path / "x.npz", "has nothing")


def test_a_second_array_of_images_is_not_dropped(tmp_path):
    np.savez(tmp_path / "x.npz", pixels(3, 4, 4, 3), pixels(5, 4, 4, 3))
    refused(tmp_path / "x.npz", "arr_0 and arr_1 may both be images")
    buffer = io.BytesIO()
    np.save(buffer, pixels(3, 4, 4, 3))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("arr_0.npy", buffer.getvalue())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("arr_0.npy", buffer.getvalue())
    refused(tmp_path / "x.npz", "has two arrays called arr_0")


@pytest.mark.parametrize(("name", "size"), [("x.npz", "7.2 MB"), ("folder", "6.0 MB")])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before(
    tmp_path, monkeypatch, name, size
):
    monkeypatch.setattr(image_memory, "MAX_UNPACKED", 2**20)
    monkeypatch.setattr(torch, "empty", None)
    if name == "x.npz":
        np.savez_compressed(tmp_path / name, np.zeros((60, 200, 200, 3), np.uint8))
    else:
        for i in range(2):
            save(np.zeros((1000, 1000, 3), np.uint8), tmp_path / name / f"{i}.png")
    refused(tmp_path / name, f"would unpack to {size}", "fill the memory")


def test_files_of_a_pattern_are_named_by_what_its_signs_stand_for(tmp_path):
    for name in ("x/out_b_1", "x/out_a_2", "y/out_a_1"):
        save(pixels(4, 4, 3), tmp_path / f"{name}.png")
    assert load_images(str(tmp_path / "x" / "out_*_[12].png")).names == ["a/2.png", "b/1.png"]
    every = load_images(str(tmp_path / "*" / "out_?_1.png"))
    assert every.names == ["x/b.png", "y/a.png"]


def test_an_array_cut_short_names_the_image(tmp_path):
    array = pixels(9, 4, 5, 3)
    np.save(tmp_path / "x.npy", array)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[: -2 * 60 - 1])
    refused(tmp_path / "x.npy", f"{tmp_path / 'x.npy'}: cut short at image 6 (from 0) of 9")
    (tmp_path / "x.npy").write_bytes(content + b"!")
    refused(tmp_path / "x.npy", "more bytes than 9 images of its shape")
    (tmp_path / "x.npy").write_bytes(content[:20])
    refused(tmp_path / "x.npy", "x.npy: cannot be read")


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_archive_is_one_line_or_the_same_pixels(tmp_path, packed):
    path, array = tmp_path / "x.npz", pixels(3, 4, 5, 3)
    (np.savez_compressed if packed else np.savez)(path, array)
    content = path.read_bytes()
    outcomes = set()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        for data in (bytes(damaged), content[:place]):
            path.write_bytes(data)
            found = attempt(path)
            if isinstance(found, torch.Tensor):
                outcomes.add(torch.equal(found, images_of(array)))
            else:
                outcomes.add("refused")
                assert str(path) in found
                assert "\n" not in found
    assert outcomes <= {True, "refused"}, "pixels have changed unnoticed"
    assert "refused" in outcomes


def test_an_archive_that_unpacks_to_a_billion_pixels_is_refused_by_its_header(
    tmp_path, monkeypatch
):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (2, 31_623, 31_623, 3)}
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("arr_0.npy", header.getvalue() + bytes(100))
    monkeypatch.setattr(torch, "empty", None)
    refused(tmp_path / "x.npz", f"{tmp_path / 'x.npz'}: an image of 31,623×31,623")


@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
def test_what_only_has_the_suffix_of_an_array(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello")
    refused(tmp_path / name, f"{tmp_path / name}: cannot be read")


def test_a_single_file_is_no_set_and_one_of_another_kind_no_image(tmp_path):
    save(pixels(4, 4, 3), tmp_path / "x.png")
    refused(tmp_path / "x.png", "x.png: 1 image; a set needs at least 2")
    (tmp_path / "x.txt").write_text("x")
    refused(tmp_path / "x.txt", "x.txt: a folder or a zip archive of images, an image, an .npz")


# Pairs


def test_pairs_are_matched_by_name_whatever_the_formats(tmp_path):
    array = pixels(3, 8, 8, 3)
    for name, image in zip(["b/1", "b", "b-1"], array, strict=True):
        save(image, tmp_path / "x" / f"{name}.png")
        save(255 - image, tmp_path / "y" / f"{name}.bmp")
    x, y = open_pairs(str(tmp_path / "x"), str(tmp_path / "y"))
    assert torch.equal(x.images, 255 - y.images)
    assert x.names == ["b.png", "b-1.png", "b/1.png"]


def test_arrays_are_paired_by_index(tmp_path):
    array = pixels(3, 8, 8, 3)
    np.savez(tmp_path / "x.npz", array)
    np.save(tmp_path / "y.npy", 255 - array)
    x, y = open_pairs(str(tmp_path / "x.npz"), str(tmp_path / "y.npy"))
    assert torch.equal(x.images, 255 - y.images)


def unpaired(a: Path, b: Path, *expected: str) -> None:
    with pytest.raises(BadInput) as caught:
        open_pairs(str(a), str(b))
    for words in expected:
        assert words in str(caught.value)


def test_an_image_without_a_partner_is_named(tmp_path):
    a, b = folder(tmp_path / "a", 7), folder(tmp_path / "b", 2)
    unpaired(a, b, f"{a}: 5 of 7 images without a partner in {b}", "2.png, 3.png, 4.png, …")
    unpaired(b, a, f"{a}: 5 of 7 images without a partner in {b}")
    (b / "1.png").rename(b / "9.png")
    (a / "9.png").symlink_to("0.png")
    unpaired(b, a, f"{a}: 6 of 8 images")


def test_two_partners_for_one_image(tmp_path):
    a, b = folder(tmp_path / "a", 2), folder(tmp_path / "b", 2)
    save(pixels(4, 5, 3), a / "1.bmp")
    unpaired(a, b, f"{a}: 1.bmp and 1.png differ in suffix only")


def test_pairs_of_two_sizes(tmp_path):
    a, b = folder(tmp_path / "a", 2), folder(tmp_path / "b", 2, (8, 8, 1))
    unpaired(a, b, f"images of {a} are 3×4×5, but images of {b} are 1×8×8")
