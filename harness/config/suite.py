"""Suites, from a file: loaded, checked, overridden, and able to say where a thing is written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import yaml

from harness.config.claim_files import with_included
from harness.config.members import Members
from harness.config.names import unfit
from harness.config.overrides import Overrides, apply
from harness.config.reference import parse_reference
from harness.config.shipped import shipped_files
from harness.config.suite_types import Budget, DatasetEntry, External, Suite
from harness.config.validate import validate_document
from harness.config.yaml_files import MAX_BYTES, Document, Keys, SourceLine, load_yaml, parse_yaml
from harness.core.errors import MOST_NAMED, BadInput, SpecError, all_of, error_text, suggest

__all__ = [
    "Budget", "DatasetEntry", "External", "LoadedSuite", "Overrides", "Suite", "list_suites",
    "load_suite",
]  # fmt: skip

STDIN = "-"
"""In place of a suite's name: it is read from standard input."""
STDIN_PATH = Path("stdin")
"""What stands for its file in messages."""

MAPPING_PATH = Path("suite")
"""The same for a mapping in Python."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class LoadedSuite:
    """A suite as it will run, and the file that it comes from.

    `suite` has the `overrides` applied. `dropped` are the claims that it thereby cannot decide, by
    id, with the reason.
    """

    name: str
    suite: Suite
    document: Document
    overrides: Overrides
    dropped: Mapping[str, str]

    @property
    def text(self) -> str:
        """The file as it was written."""
        return self.document.text

    @property
    def is_from_stdin(self) -> bool:
        """Whether it was read from standard input, or is a mapping, and no file has it."""
        return self.document.path in (STDIN_PATH, MAPPING_PATH)

    @property
    def folder(self) -> Path:
        """Where the file is, which is where the recipe files that it names are looked up."""
        return self.document.path.parent

    @property
    def overridden(self) -> dict[str, str]:
        """What the overrides change, as text."""
        return self.overrides.texts()

    def at(
        self, where: tuple[str, ...], make: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`make(*args)`, with the file and line of `where` added to a BadInput it raises.

        `where` is a name in a list of the suite, `("models", "gan/dcgan")`, or a key,
        `("extractor",)`. An error that knows its own line, and one about what an override brought
        in, stays as it is.
        """
        try:
            return make(*args, **kwargs)
        except SpecError:
            raise
        except BadInput as error:
            keys = self._keys(*where)
            if keys is None:
                raise
            raise self.document.error(str(error), keys) from None

    def _keys(self, section: str, name: str | None = None) -> Keys | None:
        if name is None:
            written = section in self.document.value and section not in self.overridden
            return (section,) if written else None
        entries: list[Keys] = [("datasets", i) for i in range(len(self.document.value["datasets"]))]
        lists = {(*keys, section): self._value((*keys, section)) for keys in [(), *entries]}
        for keys, values in lists.items():
            for index, value in enumerate(values if isinstance(values, list) else ()):
                if _name_of(section, value) == _name_of(section, name):
                    return (*keys, index)
        return None

    def _value(self, keys: Keys) -> object:
        """What the file says at `keys`; None where it says nothing."""
        value: object = self.document.value
        for key in keys:
            if isinstance(value, list) and isinstance(key, int):
                value = value[key]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value


def _name_of(section: str, value: object) -> str:
    """The name that an element of a list is or has, in its canonical spelling."""
    name = str(value.get("name") if isinstance(value, dict) else value)
    try:
        return str(parse_reference(name)) if section == "datasets" else name
    except BadInput:
        return name


def list_suites() -> list[str]:
    """The names of the shipped suites, sorted."""
    return list(shipped_files("suites"))


def load_suite(name: str | Mapping[str, Any], overrides: Overrides | None = None) -> LoadedSuite:
    """A shipped suite (`quickstart`), a file (`mine.yaml`), or what a file would say as a mapping,
    with overrides applied.

    Raises BadInput for an unknown name and for overrides that do not fit, SpecError for what is
    wrong in the file. Whether its models, metrics and datasets exist is for others to find out,
    through `LoadedSuite.at`.
    """
    document = with_included(read_document(name))
    suite = validate_document(Suite, document)
    if wrong := list(islice(_misfits(suite, document), MOST_NAMED)):
        raise all_of(wrong)
    changes = overrides or Overrides()
    changed, dropped = apply(suite, changes)
    return LoadedSuite(_name(suite, document), changed, document, changes, dropped)


def read_document(name: str | Mapping[str, Any]) -> Document:
    """What the file says, or standard input where the name is `-`; or a mapping, whose values have
    no lines.
    """
    if isinstance(name, Mapping):
        document = parse_yaml(_as_yaml(name), MAPPING_PATH)
        return replace(document, places={(): SourceLine(MAPPING_PATH, 0)})
    if name != STDIN:
        return load_yaml(_find(name))
    return parse_yaml(sys.stdin.buffer.read(MAX_BYTES + 1), STDIN_PATH)


def _as_yaml(suite: Mapping[str, Any]) -> bytes:
    """A mapping as the text of a file. Raises BadInput for values that no file can have."""
    try:
        return yaml.safe_dump(dict(suite), sort_keys=False, allow_unicode=True).encode()
    except yaml.YAMLError as error:
        raise BadInput(
            f"{MAPPING_PATH}: only plain values are taken ({error_text(error)})"
        ) from None


def _name(suite: Suite, document: Document) -> str:
    """The suite's own name, or else its file's, by which its report, its runs and its experiment
    are called.
    """
    name = suite.name or document.path.stem
    if reason := unfit(name):
        message = f"a suite cannot be called {name!r}, which {reason}"
        raise document.error(f"{message}; rename the file, or give the suite a `name:`")
    return name


def _misfits(suite: Suite, document: Document) -> Iterator[BadInput]:
    """What the suite's own names do not fit, one error after the other."""
    members = Members(suite)
    for index, outside in enumerate(suite.external):
        if reason := members.misplaced(outside):
            yield document.error(f"external {outside.name!r}: {reason}", ("external", index))
    for index, claim in enumerate(suite.claims):
        if reason := members.undecidable(claim):
            yield _cannot_decide(document, index, claim.id, reason)


def _cannot_decide(document: Document, index: int, claim: str, reason: str) -> SpecError:
    """The error names the suite where the claim is written in another file."""
    keys = ("claims", index)
    included = document.place(keys).file != document.path
    suite = f" (included by {document.path})" if included else ""
    return document.error(f"claim {claim!r}: {reason}{suite}", keys)


def _find(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    suites = shipped_files("suites")
    if name not in suites:
        hint = suggest(name, suites)
        raise BadInput(f"unknown suite {name!r}{hint} (a file's name ends in .yaml)")
    return suites[name]
