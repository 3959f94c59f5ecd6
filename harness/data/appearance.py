"""The orientation and the colour space that an image file declares, the same for all formats.

Orientation is applied: it moves pixels and changes none. A colour space other than sRGB is refused:
programs differ in how they convert colours.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from harness.core.errors import BadInput, error_text
from harness.data.image_archive import Member

NEAR = 10
"""Levels by which colours may differ from sRGB: as far as its usual stand-ins do (gamma 2.2)."""

_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""Of sRGB: x and y of red, green and blue."""
_CHUNKS = (b"eXIf", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_MOST = 2**20
"""Bytes of a chunk that are read."""


class Appearance(NamedTuple):
    """The orientation tag, 1 to 8, where the decoder does not apply it itself, and the colour space
    in words, "" where it is sRGB.
    """

    orientation: int
    colours: str

    @property
    def is_turned(self) -> bool:
        """Whether width and height change places."""
        return self.orientation >= 5


def appearance(path: Path | Member, image: Image.Image) -> Appearance:
    """Return the appearance of an image that is opened and not decoded yet."""
    chunks = _png_chunks(path) if image.format == "PNG" else {}
    exif = Image.Exif()
    if data := chunks.get(b"eXIf") or image.info.get("exif"):
        exif.load(data)
    # Pillow turns TIFF itself.
    orientation = exif.get(ExifTags.Base.Orientation, 1) if image.format != "TIFF" else 1
    valid = orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1
    return Appearance(valid, _colours(path, image, chunks, exif))


def check_colours(path: Path | Member, look: Appearance) -> None:
    """Raise BadInput where the colour space is not sRGB."""
    if look.colours:
        raise BadInput(
            f"{path}: {look.colours}, by which its pixels look other than as sRGB; convert it to "
            "sRGB and save it without"
        )


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image turned as its orientation tag says."""
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def _colours(
    path: Path | Member, image: Image.Image, chunks: Mapping[bytes, bytes], exif: Image.Exif
) -> str:
    if (code := chunks.get(b"cICP")) is not None:  # which goes before all others
        return "" if code == bytes((1, 13, 0, 1)) else "a colour space of video (cICP)"
    if profile := image.info.get("icc_profile"):
        return _of_profile(profile)
    if image.format == "PNG":
        return "" if b"sRGB" in chunks else _of_png(chunks)
    if image.format in ("BMP", "DIB"):
        return _of_bmp(path, before=14 if image.format == "BMP" else 0)
    return _of_tags(exif)


@lru_cache(maxsize=64)
def _of_profile(profile: bytes) -> str:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = " ".join(ImageCms.getProfileDescription(source).split()) or "no name"
        space = source.profile.xcolor_space.strip()
        if space not in ("RGB", "GRAY"):
            return f"a colour profile of {space} ({name})"
        swatches = _swatches(space)
        mode = "L" if space == "GRAY" else "RGB"
        converted = ImageCms.profileToProfile(
            swatches, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        return f"a colour profile that is damaged ({error_text(error)})"
    assert converted is not None
    before = np.asarray(swatches.convert("RGB") if mode == "L" else swatches).astype(int)
    shift = int(np.abs(np.asarray(converted).astype(int) - before).max())
    return f"a colour profile ({name}, up to {shift} of 255 levels off)" if shift > NEAR else ""


def _swatches(space: str) -> Image.Image:
    """Colours all over the range."""
    if space == "GRAY":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(9, 81, 3))


def _of_png(chunks: Mapping[bytes, bytes]) -> str:
    if len(gamma := chunks.get(b"gAMA", b"")) == 4:
        value = struct.unpack(">I", gamma)[0] / 100_000
        if value and abs(value - 1 / 2.2) > 0.006:
            return f"a gamma of {value:.4g} (gAMA)"
    if len(points := chunks.get(b"cHRM", b"")) == 32:
        _, _, *primaries = struct.unpack(">8I", points)
        if _differ([value / 100_000 for value in primaries]):
            return "primaries other than sRGB's (cHRM)"
    return ""


def _of_bmp(path: Path | Member, before: int) -> str:
    """Return the colour space of a BMP whose header starts after `before` bytes.

    A header of version 4 or 5 may have an embedded or linked profile, or a gamma.
    """
    with path.open("rb") as file:
        head = file.read(before + 108)[before:]
    if len(head) < 108 or struct.unpack("<I", head[:4])[0] < 108:
        return ""
    space = head[56:60][::-1]
    if space in (b"LINK", b"MBED"):
        return "a colour profile of its own"
    is_calibrated = space == bytes(4) and any(head[96:108])
    return "a gamma of its own" if is_calibrated else ""


def _of_tags(exif: Image.Exif) -> str:
    primaries = exif.get(ExifTags.Base.PrimaryChromaticities)
    if isinstance(primaries, Sequence) and len(primaries) == 6 and _differ(primaries):
        return "primaries other than sRGB's"
    if exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) == 2 or (
        exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex) == "R03"
    ):
        return "the colour space Adobe RGB, by its Exif tags"
    return ""


def _differ(primaries: Sequence[float]) -> bool:
    return any(abs(float(a) - b) > 0.01 for a, b in zip(primaries, _PRIMARIES, strict=True))


def _png_chunks(path: Path | Member) -> dict[bytes, bytes]:
    """The chunks that matter here, wherever they stand; of several of a kind the first."""
    chunks: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind in _CHUNKS and length <= _MOST:
                chunks.setdefault(kind, file.read(length))
                file.seek(4, 1)
            else:
                file.seek(length + 4, 1)
    return chunks
