"""What files say of how their pixels look is honoured in every format, or refused."""

import struct
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from harness.core.errors import BadInput
from harness.data.captions import load_captions
from harness.data.imageset import load_images, open_pairs

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
ORIENTED = [".jpg", ".png", ".webp", ".tif"]
PROFILED = [".jpg", ".png", ".webp", ".tif"]


def save(image: Image.Image, folder: Path, suffix: str, **options) -> Path:
    """A set of the image, twice."""
    folder.mkdir(exist_ok=True)
    for name in ("a", "b"):
        image.save(folder / f"{name}{suffix}", **options)
    return folder


def refused(folder: Path | str, *expected: str) -> None:
    with pytest.raises(BadInput) as error:
        load_images(str(folder))
    assert "\n" not in str(error.value)
    for words in expected:
        assert words in str(error.value)


def png_with(folder: Path, *chunks: tuple[bytes, bytes], last: bool = False) -> Path:
    """A set of PNGs with chunks before the pixels, or after them."""
    save(Image.fromarray(COLOURS), folder, ".png")
    for file in folder.iterdir():
        content = file.read_bytes()
        place = content.index(b"IEND" if last else b"IDAT") - 4
        added = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        file.write_bytes(content[:place] + added + content[place:])
    return folder


@pytest.mark.parametrize("suffix", ORIENTED)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured_in_every_format(tmp_path, suffix, orientation):
    image = Image.fromarray(COLOURS)
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    save(image, tmp_path / "x", suffix, exif=exif, **options)
    with Image.open(tmp_path / "x" / f"a{suffix}") as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    found = load_images(str(tmp_path / "x")).images
    assert torch.equal(found[0], torch.from_numpy(expected.transpose(2, 0, 1).copy()))
    assert found.shape[2:] == ((6, 4) if orientation < 5 else (4, 6))


def test_orientation_that_a_png_says_after_its_pixels(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    png_with(tmp_path / "x", (b"eXIf", exif.tobytes()[6:]), last=True)
    expected = np.rot90(COLOURS, -1).transpose(2, 0, 1).copy()
    assert torch.equal(load_images(str(tmp_path / "x")).images[0], torch.from_numpy(expected))


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def swapped() -> bytes:
    """A profile of RGB whose red and green are exchanged."""
    data = bytearray(profile("sRGB"))
    for start in range(132, 132 + 12 * struct.unpack(">I", data[128:132])[0], 12):
        kind = bytes(data[start : start + 4])
        if kind in (b"rXYZ", b"gXYZ"):
            data[start : start + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}[kind]
    return bytes(data)


@pytest.mark.parametrize("suffix", PROFILED)
def test_srgb_may_be_said_and_another_colour_space_is_refused(tmp_path, suffix):
    image = Image.fromarray(COLOURS)
    options = {"lossless": True} if suffix == ".webp" else {}
    plain = load_images(str(save(image, tmp_path / "plain", suffix, **options))).images
    said = save(image, tmp_path / "said", suffix, icc_profile=profile("sRGB"), **options)
    assert torch.equal(load_images(str(said)).images, plain)
    save(image, tmp_path / "other", suffix, icc_profile=swapped(), **options)
    refused(tmp_path / "other", "a colour profile (", "of 255 levels off", "convert it to sRGB")
    save(image, tmp_path / "lab", suffix, icc_profile=profile("LAB"), **options)
    refused(tmp_path / "lab", "a colour profile of Lab")
    save(image, tmp_path / "damaged", suffix, icc_profile=b"x" * 200, **options)
    refused(tmp_path / "damaged", "a colour profile that is damaged")


def grey(gamma: float) -> bytes:
    """A profile of grey of that gamma (ICC.1:2001-04)."""
    white = struct.pack(">3i", *(round(65536 * x) for x in (0.9642, 1, 0.8249)))
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(79),
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(256 * gamma)),
    }
    start = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xBB2x4s4s4s", start + len(body), 2, 16, b"mntr", b"GRAY", b"XYZ ")
    return (head + bytes(12) + b"acsp" + bytes(28) + white + bytes(48)) + table + body


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_of_gamma_2_2_stands_for_srgb_and_other_grey_does_not(tmp_path, suffix):
    image = Image.fromarray(COLOURS[..., 0])
    said = save(image, tmp_path / "usual", suffix, icc_profile=grey(2.2))
    assert load_images(str(said)).images.shape[1] == 1
    save(image, tmp_path / "linear", suffix, icc_profile=grey(1))
    refused(tmp_path / "linear", "a colour profile (grey, up to 73 of 255 levels off)")


SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([(b"gAMA", struct.pack(">I", 45455))], ""),
        ([(b"gAMA", struct.pack(">I", 100_000))], "a gamma of 1 (gAMA)"),
        ([(b"gAMA", struct.pack(">I", 100_000)), (b"sRGB", b"\0")], ""),
        ([(b"cHRM", struct.pack(">8I", *SRGB_PRIMARIES))], ""),
        ([(b"cHRM", struct.pack(">8I", *SRGB_PRIMARIES[:2], 68000, *SRGB_PRIMARIES[3:]))],
         "primaries other than sRGB's (cHRM)"),
        ([(b"cICP", bytes((1, 13, 0, 1)))], ""),
        ([(b"cICP", bytes((9, 16, 0, 1)))], "a colour space of video (cICP)"),
    ],
)  # fmt: skip
def test_what_a_png_says_of_its_colours(tmp_path, chunks, expected):
    png_with(tmp_path / "x", *chunks)
    if expected:
        refused(tmp_path / "x", expected)
    else:
        assert len(load_images(str(tmp_path / "x"))) == 2


def test_adobe_rgb_by_exif_tags(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 2
    save(Image.fromarray(COLOURS), tmp_path / "x", ".jpg", exif=exif)
    refused(tmp_path / "x", "Adobe RGB, by its Exif tags")


def test_a_bmp_of_five_and_six_bits(tmp_path):
    head = struct.pack("<2sIHHI", b"BM", 66 + 32, 0, 0, 66)
    info = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 16, 3, 32, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    for name in ("a", "b"):
        (tmp_path / f"{name}.bmp").write_bytes(head + info + masks + bytes(32))
    refused(tmp_path, "5 or 6 bits a channel")


# No image is left out in silence


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".dib"])
def test_other_suffixes_of_formats_that_are_read(tmp_path, suffix):
    image = Image.fromarray(COLOURS)
    save(image, tmp_path / "x", suffix, format="BMP" if suffix == ".dib" else "JPEG")
    assert load_images(str(tmp_path / "x")).names == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.pnm", b"P6\n1 1\n255\n\0\0\0"), ("x.exr", b"v/1\x01"), ("x.dng", b"II*\0"),
        ("x", b"\x89PNG\r\n\x1a\n"), ("x", b"\xff\xd8\xff\xe0"), ("x.dat", b"GIF89a"),
        ("x.image", b"RIFF\0\0\0\0WEBPVP8 "), ("x.tmp", b"BM" + bytes(30)),
        ("x.bak", b"\0\0\0\x20ftypavif"), ("x.txt", b"P5 1 1 255 \0"),
        ("x.JXL", b""), ("x.svg", b"<svg></svg>"), ("x", b"\xef\xbb\xbf <svg></svg>"),
        ("x.CR3", b""), ("x", bytes(128) + b"DICM"), ("deep/x.tga", b""),
    ],
)  # fmt: skip
def test_an_image_that_would_be_left_out_is_named(tmp_path, name, content):
    save(Image.fromarray(COLOURS), tmp_path, ".png")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    refused(tmp_path, f"{tmp_path / name}: is an image (")


@pytest.mark.parametrize(
    ("name", "content"),
    [("captions.csv", b"file,caption"), ("README", b"P is for pictures"), ("empty", b""),
     ("notes.txt", b"BM is a station"), ("labels.json", b"{}"), ("weights.safetensors", bytes(99))],
)  # fmt: skip
def test_what_is_no_image_is_counted(tmp_path, name, content):
    save(Image.fromarray(COLOURS), tmp_path, ".png")
    (tmp_path / name).write_bytes(content)
    assert load_images(str(tmp_path)).left_out == 1


# Names


def test_names_with_accents_pair_however_they_are_written(tmp_path):
    for form in ("NFC", "NFD"):
        (tmp_path / form).mkdir()
        for name in ("é", "eg", "ü/a", "z"):
            file = tmp_path / form / f"{unicodedata.normalize(form, name)}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(COLOURS + len(name)).save(file)
    first, second = open_pairs(str(tmp_path / "NFC"), str(tmp_path / "NFD"))
    assert torch.equal(first.images, second.images)
    captions = tmp_path / "captions.csv"
    lines = ["file,caption", *(f"{name},{i}" for i, name in enumerate(first.names))]
    captions.write_text("\n".join(lines))
    assert load_captions(captions, second.names) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("name", ["x" * 300, "y" * 5000, "a\0b", "", " "])
def test_what_no_file_can_be_called(tmp_path, monkeypatch, name):
    monkeypatch.chdir(save(Image.fromarray(COLOURS), tmp_path / "here", ".png"))
    refused(name)


def test_a_name_that_is_not_utf8(tmp_path):
    folder = tmp_path / "caf\udce9"
    save(Image.fromarray(COLOURS), folder, ".png")
    found = load_images(str(folder))
    assert found.description.encode("utf-8").endswith(b"caf\\udce9")
    refused(tmp_path / "\udcff")
