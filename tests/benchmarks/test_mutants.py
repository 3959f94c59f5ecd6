"""Mutants are single changes that a test could notice, and samples of them repeat."""

from __future__ import annotations

import pytest

pytest.importorskip("cosmic_ray")
pytest.importorskip("coverage")

import mutants
from covering_tests import CoverageMap, TestSelector
from mutants import Mutant, change, sample

SOURCE = '''"""Adds 1."""
from functools import cache
CUTOFF = 2


@cache
def half(x: int | None, y: int = 3) -> int | None:
    """Half of 4."""
    if x is None:
        raise ValueError(f"{1 + 2}")
    return x // y


table = {"one": (lambda x: x + 1, lambda x: x + 1)}
'''


def lines(source: str) -> dict[int, list[str]]:
    """The changed lines by number."""
    changed: dict[int, list[str]] = {}
    for mutant in mutants.mutants("harness/metrics/half.py", source):
        text = mutant.source(source)
        assert text is not None
        changed.setdefault(mutant.line, []).append(text.splitlines()[mutant.line - 1].strip())
    return changed


def test_annotations_texts_caches_and_errors_are_left_alone() -> None:
    changed = lines(SOURCE)
    assert set(changed) == {3, 7, 9, 11, 14}
    assert changed[3] == ["CUTOFF = 3", "CUTOFF = 1"]
    assert changed[7] == [
        "def half(x: int | None, y: int = 4) -> int | None:",
        "def half(x: int | None, y: int = 2) -> int | None:",
    ]
    assert "if x is not None:" in changed[9]
    assert sorted(text.split()[2] for text in changed[11]) == ["%", "*", "**", "+", "-", "/"]


@pytest.mark.parametrize(
    "line",
    [
        "zip(a, b, strict=True)",
        "assert x > 1",
        "Number = int | float",
        "Pair = Union[int, Literal[2]]",
        "y: int | None",
        "warn(f'{1 + 1}', stacklevel=2)",
        "if TYPE_CHECKING: x = 1",
    ],
)
def test_what_no_test_can_notice_is_left_out(line: str) -> None:
    assert lines(line) == {}


def test_changes_of_functions_are_told_from_those_that_run_at_import() -> None:
    by_line = {m.line: m for m in mutants.mutants("harness/metrics/half.py", SOURCE)}
    inside, default, constant, twin = (change(SOURCE, by_line[number]) for number in (11, 7, 3, 14))
    assert inside is not None
    assert list(inside.functions) == [("half", 6)]
    assert not inside.at_import
    for other in (default, constant, twin):
        assert other is not None
        assert other.at_import


def test_a_sample_has_a_mutant_a_place_and_begins_with_the_smaller_one() -> None:
    sources = {"harness/metrics/a.py": SOURCE, "harness/data/b.py": SOURCE}
    small, large = sample(sources, 2, seed=1), sample(sources, 4, seed=1)
    assert [m.package for m in large] == ["data"] * 4 + ["metrics"] * 4
    assert small == large[:2] + large[4:6]
    assert len({(m.path, m.line, m.column) for m in large}) == 8
    assert sample(sources, 4, seed=2) != large


def test_tests_that_run_the_line_come_first_and_the_quickest_of_them(tmp_path) -> None:
    path = "harness/metrics/half.py"
    for name, text in [("half", "from harness.metrics.half import half"), ("other", "")]:
        (tmp_path / f"test_{name}.py").write_text(text)
    quick, slow, rest, other = (
        "test_half.py::quick", "test_half.py::slow", "test_half.py::rest", "test_other.py::one",
    )  # fmt: skip
    covered = CoverageMap(
        {quick: 0.1, slow: 2.0, rest: 0.01, other: 0.01, "test_other.py::long": 1e3},
        {path: {11: [slow, quick, other], 9: [rest]}},
    )
    selector = TestSelector(tmp_path, covered, {path: SOURCE})
    assert selector.tests(path, 11, at_import=False) == [quick, slow, other, rest]
    assert selector.is_covered(path, 11)
    assert not selector.is_covered(path, 3)
    assert selector.tests(path, 3, at_import=False) == [rest, quick, slow]
    assert selector.tests(path, 7, at_import=True)[0] == rest


def test_a_file_measured_once_more_takes_the_place_of_what_it_had() -> None:
    covered = CoverageMap({"a.py::x": 1.0, "b.py::y": 1.0}, {"m.py": {1: ["a.py::x", "b.py::y"]}})
    covered.add(CoverageMap({"a.py::z": 2.0}, {"m.py": {2: ["a.py::z"]}}))
    assert covered.seconds == {"b.py::y": 1.0, "a.py::z": 2.0}
    assert covered.lines["m.py"] == {1: ["b.py::y"], 2: ["a.py::z"]}


def test_a_mutant_is_of_the_package_of_its_file() -> None:
    assert Mutant("harness/samplers/ddim.py", "core/AddNot", 0, 1, 0).package == "samplers"
