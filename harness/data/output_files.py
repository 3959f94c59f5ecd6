"""Files that a user names for what a command writes: never over an input, never in place of a
device.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.core.errors import BadInput, TryLater
from harness.core.files import atomic_write, encoded
from harness.data.image_search import SUFFIXES

STDOUT = Path("-")
"""As an output: the standard output."""

OTHER_FORMATS = set(
    """
    .csv .gif .htm .html .jsonl .md .npy .npz .parquet .pdf .safetensors .svg .tsv .xlsx .xml
    .yaml .yml .zip
""".split()
)
"""Suffixes of formats that readers go by, beside image suffixes."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_IN_PLACE = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV, errno.EROFS)
"""Why a file cannot be replaced where it can still be written to: a folder that is closed, or a
file that is mounted by itself."""


def check_outputs(files: Iterable[Path | None], inputs: Iterable[Path] = ()) -> None:
    """Raise BadInput before any work where one of `files` could not be written after it.

    `files` are what the command writes, None where it does not. `inputs` are files and folders that
    the command reads: none of them is written over, by whatever name (a link, a hard link, another
    spelling), and no image is put into a folder of images, of which it would be one the next time.
    Two outputs are two files. `-` is the standard output.
    """
    inputs, taken = tuple(inputs), set[Path]()
    for file in files:
        if file is None:
            continue
        place = _check(file)
        if place is None:
            continue
        if place in taken:
            raise BadInput(f"{file}: is named for two outputs; name a file for each")
        taken.add(place)
        _check_no_input(file, place, inputs)


def check_suffix(file: Path, option: str, kind: str, suffix: str) -> None:
    """Raise BadInput where the suffix of an output is that of another format than the `kind` that
    is written: of a picture any other (viewers go by it), of text that of another known format.
    Streams have no format, and a name without a suffix says nothing.
    """
    actual = file.suffix.lower()
    if actual in ("", suffix) or _is_stdout(file):
        return
    status = _status(file)
    if status is not None and not stat.S_ISREG(status.st_mode):
        return
    if suffix in SUFFIXES or actual in OTHER_FORMATS or actual in SUFFIXES:
        raise BadInput(f"{option} {file}: {kind} is written; name a file with the suffix {suffix}")


def write_output(file: Path, content: bytes | str) -> None:
    """Write `content` to the `file` that a user named: whole or not at all.

    `-` is the standard output; a pipe or a device is written to, and stays; so does a link, whose
    target is written. Raises BadInput where that cannot be, TryLater where the disk is full.
    """
    try:
        if _is_stdout(file):
            _to_stdout(encoded(content))
        elif _status(file) is None or stat.S_ISREG(file.stat().st_mode):
            _write_file(file, content)
        else:
            _stream(file, encoded(content))
    except OSError as error:
        raise _refusal(file, error) from error


def make_folder(file: Path) -> None:
    """Make the folder of an output, and those around it. Raises BadInput where that cannot be."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(file, error) from error


def _check(file: Path) -> Path | None:
    """Where the file would be, without links; None for a stream."""
    try:
        if _is_stdout(file):
            return STDOUT
        status, place = _status(file), Path(os.path.realpath(file))
        if status is None:
            _check_folder(file, place.parent if file.is_symlink() else file.parent)
            return place
        if stat.S_ISDIR(status.st_mode):
            raise BadInput(f"{file}: a folder; name a file")
        if stat.S_ISSOCK(status.st_mode):
            raise BadInput(f"{file}: a socket; name a file")
        if not os.access(file, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return place if stat.S_ISREG(status.st_mode) else None
    except OSError as error:
        raise _refusal(file, error) from error


def _check_folder(file: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"{file}: cannot be written; there is no folder {folder}")
    with tempfile.TemporaryFile(dir=folder):
        pass


def _check_no_input(file: Path, place: Path, inputs: Iterable[Path]) -> None:
    for path in inputs:
        if path.is_dir():
            _check_not_of(file, place, path)
        elif _same(place, path):
            raise BadInput(f"{file}: is an input of this command ({path}); name another file")


def _check_not_of(file: Path, place: Path, folder: Path) -> None:
    status = _status(place)
    if status:
        for image in _images(folder):
            if _same(place, image):
                raise BadInput(f"{file}: is an input of this command ({image}); name another file")
    if place.suffix.lower() in SUFFIXES and place.is_relative_to(os.path.realpath(folder)):
        raise BadInput(
            f"{file}: would be one of the images of {folder}, which is an input, the next time; "
            "name a file in another folder"
        )


def _images(folder: Path) -> Iterator[Path]:
    visited: set[str] = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in visited:  # a loop of links
            folders.clear()
            continue
        visited.add(real)
        yield from (Path(at, name) for name in names if Path(name).suffix.lower() in SUFFIXES)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _status(file: Path) -> os.stat_result | None:
    """That of what the name leads to; None where nothing is there."""
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _is_stdout(file: Path) -> bool:
    """Whether it is `-`, or another name of what the standard output goes to (`/dev/stdout`, the
    file that a shell opened): replaced, that would lose all that is printed.
    """
    if file == STDOUT:
        return True
    status = _status(file)
    try:
        return status is not None and os.path.samestat(status, os.fstat(1))
    except OSError:  # it is closed
        return False


def _to_stdout(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.flush()


def _stream(file: Path, content: bytes) -> None:
    with file.open("wb", buffering=0) as stream:
        view = memoryview(content)
        while view:
            view = view[stream.write(view) :]


def _write_file(file: Path, content: bytes | str) -> None:
    try:
        atomic_write(file, content)
    except OSError as error:
        if error.errno not in _IN_PLACE or _status(file) is None:
            raise
        file.write_bytes(encoded(content))


def _refusal(file: Path, error: OSError) -> BadInput:
    reason = os.strerror(error.errno) if error.errno else error
    kind = TryLater if error.errno in _FULL else BadInput
    return kind(f"{file}: cannot be written ({reason})")
