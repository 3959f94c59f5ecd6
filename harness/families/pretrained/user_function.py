"""A function of the user's, `package.module:callable`, and what its results depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.user_code import import_object, suite_folder


def load_function(role: str, source: str, inputs: str) -> Any:
    """The function that a source names. Raises BadInput, with what it is given, for a class or what
    cannot be called.
    """
    function = import_object(role, source)
    if not callable(function) or isinstance(function, type):
        kind = "a class" if isinstance(function, type) else type(function).__name__
        raise BadInput(f"{source} is {kind}; a function of {inputs} is needed")
    return function


def function_content(source: str, files: Sequence[str]) -> Mapping[str, str]:
    """The name of a function, and the digests of the files that it opens, below the suite's folder.
    Raises BadInput where one is no file.
    """
    folder = suite_folder() or Path()
    digests = {}
    for name in files:
        if not (path := folder / name).is_file():
            raise BadInput(f"files: {path} is not a file")
        digests[name] = file_sha256(path)
    return {"callable": source, **digests}


def function_modules(source: str, function: object) -> Sequence[str]:
    """The module that was named, and the one that defines the function."""
    named = source.partition(":")[0]
    return tuple(dict.fromkeys((named, getattr(function, "__module__", named))))
