"""Imports go only downward in the list of packages that docs/architecture.md gives."""

import ast
import re
from pathlib import Path

import pytest

import harness
from harness.evaluation import samples
from harness.metrics import METRICS

PACKAGES = [
    "pytest_plugin", "api", "cli", "vote", "report", "leaderboards", "claims", "regression",
    "statistics", "engine", "reconcile", "scoring", "cell", "plan", "selftest", "tracking",
    "evaluation", "safety",
    "metrics", "extractors", "training", "families", "samplers", "objectives", "networks", "data",
    "config", "core",
]  # fmt: skip
ROOT = Path(harness.__file__).parent


def package(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "harness" and len(parts) > 1 else None


def imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_imports_only_those_below_it(name: str):
    files = sorted((ROOT / name).rglob("*.py")) or [ROOT / f"{name}.py"]
    below = set(PACKAGES[PACKAGES.index(name) :])
    for file in files:
        used = {package(dotted) for dotted in imports(file)} & set(PACKAGES)
        assert used <= below, f"{file.relative_to(ROOT)} reaches up to {used - below}"


def test_the_list_is_complete():
    found = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found - {"__init__", "__main__"} == set(PACKAGES)


def test_only_tracking_imports_mlflow():
    users = {
        file.relative_to(ROOT).parts[0]
        for file in ROOT.rglob("*.py")
        if any(name.split(".")[0] == "mlflow" for name in imports(file))
    }
    assert users == {"tracking"}


def test_no_two_test_modules_have_one_name():
    """pytest imports them by their names alone."""
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def modules_to_a_number() -> list[str]:
    """The files that the architecture's page lists from the command to a number on a page."""
    page = ROOT.parent / "docs" / "architecture.md"
    files = re.findall(r"^\d+\. `([\w/]+)\.py`", page.read_text(), re.MULTILINE)
    return ["harness." + file.replace("/", ".") for file in files]


def test_a_reader_follows_a_number_through_at_most_fourteen_files():
    """Each file is imported by one before it; evidence and metrics are found by their names."""
    modules = modules_to_a_number()
    assert 10 < len(modules) <= 14
    by_name = ["harness.evaluation.samples", "harness.metrics.frechet"]
    reached: set[str] = set()
    for module in modules:
        assert not reached or module in by_name or module in reached, module
        names = imports(ROOT.parent / f"{module.replace('.', '/')}.py")
        reached |= names | {name.rpartition(".")[0] for name in names}


def test_the_number_of_that_list_needs_the_evidence_of_that_list():
    assert set(METRICS["fid"].needs) & {e.__name__ for e in vars(samples).values() if callable(e)}
    assert METRICS["fid"].compute.__module__ == "harness.metrics.frechet"
