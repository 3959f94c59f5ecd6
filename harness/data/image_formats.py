"""The formats of image files by their first bytes: file names do not always say so."""

from __future__ import annotations

from pathlib import Path

from harness.data.image_archive import Member

UNSUPPORTED_SUFFIXES = frozenset(
    """
    .3fr .apng .arw .avif .bpg .cr2 .cr3 .cur .dcm .dcr .dds .dng .emf .erf .exr .fff .ff .fit
    .fits .flif .gif .hdr .heic .heics .heif .hif .icb .ico .iiq .j2c .j2k .jls .jng .jp2 .jpc .jpf
    .jpx .jxl .jxr .kdc .mef .mng .mos .mpo .mrw .nef .nrw .orf .pam .pbm .pcx .pef .pfm .pgm .pict
    .pnm .ppm .psb .psd .qoi .raf .ras .raw .rgb .rw2 .rwl .sgi .sr2 .srf .srw .sun .svg .svgz .tga
    .vda .vst .wbmp .wdp .wmf .x3f .xbm .xcf .xpm
    """.split()  # noqa: SIM905
)
"""Suffixes of images in formats that are not read."""

HEAD = 132
"""Bytes that tell a format."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"),
    (b"II*\0", "TIFF or camera raw"), (b"MM\0*", "TIFF or camera raw"),
    (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"), (b"IIRO", "camera raw"), (b"IIU\0", "camera raw"),
    (b"FUJIFILMCCD-RAW", "camera raw"), (b"FOVb", "camera raw"), (b"\0MRM", "camera raw"),
    (b"v/1\x01", "OpenEXR"), (b"#?RADIANCE", "Radiance HDR"), (b"#?RGBE", "Radiance HDR"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"\xff\x0a", "JPEG XL"), (b"II\xbc", "JPEG XR"),
    (b"8BPS", "Photoshop"), (b"gimp xcf", "GIMP"), (b"DDS ", "DDS"), (b"qoif", "QOI"),
    (b"FLIF", "FLIF"), (b"BPG\xfb", "BPG"), (b"farbfeld", "farbfeld"), (b"SIMPLE  =", "FITS"),
    (b"\x01\xda\0", "SGI"), (b"\x01\xda\x01", "SGI"), (b"\x8aMNG", "MNG"), (b"\x8bJNG", "JNG"),
    (b"\0\0\x01\0", "ICO"), (b"/* XPM */", "XPM"), (b"Y\xa6j\x95", "Sun raster"),
)  # fmt: skip
_NETPBM = {f"P{kind}".encode() for kind in "1234567fF"}
_DIB_DEPTHS = {bytes((bits, 0)) for bits in (1, 4, 8, 16, 24, 32)}
_HEIF = {b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"crx "}


def unsupported_format(path: Path | Member) -> str:
    """Return the image format of a file that is not read under this name; "" where it is no
    image.
    """
    suffix = path.suffix.lower()
    if suffix in UNSUPPORTED_SUFFIXES:
        return suffix[1:].upper()
    with path.open("rb") as file:
        return _by_content(file.read(HEAD))


def _by_content(head: bytes) -> str:
    kinds = (kind for signature, kind in _SIGNATURES if head.startswith(signature))
    return next(kinds, None) or _by_structure(head)


def _by_structure(head: bytes) -> str:
    """Return the format where more than the first bytes must be read."""
    if bitmap := _bitmap(head):
        return bitmap
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return "AVIF, HEIF or camera raw"
    if head[:2] in _NETPBM and head[2:3] in (b" ", b"\n", b"\r", b"\t"):
        return "Netpbm"
    if head[128:132] == b"DICM":
        return "DICOM"
    is_svg = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<!DOCTYPE svg"))
    return "SVG" if is_svg else ""


def _bitmap(head: bytes) -> str:
    """A DIB is a BMP without the first of its two headers."""
    if head[:2] == b"BM" and head[6:10] == bytes(4) and len(head) > 26:
        return "BMP"
    is_dib = head[:4] == b"(\0\0\0" and head[12:14] == b"\1\0" and head[14:16] in _DIB_DEPTHS
    return "DIB" if is_dib else ""
