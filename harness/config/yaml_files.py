"""YAML files as plain values that remember where each came from.

Suites and recipes are untrusted text: only plain values are constructed (PyYAML's safe loader),
and size, depth and alias expansion are bounded. Scalars follow YAML 1.2's core schema, so `no` and
`on` are words and `1e-4` is a number, which PyYAML's own YAML 1.1 rules have the other way round.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from harness.config.merging import MERGE, Merging
from harness.core.errors import BadInput, SpecError
from harness.core.text_files import decode

Keys = tuple[str | int, ...]
"""The way to a value: `("claims", 0, "metric")`."""

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
MAX_DEPTH = 50
MAX_DIGITS = 19
"""Of a whole number. More are no count, seed or size of anything."""

_PLAIN = {
    f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")
}


class SourceLine(NamedTuple):
    """A line of a file, counted from 1."""

    file: Path
    line: int


@dataclass(frozen=True)
class Document:
    """The mapping that a file writes, and the place of every key and element of it."""

    value: dict[str, Any]
    path: Path
    places: Mapping[Keys, SourceLine]
    text: str

    def place(self, keys: Keys) -> SourceLine:
        """Where the value at `keys` is written, or the nearest thing around it that is."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, SourceLine(self.path, 1))

    def error(self, message: str, keys: Keys = ()) -> SpecError:
        """An error about the value at `keys`, with its file and line."""
        return SpecError(message, *self.place(keys))


def load_yaml(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping. Raises as `parse_yaml`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # no more: it may be a device that never ends
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    return parse_yaml(content, path)


def parse_yaml(content: bytes, path: Path) -> Document:
    """The YAML text of the file at `path`, whose top level is a mapping. Keys that begin with `x-`
    are left out: they are places for what other keys refer to (`&name`, `*name`, `<<`).

    Raises SpecError with the line for text that is not such YAML, and for keys given twice.
    """
    text = _text(content, path)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise SpecError("should be a mapping of keys to values", path, 1)
        Merging(path, MAX_VALUES).expand(root)
        places = {keys: SourceLine(path, line) for keys, line in _Walk(path).nodes(root, (), 1, ())}
        value = loader.construct_document(root)
        visible = {key: value[key] for key in value if not key.startswith("x-")}
        return Document(visible, path, places, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        deep = "nesting depth" in (error.problem or "")
        message = "nested too deeply" if deep else f"not YAML: {error.problem}"
        raise SpecError(message, path, line) from None
    except (yaml.YAMLError, ValueError, LookupError) as error:
        raise SpecError(f"not YAML: {' '.join(str(error).split())}", path) from None
    except RecursionError:
        raise SpecError("nested too deeply", path) from None


def _text(content: bytes, path: Path) -> str:
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path}: larger than {MAX_BYTES:,} bytes; is it a suite or a recipe?")
    try:
        return decode(content)
    except ValueError as error:
        raise SpecError(f"not YAML: {error}", path) from None


class _Walk:
    """Visits every value of a document, aliases expanded, and refuses what is not plain."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.visited = 0

    def nodes(
        self, node: yaml.Node, keys: Keys, line: int, above: tuple[yaml.Node, ...]
    ) -> Iterator[tuple[Keys, int]]:
        """The keys and line of `node` and of all below it."""
        self.visited += 1
        if self.visited > MAX_VALUES or node in above:
            raise SpecError("its aliases (*name) expand without end", self.path, line)
        if len(above) > MAX_DEPTH:
            raise SpecError("nested too deeply", self.path, line)
        if node.tag not in _PLAIN:
            raise SpecError(f"tag {node.tag!r} stands for no plain value", self.path, line)
        if isinstance(node, yaml.ScalarNode):
            self._check_scalar(node, line)
        yield keys, line
        above = (*above, node)
        if isinstance(node, yaml.MappingNode):
            for key, key_line, child in self._items(node):
                yield from self.nodes(child, (*keys, key), key_line, above)
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                yield from self.nodes(child, (*keys, index), child.start_mark.line + 1, above)

    def _check_scalar(self, node: yaml.ScalarNode, line: int) -> None:
        digits = len(node.value.lstrip("+-"))
        if node.tag.endswith(":int") and digits > MAX_DIGITS:
            raise SpecError(f"a number of {digits:,} digits", self.path, line)
        if sign := unprintable(node.value, "Cc", "Cs"):
            raise SpecError(f"has the character {sign!r}, which is no text", self.path, line)

    def _items(self, node: yaml.MappingNode) -> Iterator[tuple[str, int, yaml.Node]]:
        first: dict[str, int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                raise SpecError("a key should be a word; quote it if it is one", self.path, line)
            self._check_scalar(key, line)
            if key.value in first:
                message = f"key {key.value!r} is given twice, first in line {first[key.value]}"
                raise SpecError(message, self.path, line)
            first[key.value] = line
            yield key.value, line, child


def unprintable(text: str, *categories: str) -> str | None:
    """The first character of these Unicode categories that ends no line and is no tab, or None."""
    if text.isprintable():
        return None
    signs = (c for c in text if c not in "\t\n\r" and unicodedata.category(c) in categories)
    return next(signs, None)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, with YAML 1.2's scalars; underscores may group the digits of a number. In C where
    PyYAML has it so: ten times as fast.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute


for _tag, _pattern, _first in [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?=.*[.eE])([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        "-+.0123456789",
    ),
]:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first)
    )
_Loader.add_implicit_resolver(MERGE, re.compile("<<$"), ["<"])
