"""A digest of the code that training's result depends on.

It is part of the training key: a changed loss, network or loop trains again. It is taken from the
syntax tree without docstrings, so that a changed comment, docstring or line break does not.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from harness.families.base import Family

ROOTS = ("harness.training.loop", "harness.training.init", "harness.data.loader")
ROOMS = (
    "harness.families",
    "harness.networks",
    "harness.training",
    "harness.data",
    "harness.seeding",
    "harness.capture",
)


def code_version(family: type[Family]) -> str:
    """16 hexadecimal digits over the module of `family`, `ROOTS`, and what they import of `ROOMS`,
    however indirectly. For a family of another package, that package's modules count too.
    """
    own = family.__module__.partition(".")[0]
    rooms = ROOMS if own == "harness" else (*ROOMS, own)
    code: dict[str, str] = {}
    waiting = [family.__module__, *ROOTS]
    while waiting:
        module = waiting.pop()
        if module not in code:
            tree = ast.parse(_source(module))
            code[module] = ast.unparse(_Bare().visit(tree))
            waiting += [name for name in _imported(tree) if _within(name, rooms)]
    text = "\n".join(f"{module}\n{code[module]}" for module in sorted(code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Bare(ast.NodeTransformer):
    """Leaves out strings that stand alone: docstrings, of attributes as well."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        alone = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if alone else node


def _imported(tree: ast.AST) -> Iterator[str]:
    """The names of all modules that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            submodules = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in submodules if _spec(name))


def _within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except ModuleNotFoundError:  # its parent is a module, so that it is a name in it
        return None


def _source(module: str) -> str:
    spec = _spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no source of module {module!r}")
    return Path(spec.origin).read_text(encoding="utf-8")
