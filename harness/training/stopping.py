"""Stopping on request: a system that is about to take the machine away asks with SIGTERM first.

A request is a flag of the process. What runs looks at it between two steps, saves, and ends.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from types import FrameType
from typing import Any

_requested = threading.Event()


class Stopped(Exception):  # noqa: N818 - what was asked for, not a fault
    """Work ended early, on request, with all that is needed to go on saved."""


def requested() -> bool:
    """Whether this process was asked to stop."""
    return _requested.is_set()


def request() -> None:
    """Ask this process to stop."""
    _requested.set()


def heed_sigterm(also: Callable[[], None] = lambda: None) -> Any:
    """From now on SIGTERM is a request to stop, upon which `also` is called; the handler before.

    For the main thread only, as all handlers of signals.
    """

    def request(_number: int, _frame: FrameType | None) -> None:
        _requested.set()
        also()

    return signal.signal(signal.SIGTERM, request)


@contextmanager
def on_sigterm(also: Callable[[], None] = lambda: None) -> Iterator[None]:
    """`heed_sigterm` while the block runs; what was requested before is over."""
    _requested.clear()
    before = heed_sigterm(also)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, however that ends."""

    def wait() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
