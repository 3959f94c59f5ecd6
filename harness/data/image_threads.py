"""Work on many image files, in threads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PIL import Image

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = min(8, os.cpu_count() or 1)
"""Decoding releases Python's lock; beyond some threads the disk is what is waited for."""

RUN = 16
"""Files that a thread takes at a time: handing over a small image costs as much as decoding it."""


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int = THREADS
) -> list[Result]:
    """The result for each of `items`, which concern image files, in order, by as many `threads` at
    most.

    The first failure in order is raised, and what has not begun is dropped.
    """
    runs = [items[start : start + RUN] for start in range(0, len(items), RUN)]
    with warnings.catch_warnings(), ThreadPoolExecutor(min(threads, THREADS)) as pool:
        # Pillow warns of oddities in metadata, which pixels do not depend on, and of bombs that it
        # finds small; here any bomb is an error.
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        done = pool.map(lambda run: [function(item) for item in run], runs)
        return [result for results in done for result in results]
