"""Writes that the tracking store did not take, kept on disk until it does.

A server that cannot be reached, or a database on a full disk, must not cost a finished number. What
could not be sent is kept, in order, a file each; so is all that comes after it for the same run,
so that a run is never marked as trained before its weights are there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.files import atomic_write

LOCK_SECONDS = 600


@dataclass(frozen=True)
class Write:
    """Something to write to a run: what kind, its values as JSON has them, and perhaps a file."""

    kind: str
    values: dict[str, Any]
    file: Path | None = None


Send = Callable[[str, Write], None]
"""Sends a write to a run; raises where it is not taken."""


class Journal:
    """The kept writes of one tracking store: a folder for each run that has any."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def holds(self, run_id: str) -> bool:
        """Whether writes of this run are waiting."""
        return any(self._waiting(run_id))

    def runs(self) -> list[str]:
        """The runs that have writes waiting."""
        found = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return [path.name for path in found if path.is_dir() and self.holds(path.name)]

    def keep(self, run_id: str, write: Write) -> None:
        """Put a write at the end of its run's. It is there whole or not at all."""
        place = self.folder / run_id
        place.mkdir(parents=True, exist_ok=True)
        last = max((int(path.stem) for path in self._waiting(run_id)), default=0)
        name = f"{last + 1:08d}"
        if write.file:
            (place / name).mkdir(exist_ok=True)
            shutil.copyfile(write.file, place / name / write.file.name)
        content = {"kind": write.kind, "values": write.values, "file": bool(write.file)}
        atomic_write(place / f"{name}.json", json.dumps(content), durable=True)

    def replay(self, send: Send) -> None:
        """Send what is kept; each write is dropped once it was taken. Raises what `send` raises."""
        runs = self.runs()
        if not runs:
            return
        with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
            for run_id in runs:
                for path in self._waiting(run_id):
                    send(run_id, self._read(path))
                    path.unlink()
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                with contextlib.suppress(OSError):  # another command may be keeping more
                    (self.folder / run_id).rmdir()

    def _waiting(self, run_id: str) -> Iterator[Path]:
        return iter(sorted((self.folder / run_id).glob("*.json")))

    def _read(self, path: Path) -> Write:
        content = json.loads(path.read_text(encoding="utf-8"))
        file = next(path.with_suffix("").iterdir()) if content["file"] else None
        return Write(content["kind"], content["values"], file)
