"""Where a command prints to: what a terminal cannot show, and readers that go away."""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO


def replace_what_cannot_be_shown() -> None:
    """From now on a character that the locale has no code for is printed as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def outlive_readers() -> None:
    """From now on the reader of stdout or stderr may go away, as `head` does: only the rest of the
    output is lost. For commands that do more than print.
    """
    if _is_own(sys.stdout, 1):
        sys.stdout = _outliving(sys.stdout)
    if _is_own(sys.stderr, 2):
        sys.stderr = _outliving(sys.stderr)


def _is_own(stream: TextIO | None, descriptor: int) -> bool:
    """Whether it is the process's own stream, not one that a caller of the command put there."""
    try:
        if not isinstance(stream, io.TextIOWrapper) or stream.fileno() != descriptor:
            return False
        return not isinstance(getattr(stream.buffer, "raw", None), _Outliving)
    except (OSError, ValueError):
        return False


class _Outliving(io.FileIO):
    """A file whose reader may go away."""

    def write(self, data: Any, /) -> int:
        """Writes as any file does; once the reader is gone, it discards the text."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def _outliving(stream: TextIO) -> TextIO:
    stream.flush()
    raw = _Outliving(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=True
    )
