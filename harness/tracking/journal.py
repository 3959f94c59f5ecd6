"""Writes that the tracking store did not take, kept on disk until it does.

A server that cannot be reached, or a database on a full disk, must not cost a finished number. What
could not be sent is kept, in order, a file each; so is all that comes after it for the same run,
so that a run is never marked as trained before its weights are there. The writes of one run wait
for each other, and for those of no other run.

A write that would be refused again, because it is not valid or its run is gone, is set aside.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from harness.core.files import atomic_write
from harness.tracking.refusals import brief, is_for_good

LOCK_SECONDS = 600
REFUSED = "refused"
"""The folder beside the runs' of what was set aside."""
ATTEMPTS = 3
"""Runs whose writes are tried while none is taken: each may take minutes."""
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, StopIteration)
"""What reading a kept write raises where its file is gone, or is not what was written."""


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
        paths = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        runs = [path.name for path in paths if path.is_dir() and path.name != REFUSED]
        return [run_id for run_id in runs if self.holds(run_id)]

    @property
    def refused(self) -> Journal:
        """The writes that were set aside."""
        return Journal(self.folder / REFUSED)

    def counts(self) -> dict[str, int]:
        """How many writes there are of each run that has any; spoilt ones count."""
        paths = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        runs = [path for path in paths if path.is_dir() and path.name != REFUSED]
        counts = {path.name: sum(file.is_file() for file in path.iterdir()) for path in runs}
        return {run_id: count for run_id, count in counts.items() if count}

    def drop(self, run_id: str) -> int:
        """Delete all writes of a run; return their number."""
        count = self.counts().get(run_id, 0)
        if count:
            with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
                shutil.rmtree(self.folder / run_id)
        return count

    def keep(self, run_id: str, write: Write) -> None:
        """Append a write to the writes of its run, whole or not at all."""
        place = self.folder / run_id
        place.mkdir(parents=True, exist_ok=True)
        last = max((int(path.stem) for path in self._waiting(run_id)), default=0)
        name = f"{last + 1:08d}"
        if write.file:
            (place / name).mkdir(exist_ok=True)
            shutil.copyfile(write.file, place / name / write.file.name)
        content = {"kind": write.kind, "values": write.values, "file": bool(write.file)}
        atomic_write(place / f"{name}.json", json.dumps(content), durable=True)

    def replay(self, send: Send) -> Exception | None:
        """Send the kept writes; each is deleted once the store has taken it.

        Returns the first error of a run whose writes are not taken yet; other runs are sent all the
        same.
        """
        runs = self.runs()
        if not runs:
            return None
        errors: list[Exception] = []
        with FileLock(self.folder / ".lock", timeout=LOCK_SECONDS):
            for run_id in runs:
                try:
                    self._replay_run(run_id, send)
                except Exception as error:
                    errors.append(error)
                if len(errors) >= ATTEMPTS:
                    break
        return errors[0] if errors else None

    def _replay_run(self, run_id: str, send: Send) -> None:
        for path in self._waiting(run_id):
            try:
                write = self._read(path)
            except _UNREADABLE as error:
                self._set_spoilt_aside(run_id, path, error)
            else:
                try:
                    send(run_id, write)
                except Exception as error:
                    if not is_for_good(error):
                        raise
                    self.set_aside(run_id, write, error)
            self._drop(path)
        with contextlib.suppress(OSError):  # another command may be keeping more
            (self.folder / run_id).rmdir()

    def set_aside(self, run_id: str, write: Write, error: Exception) -> None:
        """Put a write that is refused for good where nothing waits for it, with a warning."""
        place = self.folder / REFUSED
        Journal(place).keep(run_id, write)
        _warn(run_id, error, place / run_id)

    def _set_spoilt_aside(self, run_id: str, path: Path, error: Exception) -> None:
        place = self.folder / REFUSED / run_id
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / f"{path.name}.spoilt")
        _warn(run_id, error, place)

    def _drop(self, path: Path) -> None:
        path.unlink()
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)

    def adopt(self, other: Path) -> None:
        """Take over the kept writes of a journal in another folder, if there is one."""
        for path in sorted(other.iterdir()) if other.is_dir() and other != self.folder else ():
            if path.is_dir() and not (self.folder / path.name).exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                path.replace(self.folder / path.name)

    def _waiting(self, run_id: str) -> Iterator[Path]:
        return iter(sorted((self.folder / run_id).glob("[0-9]*[0-9].json")))

    def _read(self, path: Path) -> Write:
        content = json.loads(path.read_text(encoding="utf-8"))
        file = next(iter(sorted(path.with_suffix("").iterdir()))) if content["file"] else None
        return Write(content["kind"], dict(content["values"]), file)


def _warn(run_id: str, error: Exception, place: Path) -> None:
    logging.getLogger(__name__).warning(
        "a result of run %s is refused (%s); it is set aside in %s", run_id[:8], brief(error), place
    )
