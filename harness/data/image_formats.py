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
    """.split()
)
"""Suffixes of images in formats that are not read."""

HEAD = 132
"""Bytes that tell a format."""

_SIGNATURES = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF8",),
    "TIFF or camera raw": (b"II*\0", b"MM\0*"),
    "TIFF": (b"II+\0", b"MM\0+"),
    "camera raw": (b"IIRO", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM"),
    "OpenEXR": (b"v/1\x01",),
    "Radiance HDR": (b"#?RADIANCE", b"#?RGBE"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"),
    "JPEG XR": (b"II\xbc",),
    "Photoshop": (b"8BPS",),
    "GIMP": (b"gimp xcf",),
    "DDS": (b"DDS ",),
    "QOI": (b"qoif",),
    "FLIF": (b"FLIF",),
    "BPG": (b"BPG\xfb",),
    "farbfeld": (b"farbfeld",),
    "FITS": (b"SIMPLE  =",),
    "SGI": (b"\x01\xda\0", b"\x01\xda\x01"),
    "MNG": (b"\x8aMNG",),
    "JNG": (b"\x8bJNG",),
    "ICO": (b"\0\0\x01\0",),
    "XPM": (b"/* XPM */",),
    "Sun raster": (b"Y\xa6j\x95",),
}
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
    kinds = (kind for kind, signatures in _SIGNATURES.items() if head.startswith(signatures))
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
