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
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext

Context = ForkServerContext | SpawnContext

CAN_FORK = sys.platform == "linux"


def context() -> Context:
    """What makes processes, and queues for them."""
    if not CAN_FORK:
        return multiprocessing.get_context("spawn")
    prepare()
    return multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Let the server begin to import, if it has not; returns at once."""
    if CAN_FORK:
        forkserver.set_forkserver_preload(["harness.engine.preloaded"])
        with _without_working_directory():
            forkserver.ensure_running()


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
