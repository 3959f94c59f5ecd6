"""Where what can be computed again is kept between commands."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """HARNESS_CACHE, or `harness` in the user's cache folder. It may not exist yet."""
    if folder := os.environ.get("HARNESS_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harness"
