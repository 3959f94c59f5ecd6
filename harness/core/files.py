"""Files that are written whole or not at all, and their digests."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

Writer = Callable[[Path], object]
"""Writes a file at the path that it is given."""


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def atomic_write(path: Path, content: bytes | str | Writer, *, durable: bool = False) -> None:
    """Write `content` beside `path`, then rename it: a reader sees the old file or the new one.

    `content` is bytes, text (written as UTF-8), or a function that writes the file at the path that
    it is given. A link is written through: the file that it names is replaced, and the link stays.
    The new file has the old one's permissions. With `durable`, the content and the new name are on
    the disk itself when this returns. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    # A short name of its own: that of the file may be as long as the file system allows.
    aside = target.with_name(f".part-{secrets.token_hex(8)}")
    try:
        _create(aside, target)
        if callable(content):
            content(aside)
        else:
            aside.write_bytes(encoded(content))
        if durable:
            sync(aside)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    if durable:
        sync(target.parent)


def encoded(content: bytes | str) -> bytes:
    """Text as UTF-8. A lone surrogate, which stands for a byte of a file name that is not UTF-8,
    becomes the escape `\\udcff`, as JSON has it.
    """
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk itself."""
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _create(aside: Path, target: Path) -> None:
    """An empty file, with the permissions of the one that it replaces, or those of a new one."""
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    with contextlib.suppress(FileNotFoundError):
        aside.chmod(stat.S_IMODE(target.stat().st_mode))
