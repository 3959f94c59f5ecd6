"""Which tests run which lines of the harness, and the tests to try on a change to one line."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import coverage
import pytest

SECONDS = 30.0
"""Tests are tried on a mutant, quickest first, until their times add up to this."""
LIMIT = 80
"""At most this many tests are tried on a mutant."""


@dataclass
class CoverageMap:
    """Durations of tests in seconds, and by file and line the tests that run the line.

    A test whose fixtures run a line counts for all tests of its file, which may share the fixture.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(vars(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> CoverageMap:
        stored = json.loads(path.read_text(encoding="utf-8"))
        lines = {f: {int(n): t for n, t in by.items()} for f, by in stored["lines"].items()}
        return cls(stored["seconds"], lines, stored["failures"])

    def add(self, newer: CoverageMap) -> None:
        """Adds what was measured of some files of tests, in place of what those files had."""
        files = {test.split("::")[0] for test in newer.seconds}
        self.seconds = {t: s for t, s in self.seconds.items() if t.split("::")[0] not in files}
        self.seconds |= newer.seconds
        self.failures = [t for t in self.failures if t.split("::")[0] not in files]
        self.failures += newer.failures
        for path in self.lines.keys() | newer.lines.keys():
            old, new = self.lines.get(path, {}), newer.lines.get(path, {})
            self.lines[path] = {
                line: [t for t in old.get(line, []) if t.split("::")[0] not in files]
                + new.get(line, [])
                for line in sorted(old.keys() | new.keys())
            }


class CoverageRecorder:
    """A plugin of pytest that fills a coverage map while tests run."""

    def __init__(self, root: Path, packages: Sequence[str]) -> None:
        self.root, self.map = root, CoverageMap()
        self._coverage = coverage.Coverage(
            data_file=None, source=[str(root / "harness" / name) for name in packages]
        )

    def start(self) -> None:
        self._coverage.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._coverage.switch_context(f"{item.nodeid}|setup")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        self._coverage.switch_context(f"{item.nodeid}|run")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        self._coverage.switch_context(f"{item.nodeid}|teardown")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid
        if report.when == "call" and not report.skipped:
            self.map.seconds[test] = self.map.seconds.get(test, 0.0) + report.duration
        if report.failed:
            self.map.failures.append(test)

    def finish(self) -> CoverageMap:
        self._coverage.stop()
        data = self._coverage.get_data()
        for file in data.measured_files():
            path = Path(file).relative_to(self.root).as_posix()
            contexts = data.contexts_by_lineno(file)
            self.map.lines[path] = {line: _tests(names) for line, names in contexts.items()}
        return self.map


def _tests(contexts: Iterable[str]) -> list[str]:
    """Node ids of the tests of some contexts; a file's name in place of a test for its fixtures."""
    pairs = [name.rpartition("|") for name in contexts if name]
    return sorted({test.split("::")[0] if when != "run" else test for test, _, when in pairs})


@dataclass(frozen=True)
class TestSelector:
    """Selects the tests to try on a mutant."""

    __test__ = False
    root: Path
    map: CoverageMap
    sources: dict[str, str]

    @cached_property
    def _by_file(self) -> dict[str, list[str]]:
        files: dict[str, list[str]] = defaultdict(list)
        for test in self.map.seconds:
            files[test.split("::")[0]].append(test)
        return files

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {file: (self.root / file).read_text(encoding="utf-8") for file in self._by_file}

    def tests(self, path: str, line: int, at_import: bool) -> list[str]:
        """Node ids of the tests to try, in order: tests that run the line, sorted by whether their
        file imports the module and then by time; then other tests of files that import the module.

        Where the line runs at import, the tests of the function, class or module around it count.
        """
        importing = self._importing(path)
        covering = self._covering(path, _statement(self.sources[path], line, at_import))
        if at_import and not covering:
            covering = self._covering(path, range(1, 10**6))
        rest = {test for file in importing for test in self._by_file[file]} - covering
        passing = self.map.seconds.keys() - set(self.map.failures)

        def order(test: str) -> tuple[bool, float]:
            return test.partition("::")[0] not in importing, self.map.seconds[test]

        ordered = [*sorted(covering & passing, key=order), *sorted(rest & passing, key=order)]
        return list(self._affordable(ordered))

    def is_covered(self, path: str, line: int) -> bool:
        """Whether any test runs the line while coverage sees it."""
        return bool(self._covering(path, _statement(self.sources[path], line, at_import=False)))

    def _covering(self, path: str, lines: Iterable[int]) -> set[str]:
        by_line = self.map.lines.get(path, {})
        names = {name for line in by_line.keys() & set(lines) for name in by_line[line]}
        files = {name for name in names if "::" not in name}
        shared = {test for file in files for test in self._by_file.get(file, [])}
        return (names - files) & self.map.seconds.keys() | shared

    def _importing(self, path: str) -> set[str]:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        package, _, name = module.rpartition(".")
        return {
            file
            for file, text in self._texts.items()
            if f"{module} import" in text or f"from {package} import {name}" in text
        }

    def _affordable(self, tests: Sequence[str]) -> Iterator[str]:
        seconds = 0.0
        for test in tests[:LIMIT]:
            seconds += self.map.seconds[test]
            if seconds > SECONDS:
                return
            yield test


def _statement(source: str, line: int, at_import: bool) -> range:
    """The lines of the smallest statement around a line: of a compound one, its first lines.

    With `at_import` all lines of the smallest function or class around it.
    """
    kinds = (ast.FunctionDef, ast.ClassDef) if at_import else (ast.stmt,)
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds))
    around = [span for span in (_lines(node, at_import) for node in nodes) if line in span]
    return min(around, key=len, default=range(line, line + 1))


def _lines(node: ast.stmt, whole: bool) -> range:
    body = getattr(node, "body", None)
    end = body[0].lineno - 1 if body and not whole else node.end_lineno or node.lineno
    start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return range(start, max(end, node.lineno) + 1)
