"""Where cells run, what is heard of them while they do, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from harness.plan import Cell
from harness.tracking import Store

BUSY_SECONDS = 1.0
"""Seconds to wait before trying again a cell that another command is working on."""


@dataclass(frozen=True)
class Site:
    """Where cells run and leave their results: the tracking store, the suite's parent run there,
    and a folder for checkpoints, one every `checkpoint_seconds`. The modules in the suite's
    folder, `code`, can be imported.
    """

    uri: str
    parent: str
    folder: Path
    checkpoint_seconds: float = 20.0
    code: Path | None = None

    def store(self) -> Store:
        """Open a connection of this process's own."""
        return Store(self.uri, self.folder)

    def work(self, cell: Cell) -> Path:
        """The folder of the cell's checkpoints while it trains."""
        return self.folder / "work" / cell.training_key

    def lock(self, cell: Cell) -> FileLock:
        """The lock of the process that runs the cell: of two commands on one suite, one does."""
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / cell.training_key, blocking=False)


@dataclass(frozen=True)
class CellEvent:
    """The progress of a cell: `done` of `total` images while it trains, then of measurements."""

    cell: str
    stage: str
    done: int
    total: int


Listener = Callable[[CellEvent], None]


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended: messages of what failed or diverged; empty where all went well.

    A cell that was `stopped` on request goes on from its checkpoint; one that is `busy` is run by
    another command.
    """

    cell: str
    failures: tuple[str, ...] = ()
    diverged: str = ""
    stopped: bool = False
    busy: bool = False
