"""Packages that are installed as extras of the harness."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from harness.core.errors import BadInput


def load_optional(package: str, extra: str, user: str) -> Any:
    """Import an optional package for `user`, a name for messages. Raises BadInput, which says how
    to install the `extra` that has it, where it is absent.
    """
    if importlib.util.find_spec(package) is None:
        raise BadInput(f"{user} needs {package}: python -m pip install 'harness[{extra}]'")
    return importlib.import_module(package)
