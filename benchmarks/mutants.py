"""Mutants of the harness: small changes to its source that a test should notice.

The changes are cosmic-ray's (its core operators that need no arguments). `mutants` leaves out those
that no test can notice, by fixed rules, and `sample` draws from the rest.
"""

from __future__ import annotations

import ast
import builtins
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

RULES = {
    "type annotations": "and aliases of types, `cast`, `TypeVar`, code under `TYPE_CHECKING`",
    "texts": "docstrings, what `raise` and `warn` say, and the parts of texts with values in them",
    "guards against misuse": "the keywords `strict`, `frozen`, `slots`, `kw_only`, and `assert`",
    "decorators without effect on results": "`cache`, `override`, `dataclass`, `no_grad`",
    "changes that only crash": "`<<`, `>>`, `|`, `&`, `^` in place of arithmetic",
    "identity in place of equality": "which on small values is the same, and the other way round",
    "code that compiles to the same": "and code that does not compile at all",
}
"""What is not mutated."""

GUARDS = {"strict", "frozen", "slots", "kw_only"}
DECORATORS = {"cache", "lru_cache", "override", "dataclass", "no_grad", "inference_mode"}
CALLS = {"warn", "cast", "TypeVar"}
ARITHMETIC, BITWISE = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}, {
    "RShift", "LShift", "BitOr", "BitAnd", "BitXor",
}  # fmt: skip
SAME = {("Eq", "Is"), ("Is", "Eq"), ("NotEq", "IsNot"), ("IsNot", "NotEq")}
ALIASES = {"Union", "Callable", "Literal", "Annotated"}


@dataclass(frozen=True)
class Mutant:
    """One change to one file: an operator of cosmic-ray at its n-th place in the file."""

    path: str
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def key(self) -> str:
        return f"{self.path}:{self.line}:{self.column} {self.operator}[{self.occurrence}]"

    @property
    def package(self) -> str:
        return self.path.split("/")[1]

    def source(self, original: str) -> str | None:
        """The file's text with the change, or None where there is nothing to change."""
        changed: str | None = mutate_code(original, operators()[self.operator], self.occurrence)
        return changed


@cache
def operators() -> dict[str, Operator]:
    """cosmic-ray's operators by name, without those with arguments or excluded by the rules."""
    classes = {name: get_operator(name) for name in operator_names() if _is_telling(name)}
    return {name: kind() for name, kind in classes.items() if not kind.arguments()}


def _is_telling(operator: str) -> bool:
    _, *pair = operator.split("_")
    return not (
        len(pair) == 2 and ((pair[0] in ARITHMETIC and pair[1] in BITWISE) or tuple(pair) in SAME)
    )


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file except those that the rules leave out."""
    excluded = exclusions(ast.parse(source))
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators().items():
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(starts):
            if not any(low <= start < high for low, high in excluded):
                yield Mutant(path, name, occurrence, *start)


def sample(sources: dict[str, str], per_package: int, seed: int) -> list[Mutant]:
    """Draws up to `per_package` mutants of each package, at most one for each place in the source.

    A larger sample of the same seed begins with the smaller one.
    """
    places: dict[str, dict[tuple[str, int, int], list[Mutant]]] = defaultdict(dict)
    for path, source in sorted(sources.items()):
        for mutant in mutants(path, source):
            place = (path, mutant.line, mutant.column)
            places[mutant.package].setdefault(place, []).append(mutant)
    drawn: list[Mutant] = []
    for package, choices in sorted(places.items()):
        rng = random.Random(f"{seed}/{package}")
        order = sorted(choices)
        rng.shuffle(order)
        usable = filter(None, (_one(choices[place], sources, rng) for place in order))
        drawn += [mutant for mutant, _ in zip(usable, range(per_package), strict=False)]
    return drawn


def _one(choices: Sequence[Mutant], sources: dict[str, str], rng: random.Random) -> Mutant | None:
    """One of the mutants of a place, drawn from those that differ once they are compiled."""
    for mutant in rng.sample(choices, len(choices)):
        if change(sources[mutant.path], mutant) is not None:
            return mutant
    return None


@dataclass(frozen=True)
class Change:
    """The code that a mutant changes.

    `functions` are the outermost functions with changed code by (qualified name, first line).
    `at_import` says whether code changes that runs when the module is imported.
    """

    functions: dict[tuple[str, int], CodeType]
    at_import: bool


def change(source: str, mutant: Mutant) -> Change | None:
    """What a mutant changes; None where it does not compile or compiles to the same code."""
    try:
        changed = compile(mutant.source(source) or source, mutant.path, "exec", dont_inherit=True)
    except SyntaxError:
        return None
    functions: dict[tuple[str, int], CodeType] = {}
    old = _compiled(source, mutant.path)
    at_import = _compare(old, changed, functions)
    places = Counter(_places(old))
    ambiguous = any(places[place] > 1 for place in functions)
    return Change(functions, at_import or ambiguous) if functions or at_import else None


@cache
def _compiled(source: str, path: str) -> CodeType:
    return compile(source, path, "exec", dont_inherit=True)


_FUNCTION = 0x1  # CO_OPTIMIZED: the code of a function, not of a module or a class


def _compare(old: CodeType, new: CodeType, functions: dict[tuple[str, int], CodeType]) -> bool:
    """Whether code outside functions differs; functions that differ are added to `functions`."""
    if new.co_flags & _FUNCTION:
        if _whole(old) != _whole(new):
            functions[new.co_qualname, new.co_firstlineno] = new
        return False
    inner = list(zip(_codes(old), _codes(new), strict=False))
    below = [_compare(a, b, functions) for a, b in inner]
    return any(below) or _shallow(old) != _shallow(new)


def _places(code: CodeType) -> Iterator[tuple[str, int]]:
    """The outermost functions of a module; two lambdas of one line have the same place."""
    for inner in _codes(code):
        if inner.co_flags & _FUNCTION:
            yield inner.co_qualname, inner.co_firstlineno
        else:
            yield from _places(inner)


def _codes(code: CodeType) -> list[CodeType]:
    return [value for value in code.co_consts if isinstance(value, CodeType)]


def _shallow(code: CodeType) -> object:
    values = [(type(v), repr(v)) for v in code.co_consts if not isinstance(v, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, values, len(_codes(code))


def _whole(code: CodeType) -> object:
    return _shallow(code), [_whole(inner) for inner in _codes(code)]


Span = tuple[tuple[int, int], tuple[int, int]]


def exclusions(tree: ast.Module) -> list[Span]:
    """Where the rules leave mutants out: (start, end) as (line, column from 0) each."""
    return [_span(part) for node in ast.walk(tree) for part in _excluded(node)]


def _span(node: ast.AST) -> Span:
    start = (node.lineno, max(node.col_offset - 1, 0) if _decorates(node) else node.col_offset)  # type: ignore[attr-defined]
    return start, (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _decorates(node: ast.AST) -> bool:
    return _name(node) in DECORATORS


def _excluded(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of one node that the rules leave out."""
    match node:
        case ast.arg(annotation=ast.AST() as annotation):
            yield annotation
        case ast.AnnAssign():
            yield node.annotation
        case ast.FunctionDef() | ast.ClassDef():
            yield from (d for d in node.decorator_list if _name(d) in DECORATORS)
            if isinstance(node, ast.FunctionDef) and node.returns:
                yield node.returns
        case ast.Raise() | ast.Assert() | ast.JoinedStr():
            yield node
        case ast.If() if _name(node.test) == "TYPE_CHECKING":
            yield node
        case ast.Call():
            yield from [node] if _name(node) in CALLS else []
            yield from (keyword for keyword in node.keywords if keyword.arg in GUARDS)
        case ast.Assign(value=ast.BinOp(op=ast.BitOr()) as value) if _is_alias(value):
            yield node
        case ast.Assign(value=ast.Subscript() as value) if _name(value.value) in ALIASES:
            yield node


def _is_alias(value: ast.expr) -> bool:
    """Whether an expression names a type, or is a union `a | b` of types."""
    match value:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_alias(left) and _is_alias(right)
        case ast.Subscript(value=generic):
            return _is_alias(generic)
        case ast.Constant(value=None):
            return True
    name = _name(value)
    return isinstance(getattr(builtins, name, None), type) or _is_camel(name)


def _is_camel(name: str) -> bool:
    return name[:1].isupper() and not name.isupper()


def _name(node: ast.AST) -> str:
    """The last part of a name, of an attribute, or of what is called."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _name(function)
    return ""


def read(root: Path, packages: Sequence[str]) -> dict[str, str]:
    """The text of each module of these packages of the harness, by its path below `root`."""
    files = [f for name in packages for f in sorted((root / "harness" / name).rglob("*.py"))]
    return {f.relative_to(root).as_posix(): f.read_text(encoding="utf-8") for f in files}
