"""A digest of the code that training's result depends on.

It is part of the training key: a changed loss, network or loop trains again. It is taken from the
syntax tree without docstrings, so that a changed comment, docstring or line break does not.

Of a family of the harness, the modules of `TRACKED_PACKAGES` that it imports count. Of
a user's family, all of the user's own code counts that can be reached from its module: by any kind
of import statement (relative, conditional, within a function), by `import_module` of a literal
name, and by what the loaded modules hold. Where a module imports by a name that only running it
tells, all Python files beside it count. Of installed packages the version counts.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from harness.families.base import Family

ROOTS = ("harness.training.loop", "harness.training.init", "harness.data.loader")
HARNESS = ("harness",)
TRACKED_PACKAGES = (
    "harness.families",
    "harness.networks",
    "harness.objectives",
    "harness.training",
    "harness.data",
    "harness.core.seeding",
    "harness.core.cuda_graphs",
)
SAMPLERS = "harness.samplers"
"""The package on which samples depend and no training does."""
DYNAMIC = {"import_module", "__import__", "spec_from_file_location", "SourceFileLoader",
           "run_path", "run_module", "exec"}  # fmt: skip
"""Functions that run code which their argument names."""


def code_version(family: type[Family]) -> str:
    """16 hexadecimal digits over `code_digests`."""
    text = "\n".join(f"{name}\n{digest}" for name, digest in sorted(code_digests(family).items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_digests(family: type[Family]) -> dict[str, str]:
    """What the code's version is made from: a digest of each module by its name, of each file that
    may be imported dynamically by its place below the package, the version of each installed
    package that the user's code imports.
    """
    own = family.__module__.partition(".")[0]
    bases = (base.__module__ for base in family.__mro__[1:-1])
    return module_digests([family.__module__, *ROOTS, *bases], own)


def module_digests(modules: Sequence[str], own: str) -> dict[str, str]:
    """As `code_digests`, for the code that can be reached from these modules. The code of the
    package `own` counts wherever it is installed.
    """
    digests: dict[str, str] = {}
    waiting = list(modules)
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        if not (spec := _spec(name)) or not spec.origin:
            continue
        if not _counts(name, spec, own):
            if version := _installed_version(name):
                digests[name.partition(".")[0]] = version
            continue
        digests[name] = _digest(name, spec.origin)
        if spec.origin.endswith(".py"):
            waiting += _reached(name, spec, own, digests)
    return digests


def sampling_version(family: type[Family]) -> str:
    """16 hexadecimal digits over the code that samples depend on and training does not: what the
    family takes from `harness.samplers`, and what only that reaches. Empty where it takes nothing.
    """
    trained = code_digests(family)
    waiting = [name for module in trained for name in _imports_of(module, (SAMPLERS,))]
    digests: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in digests or name in trained or not (spec := _spec(name)) or not spec.origin:
            continue
        digests[name] = _digest(name, spec.origin)
        waiting += _imports_of(name, (SAMPLERS, *TRACKED_PACKAGES))
    text = "\n".join(f"{name}\n{digest}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if digests else ""


def _imports_of(module: str, packages: tuple[str, ...]) -> list[str]:
    """What a Python module may import of these packages."""
    spec = _spec(module)
    if spec is None or not (spec.origin or "").endswith(".py"):
        return []
    source = _source(module)
    if not any(package.encode() in source for package in packages):
        return []  # to look is a hundred times as fast as to parse
    return [name for name in _imported(_read(source), spec) if _within(name, packages)]


def _reached(name: str, spec: ModuleSpec, own: str, digests: dict[str, str]) -> Iterator[str]:
    """The modules whose code counts because the code of module `name` does; some of the names may
    be no modules. Files that it may import dynamically are added to `digests`.
    """
    code = _read(_source(name))
    imported = set(_imported(code, spec))
    if _within(name, HARNESS):
        # Of other packages, which only a user's code reaches, all that they need counts.
        packages = TRACKED_PACKAGES if _within(name, TRACKED_PACKAGES) else HARNESS
        yield from (module for module in imported if _within(module, packages))
        return
    yield from imported | set(_held(sys.modules.get(name))) | set(_parents(name))
    if code.is_dynamic:
        digests.update(_files_beside(spec, own))


@dataclass(frozen=True)
class _Code:
    """What counts of a module's source: a digest of its syntax tree; the names of modules in its
    import statements, relative ones as they are written, each with a name that is imported from it
    or ""; and whether it runs code that only running it can name.
    """

    digest: str
    imports: tuple[tuple[str, str], ...]
    is_dynamic: bool


@lru_cache(maxsize=4096)
def _read(source: bytes) -> _Code:
    """What counts of a source. Families share most of their modules, and to parse one takes longer
    than to compare its text.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a module that is named but cannot be imported
        return _Code(_digest_of(source), (), False)
    imports: list[tuple[str, str]] = []
    is_dynamic = False
    for node in ast.walk(tree):
        imports += _import_statement(node)
        is_dynamic |= _imports_dynamically(node)
        _drop_strings(node)
    return _Code(_digest_of(ast.unparse(tree).encode()), tuple(imports), is_dynamic)


def _drop_strings(node: ast.AST) -> None:
    """Leave out strings that stand alone among a node's statements: docstrings, of attributes as
    well.
    """
    for block in ("body", "orelse", "finalbody"):
        if isinstance(statements := getattr(node, block, None), list):
            statements[:] = (each for each in statements if not _is_string(each))


def _is_string(statement: ast.AST) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _import_statement(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The modules that a node names, and with each what is imported from it, as in `_Code`."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield module, ""
        yield from ((module, alias.name) for alias in node.names)
    elif (literal := _literal_import(node)) is not None:
        yield literal, ""


def _imported(code: _Code, spec: ModuleSpec) -> Iterator[str]:
    """The absolute names that a module's imports may load. Some are no modules: whether
    `from a import b` names a module or a function is not seen before `_spec` looks for it.
    """
    package = spec.name if spec.submodule_search_locations else spec.parent or ""
    for module, attribute in code.imports:
        base = _resolved(module, package)
        yield f"{base}.{attribute}" if attribute else base


def _literal_import(node: ast.AST) -> str | None:
    """The module that a call such as `import_module("a.b")` names by a literal, if any."""
    if not (isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__")):
        return None
    first = node.args[0] if node.args else None
    is_text = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return first.value if is_text else None  # type: ignore[union-attr]


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _imports_dynamically(node: ast.AST) -> bool:
    """Whether a node runs code that only running the module can name."""
    return isinstance(node, ast.Call) and _called(node) in DYNAMIC and _literal_import(node) is None


def _resolved(name: str, package: str) -> str:
    """An absolute name; of a relative one that leads above its package, nothing."""
    try:
        return importlib.util.resolve_name(name, package) if name.startswith(".") else name
    except ImportError:
        return ""


def _held(module: ModuleType | None) -> Iterator[str]:
    """The modules that a loaded module holds, or holds something of."""
    for value in list(vars(module).values()) if module else ():
        name = value.__name__ if isinstance(value, ModuleType) else _defined_in(value)
        if name:
            yield name


def _defined_in(value: object) -> str | None:
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else None


def _parents(name: str) -> Iterator[str]:
    """The packages that are imported with a module: `a` and `a.b` of `a.b.c`."""
    while name := name.rpartition(".")[0]:
        yield name


def _files_beside(spec: ModuleSpec, own: str) -> dict[str, str]:
    """Digests of the Python files of the module's package, or of its folder where it has none."""
    assert spec.origin is not None
    top = _spec(spec.name.partition(".")[0])
    locations = top.submodule_search_locations if top else None
    folder = Path(next(iter(locations))) if locations else Path(spec.origin).parent
    files = folder.rglob("*.py") if locations else folder.glob("*.py")
    return {
        f"{own}/{file.relative_to(folder).as_posix()}": _digest_of(file.read_bytes())
        for file in files
    }


def _counts(name: str, spec: ModuleSpec, own: str) -> bool:
    """Whether a module's code counts: the harness's, the family's own package, and whatever is
    neither installed nor of Python itself.
    """
    if name.partition(".")[0] in ("harness", own):
        return True
    return spec.has_location and not is_installed(Path(spec.origin or ""))


@lru_cache(maxsize=1)
def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({Path(paths[name]).resolve() for name in names})


def is_installed(file: Path) -> bool:
    """Whether a file is of Python's library or of an installed package."""
    file = file.resolve()
    if {"site-packages", "dist-packages"} & set(file.parts):
        return True
    return any(file.is_relative_to(folder) for folder in _library_folders())


@lru_cache(maxsize=256)
def _installed_version(name: str) -> str | None:
    """The version of the installed package that a module is of; None of Python's own."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return None


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):  # its parent is a module, so that it is a name in it
        return None


def _digest(module: str, origin: str) -> str:
    """Of a Python module's syntax tree; of a compiled one, of its bytes."""
    if not origin.endswith(".py"):
        return _digest_of(Path(origin).read_bytes())
    return _read(_source(module)).digest


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _source(module: str) -> bytes:
    spec = _spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no source of module {module!r}")
    return Path(spec.origin).read_bytes()
