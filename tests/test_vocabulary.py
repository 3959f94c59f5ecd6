"""One word, one meaning: what is public in the harness has a name of its own."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import harness

ROOT = Path(harness.__file__).parent
SAME_VERB = {
    "fetch": "what a command gets before a machine goes offline: datasets, extractors",
    "find": "the files of one layout of a user's images",
    "forget": "a verb, and what it does to the tracking store",
    "list_": "the verbs that list",
    "load": "the splits of one dataset",
    "main": "what runs when a module is the program",
    "run": "a verb in the shell and in Python",
    "score": "a verb in the shell and in Python, and the measuring behind it",
    "tally": "a verb, and the counting behind it",
    "train": "a verb for classifiers, and the loop of all families",
}
"""Functions that do the same to different things, and what that is."""


def public(kind: type[ast.AST]) -> dict[str, set[str]]:
    """The modules that define each public name of this kind at their top level."""
    places: dict[str, set[str]] = defaultdict(set)
    for file in sorted(ROOT.rglob("*.py")):
        for node in definitions(file):
            if isinstance(node, kind) and not node.name.startswith("_"):
                places[node.name].add(file.relative_to(ROOT).as_posix())
    return places


def definitions(file: Path) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node


def test_no_public_class_is_defined_twice():
    assert {name: where for name, where in public(ast.ClassDef).items() if len(where) > 1} == {}


def test_functions_of_one_name_are_one_verb():
    twice = {name for name, where in public(ast.FunctionDef).items() if len(where) > 1}
    assert twice == set(SAME_VERB)


def test_hardly_any_name_is_defined_in_more_than_one_module():
    names = public(ast.FunctionDef) | public(ast.ClassDef)
    assert sum(len(where) > 1 for where in names.values()) <= len(names) / 100
