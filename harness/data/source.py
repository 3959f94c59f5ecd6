"""Where a dataset comes from: what a data module, or another package, registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.data.base import About, Split


@dataclass(frozen=True)
class Source:
    """A dataset that can be loaded.

    `load` takes the folder that holds all datasets and returns the train and the test split. Its
    `about` is there without reading any data, so that a suite is checked before anything is loaded.
    """

    about: About
    load: Callable[[Path], tuple[Split, Split]]
