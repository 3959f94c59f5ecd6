"""Images in a zip archive, read without unpacking it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from harness.core.counting import counted_of
from harness.core.errors import BadInput, error_text

SUFFIX = ".zip"
MAX_BYTES = 2**29
"""Of one unpacked file: no picture needs as much, and a forged archive would take all memory."""


@dataclass(frozen=True)
class Member:
    """A file in a zip archive; printed as if the archive was a folder."""

    archive: Path
    name: str
    opened: ZipFile = field(repr=False, compare=False)

    @property
    def suffix(self) -> str:
        """As of a path."""
        return PurePosixPath(self.name).suffix

    @property
    def stored_bytes(self) -> int:
        """How many it takes in the archive."""
        return self.opened.getinfo(self.name).compress_size

    def read_bytes(self) -> bytes:
        """The file, unpacked. Raises BadInput where it cannot be, or is larger than any picture."""
        info = self.opened.getinfo(self.name)
        if info.file_size > MAX_BYTES:
            raise BadInput(f"{self}: {info.file_size:,} bytes, more than any picture needs")
        try:
            with self.opened.open(info) as stream:
                # One more than is said, so that the checksum is compared at the end.
                return stream.read(info.file_size + 1)
        except (BadZipFile, RuntimeError, OSError, EOFError, zlib.error) as error:
            raise BadInput(f"{self}: cannot be unpacked ({error_text(error)})") from error

    def open(self, mode: str = "rb") -> BytesIO:
        """As of a path, to be read."""
        assert mode == "rb"
        return BytesIO(self.read_bytes())

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


def find_members(archive: Path) -> list[Member]:
    """The files in a zip archive but for hidden ones. Raises BadInput where it is none,
    and where a name leads out of it.
    """
    try:
        opened = ZipFile(archive)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error_text(error)
        raise BadInput(f"{archive}: not a zip archive, or damaged ({why})") from error
    files = [info.filename for info in opened.infolist() if not info.is_dir()]
    if outside := [name for name in files if ".." in PureWindowsPath(name).parts]:
        raise BadInput(
            f"{archive}: {counted_of(len(outside), len(files), 'member')} with .. in the name, such"
            f" as {outside[0]}; these point outside the archive and are not read: pack it with "
            "paths below one folder"
        )
    members = [Member(archive, info.filename, opened) for info in opened.infolist() if _shown(info)]
    names = [member.name for member in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"{archive}: has {twice} more than once")
    return members


def _shown(info: ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    return not info.is_dir() and not any(p.startswith((".", "__MACOSX")) for p in parts)
