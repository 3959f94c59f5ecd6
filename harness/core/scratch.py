"""Temporary folders that are removed even if their process is killed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield a new folder below `folder`, and remove it afterwards.

    Folders of killed processes are removed too: a process holds a lock beside its folder for as
    long as it lives.
    """
    root = folder / "scratch"
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    place = root / secrets.token_hex(4)
    lock, owner = _lock(place), os.getpid()
    with lock:
        place.mkdir()
        try:
            yield place
        finally:
            if os.getpid() == owner:  # and not a forked child that drops its copy of this
                shutil.rmtree(place, ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)


def _lock(place: Path) -> FileLock:
    return FileLock(place.with_name(f".{place.name}.lock"), blocking=False)


def _sweep(root: Path) -> None:
    for leftover in root.iterdir():
        if leftover.is_dir():
            try:
                with _lock(leftover) as lock:
                    shutil.rmtree(leftover, ignore_errors=True)
                    Path(lock.lock_file).unlink(missing_ok=True)
            except (Timeout, OSError):
                continue  # its process lives
