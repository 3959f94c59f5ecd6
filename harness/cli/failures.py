"""How a failing command ends: with one line on stderr, and an exit code from which scripts can tell
the cause. docs/cli.md lists the codes.
"""

from __future__ import annotations

import errno
import os
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import typer

import harness
from harness.core.errors import BadInput, TryLater
from harness.core.printable import printable
from harness.core.secrets import without_passwords

DEBUG = "--debug"
FAULT = 70
"""The exit code of a fault of the harness itself, which sysexits.h calls an internal error."""
MOST = 2000
"""Characters of a line that names what is wrong."""

_PASSING_NAMES = """
    ENOSPC EDQUOT EFBIG EIO EMFILE ENFILE ENOMEM EAGAIN EBUSY EINTR ESTALE ETIMEDOUT
    ECONNREFUSED ECONNRESET ECONNABORTED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ENOTCONN
""".split()
_PASSING = {getattr(errno, name) for name in _PASSING_NAMES}
"""Errors of the system that may be gone at another try: a full disk, a network that is away."""


class ReaderGone(BadInput):
    """The reader of the output went away before its end."""

    exit_code = 141
    """128 + the number of SIGPIPE."""

    def __init__(self) -> None:
        super().__init__("what reads the output went away")


def without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The command line without `--debug`, which may stand anywhere, and whether it was there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != DEBUG]
    return [*kept, *arguments[end:]], len(kept) < end


def end(error: Exception, debug: bool) -> int:
    """Print what ended the command, with the traceback where `debug` says so; its exit code."""
    explained = explain_exception(error)
    if isinstance(explained, ReaderGone):
        _forget_output()
    if debug:
        sys.stderr.write("".join(traceback.format_exception(error)))
    line = str(explained) if explained else _fault(error)
    sys.stderr.write(f"harness: {_one_line(line)}\n")
    return explained.exit_code if explained else FAULT


def accident(ended: SystemExit) -> Exception | None:
    """The cause where a command ended with exit code 1 without a verb having said so; None where a
    verb said so or the code is another. `harness check` says "regression" with code 1, so no
    accident may.

    typer and rich end silently with code 1 where the reader of the output went away or input ended
    early, and so do libraries that are commands themselves.
    """
    if ended.code in (None, 0) or (isinstance(ended.code, int) and ended.code != 1):
        return None
    raised = ended.__context__
    if isinstance(raised, typer.Exit):
        return None
    if isinstance(raised, typer.Abort) and raised.__cause__:
        raised = raised.__cause__
    return raised if isinstance(raised, Exception) else RuntimeError(f"ended with {ended.code}")


def explain_exception(error: BaseException) -> BadInput | None:
    """The exception as an error that the user can put right or that may pass with time; None for
    any other exception.
    """
    if isinstance(error, BadInput):
        return error
    if isinstance(error, BrokenPipeError):
        return ReaderGone()
    return _of_store(error) or (
        _of_system(error) if isinstance(error, OSError) else _of_library(error)
    )


def _of_store(error: BaseException) -> BadInput | None:
    if "sqlalchemy" not in sys.modules and "mlflow" not in sys.modules:
        return None  # to import them takes longer than most commands
    from harness.tracking.refusals import refusal

    return refusal(error)


def _of_library(error: BaseException) -> BadInput | None:
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("harness"):
        return BadInput(f"the package {error.name!r} is needed here and not installed")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        advice = "run fewer cells at a time, or on fewer images"
        return TryLater(f"out of memory ({_text(error)}); {advice}")
    # Libraries that write files on their own have errors of their own.
    return TryLater(_text(error)) if "No space left on device" in str(error) else None


def _of_system(error: OSError) -> BadInput:
    names = [
        os.fsdecode(name)
        for name in (error.filename, error.filename2)
        if isinstance(name, str | bytes)
    ]
    reason = os.strerror(error.errno) if error.errno and error.strerror else _text(error)
    text = f"{' → '.join(names)}: {reason}" if names else reason
    # An OSError without a number is a network's: those of urllib, requests and file locks.
    return TryLater(text) if error.errno is None or error.errno in _PASSING else BadInput(text)


def _fault(error: BaseException) -> str:
    return (
        f"a fault of its own: {_text(error)} ({_where(error)}); run it again with {DEBUG} for the "
        "traceback, and report it, please"
    )


def _text(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _where(error: BaseException) -> str:
    """File, line and function of the innermost frame that is no library's."""
    frames = traceback.extract_tb(error.__traceback__)
    frames_shown = [frame for frame in frames if not _is_library(frame.filename)] or list(frames)
    if not frames_shown:
        return "nowhere in particular"
    last = frames_shown[-1]
    return f"{_short(Path(last.filename))}:{last.lineno} in {last.name}"


def _is_library(file: str) -> bool:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    return not _is_ours(Path(file)) and any(Path(file).is_relative_to(path) for path in paths)


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(Path(harness.__file__).parent)


def _short(file: Path) -> Path:
    for root in (Path(harness.__file__).parents[1], Path.cwd()):
        if file.is_relative_to(root):
            return file.relative_to(root)
    return file


def _one_line(text: str) -> str:
    """Without passwords in addresses, line ends, and what would move a terminal's cursor."""
    folded = " ".join(without_passwords(text).split())
    plain = printable(folded)
    return plain if len(plain) <= MOST else f"{plain[: MOST - 1]}…"


def _forget_output() -> None:
    """Python flushes stdout once more at its end, which must not raise again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
