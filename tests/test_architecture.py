"""Imports go only downward in the list of rooms that docs/architecture.md gives."""

import ast
from pathlib import Path

import pytest

import harness

ROOMS = [
    "pytest_plugin", "cli", "vote", "report", "analysis", "engine", "score", "cell", "plan",
    "tracking", "evaluation", "metrics", "extractors", "training", "families", "networks",
    "outputs", "data", "spec", "terminal", "capture", "scratch", "files",
    "keys", "printable", "counting", "seeding",
]  # fmt: skip
PACKAGE = Path(harness.__file__).parent


def room(dotted: str) -> str | None:
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


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_those_below_it(name: str):
    files = sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / f"{name}.py"]
    below = set(ROOMS[ROOMS.index(name) :])
    for file in files:
        used = {room(dotted) for dotted in imports(file)} & set(ROOMS)
        assert used <= below, f"{file.relative_to(PACKAGE)} reaches up to {used - below}"


def test_the_list_is_complete():
    found = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert found - {"__init__", "__main__"} == set(ROOMS)


def test_only_tracking_imports_mlflow():
    users = {
        file.relative_to(PACKAGE).parts[0]
        for file in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "mlflow" for name in imports(file))
    }
    assert users == {"tracking"}
