"""How worker processes start: forked, where they can be, from a server that has imported already.

A worker that is spawned imports for seconds before its first step. The server imports once, while
the command is still planning, and workers share the memory of what it has. It opens no device, no
store and no threads of its own, none of which would survive a fork. Where the system's frameworks
do not either, which is everywhere but on Linux, workers are spawned.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from multiprocessing import forkserver, util
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from harness.core.scratch import scratch

Context = ForkServerContext | SpawnContext

LONGEST = 45
"""Characters of a folder that a socket's address, of 107 at most, has room for."""
CAN_FORK = sys.platform == "linux"


def context() -> Context:
    """What makes processes, and queues for them."""
    if not CAN_FORK:
        return multiprocessing.get_context("spawn")
    start_forkserver()
    return multiprocessing.get_context("forkserver")


def start_forkserver() -> None:
    """Let the server begin to import, if it has not; returns at once."""
    if CAN_FORK:
        forkserver.set_forkserver_preload(["harness.engine.forkserver_preload"])
        with _without_working_directory(), _swept_folder():
            forkserver.ensure_running()


@contextmanager
def _swept_folder() -> Iterator[None]:
    """What the server puts into a temporary folder meanwhile, a socket, lies in `_own_folder`."""
    before = tempfile.tempdir
    try:
        tempfile.tempdir = _own_folder() or before
        yield
    finally:
        tempfile.tempdir = before


@lru_cache(maxsize=1)
def _own_folder() -> str | None:
    """A folder that this command removes as it ends, or where it is killed, the user's next one.
    None where a socket's address there would be too long, or the place is another user's.
    """
    root = Path(tempfile.gettempdir()) / f"harness-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid() or len(str(root)) > LONGEST:
        return None
    held = ExitStack()
    folder = held.enter_context(scratch(root))
    util.Finalize(None, held.close, exitpriority=-200)  # after the removal of what is in it
    return str(folder)


@contextmanager
def _without_working_directory() -> Iterator[None]:
    """Processes started meanwhile do not import files that happen to lie where the user is."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before
