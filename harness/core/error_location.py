"""The line of a user's code where something failed: `mine/broken.py:11 in loss`."""

from __future__ import annotations

import inspect
import site
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

import harness

_HARNESS = Path(harness.__file__).resolve().parent
_LIBRARIES = tuple(
    Path(folder).resolve()
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
_users: set[str] = set()
"""The top packages of the modules that suites have named, and of installed plug-ins."""


def register_user_module(module: str) -> None:
    """Failures in this module, and in its package, are located there."""
    if (top := module.partition(".")[0]) != "harness":
        _users.add(top)


def location(error: BaseException) -> str:
    """The innermost line of a user's code that an error passed through, else of the harness's own;
    empty where there is neither.
    """
    frames = list(_frames(error.__traceback__))
    user_frames = [place for place in frames if _is_users(place[0])]
    harness_frames = [place for place in frames if _is_harness(place[0])]
    if not (user_frames or harness_frames):
        return ""
    frame, line = (user_frames or harness_frames)[-1]
    name = str(frame.f_globals.get("__name__", ""))
    return f"{_file(frame.f_code.co_filename, name)}:{line} in {frame.f_code.co_name}"


def is_users(error: BaseException) -> bool:
    """Whether an error passed through a user's code."""
    return any(_is_users(frame) for frame, _ in _frames(error.__traceback__))


def defined(function: Callable[..., Any]) -> str:
    """Where a function or method is written, as `location` writes it; empty where that is not
    known.
    """
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    if code is None:
        return ""
    return f"{_file(code.co_filename, inner.__module__)}:{code.co_firstlineno} in {inner.__name__}"


def defined_class(kind: type) -> str:
    """Where a class is written, `mine/broken.py:5`; its name where that is not known."""
    try:
        _, line = inspect.getsourcelines(kind)
        return f"{_file(inspect.getfile(kind), kind.__module__)}:{line}"
    except (OSError, TypeError):
        return f"{kind.__module__}:{kind.__qualname__}"


def module_file(module: ModuleType) -> str:
    """The file of a module as messages name it."""
    file = getattr(module, "__file__", None)
    return _file(file, module.__name__) if file else module.__name__


def _file(path: str, module: str) -> str:
    """The end of a file's path that belongs to the module's name: the same on every machine."""
    parts = Path(path).parts
    count = 1 if module in ("", "__main__") else module.count(".") + 1
    return "/".join(parts[-(count + (parts[-1] == "__init__.py")) :])


def _frames(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    frames = []
    while trace:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _is_users(frame: FrameType) -> bool:
    if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _users:
        return True
    file = frame.f_code.co_filename
    if file.startswith("<"):  # generated code
        return False
    path = Path(file).resolve()
    return not _is_harness(frame) and not any(path.is_relative_to(place) for place in _LIBRARIES)


def _is_harness(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).resolve().is_relative_to(_HARNESS)
