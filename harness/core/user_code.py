"""Python code that a suite names as `module:attribute`: where it may be, and how it is imported.

Code beside a suite is importable: while the suite is used, its folder stands at the end of Python's
search path, so that no file in it can take the place of an installed module. Before anything is
imported it is known where Python would find it: `harness validate` imports code from the suite's
own folder only, unless `--trust` says otherwise (see SECURITY.md).
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.core.error_location import is_users, location, module_file, register_user_module
from harness.core.errors import FAILURES, BadInput, one_line
from harness.core.import_files import watch_imports

TARGET = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
"""`module:attribute`, with or without packages around the module."""


@dataclass
class _Search:
    """The suite's folder, whether it was put on Python's search path for it, the modules that were
    there before it, and whether code from elsewhere may be imported.
    """

    folder: Path | None = None
    is_added: bool = False
    before: frozenset[str] = frozenset()
    anywhere: bool = True


_search = _Search()
"""One for the process, as Python's own search path is."""


def look_in(folder: Path | None) -> None:
    """Make the modules in a suite's folder importable, in place of the last suite's."""
    folder = folder.resolve() if folder else None
    if folder != _search.folder:
        _leave()
        _search.folder, _search.before = folder, frozenset(sys.modules)
        importlib.invalidate_caches()
    if folder and str(folder) not in sys.path:
        sys.path.append(str(folder))
        _search.is_added = True


def suite_folder() -> Path | None:
    """The folder whose modules can be imported: that of the suite in use, if there is one."""
    return _search.folder


def _leave() -> None:
    """Forget the last suite's modules: two suites may have modules of one name, and Python would
    keep the first.
    """
    folder = _search.folder
    if folder is None:
        return
    new = sys.modules.keys() - _search.before
    for name in [name for name in new if not _is_harness(name)]:
        file = getattr(sys.modules[name], "__file__", None)
        if file and source(name, [str(folder)]) == Path(file).resolve():
            del sys.modules[name]
    if _search.is_added and str(folder) in sys.path:
        sys.path.remove(str(folder))
    _search.folder, _search.is_added = None, False


@contextmanager
def own_folder_only() -> Iterator[None]:
    """While the block runs, nothing is imported but what lies in the suite's own folder."""
    before, _search.anywhere = _search.anywhere, False
    try:
        yield
    finally:
        _search.anywhere = before


def import_object(kind: str, target: str) -> Any:
    """Import what `target` names, such as `mine.linear:Linear`. `kind` is the word in error
    messages.

    Raises BadInput in one line: where there is no such module or attribute, where importing it
    fails (with file and line), and where code from there may not be imported.
    """
    match = TARGET.fullmatch(target)
    if match is None:
        raise BadInput(f"{kind} {target!r} is not of the form module:name")
    module, attribute = match.groups()
    _check_place(kind, target, module)
    imported = import_module(f"{kind} {target!r}", module)
    try:
        return getattr(imported, attribute)
    except AttributeError:
        [near] = get_close_matches(attribute, vars(imported), n=1) or [""]
        hint = f"; did you mean {near!r}?" if near else ""
        raise BadInput(
            f"{kind} {target!r}: {module_file(imported)} has no {attribute!r}{hint}"
        ) from None


def import_module(description: str, module: str) -> ModuleType:
    """The module, whose code counts as the user's when failures are located. Whatever is raised
    while it is imported becomes BadInput.
    """
    register_user_module(module)
    watch_imports()
    try:
        return importlib.import_module(module)
    except FAILURES as error:
        raise BadInput(f"{description} cannot be imported: {import_failure(error)}") from error


def import_failure(error: BaseException) -> str:
    """Why user code could not be imported, in one line with the place in that code."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"SyntaxError: {error.msg} ({_shown(Path(error.filename))}:{error.lineno})"
    text = one_line(error)
    if isinstance(error, SystemExit):
        text = f"it ends the program with exit code {error.code}"
    elif not isinstance(error, ImportError):
        text = f"{type(error).__name__}: {text}"
    return f"{text} ({location(error)})" if is_users(error) else text


def _shown(file: Path) -> str:
    """The path of a file from the suite's folder, or the current one, if it lies there."""
    for folder in (_search.folder, Path.cwd()):
        if folder and file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
    return str(file)


def _check_place(kind: str, target: str, module: str) -> None:
    """Raise BadInput where code may not be imported from the place where Python would find it."""
    top = module.partition(".")[0]
    imported_file = None if top in sys.stdlib_module_names else source(module, sys.path)
    suite_file = source(module, [str(_search.folder)]) if _search.folder else None
    if suite_file and imported_file != suite_file:
        raise BadInput(
            f"{kind} {target!r}: of {suite_file} and {imported_file or 'a module of its own'} "
            f"Python would import the second; give the first another name than {module!r}"
        )
    if suite_file or _is_harness(module):
        return
    if imported_file is None and not _is_elsewhere(top):
        raise BadInput(f"{kind} {target!r} cannot be imported: {_nowhere(module)}")
    if not _search.anywhere:
        raise BadInput(
            f"{kind} {target!r} is code from outside the harness and the suite's folder, which is"
            " not imported to check a suite, unless --trust is given"
        )


def _is_harness(module: str) -> bool:
    return module.partition(".")[0] == "harness"


def _is_on_path(top: str) -> bool:
    origin, places = _find(top, sys.path)
    return bool(origin or places)


def _is_elsewhere(top: str) -> bool:
    """Whether Python finds a package by other means than its search path."""
    if top in sys.stdlib_module_names:
        return True
    try:
        return not _is_on_path(top) and importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _nowhere(module: str) -> str:
    """Return why a module was not found, and what would be right."""
    top = module.partition(".")[0]
    missing = module if _is_on_path(top) else top
    where = f" in the suite's folder, {_search.folder}, or installed" if _search.folder else ""
    message = f"No module named {missing!r}{where}"
    if source(module, [str(Path.cwd())]):
        message += "; it is in the current folder, which `python -m harness` searches too"
    return message


def source(module: str, path: Sequence[str]) -> Path | None:
    """Return the file that Python would load a module from, searching the folders of `path`.
    Nothing is imported, not even the packages around it.
    """
    names = list(accumulate(module.split("."), "{}.{}".format))
    for package in names[:-1]:
        _, path = _find(package, path)
    origin, _ = _find(names[-1], path)
    return Path(origin).resolve() if origin else None


def _find(name: str, path: Sequence[str]) -> tuple[str | None, list[str]]:
    """The file of a module, and the folders of its submodules; a package without an `__init__.py`
    has no file, and folders everywhere in `path`.
    """
    portions: list[str] = []
    for entry in path:
        finder: Any = pkgutil.get_importer(entry or str(Path.cwd()))
        spec = finder.find_spec(name) if finder else None
        if spec is None:
            continue
        places = list(spec.submodule_search_locations or ())
        if spec.loader is not None:
            return spec.origin, places
        portions += places
    return None, portions
