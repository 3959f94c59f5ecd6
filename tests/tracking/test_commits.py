"""The commit that is recorded is that of the user's repository, beside the harness's own."""

import subprocess
from pathlib import Path

import pytest

from harness.tracking.commits import NONE, UNCOMMITTED, commit, commits, find_repository
from harness.tracking.environment import environment


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A repository of the user's, with a model, a suite and a report in it."""
    root = tmp_path / "their models"
    (root / "reports").mkdir(parents=True)
    for name in ("model.py", "suite.yaml", "reports/index.html"):
        (root / name).write_text("1\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def head(root: Path) -> str:
    return git(root, "rev-parse", "--short=12", "HEAD")


def test_it_is_the_users_repository_where_the_command_runs(user: Path, monkeypatch):
    monkeypatch.chdir(user)
    facts = environment()
    assert facts["commit"] == head(user)
    assert facts["harness commit"] != facts["commit"]
    assert not any("/" in value for value in facts.values())


def test_folders_of_code_come_before_the_current_one(user: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert environment()["commit"] == NONE
    assert environment([user / "reports"])["commit"] == head(user)


def test_what_is_not_committed_is_said_and_results_are_no_code(user: Path):
    results = [user / "reports"]
    (user / "reports/index.html").write_text("2\n")
    (user / "notes.txt").write_text("not code\n")
    assert commit(user, results) == head(user)
    assert commit(user) == head(user) + UNCOMMITTED
    (user / "reports/index.html").write_text("1\n")
    (user / "new.py").write_text("x = 1\n")
    assert commit(user, results) == head(user) + UNCOMMITTED
    (user / "new.py").unlink()
    (user / "suite.yaml").write_text("2\n")
    assert commit(user, results) == head(user) + UNCOMMITTED


def test_code_in_several_repositories_names_each(user: Path, tmp_path: Path):
    other = tmp_path / "suites"
    other.mkdir()
    git(tmp_path, "init", "-q", str(other))
    assert commits([user, other, user / "reports"]) == (
        f"their models: {head(user)}; suites: unknown"
    )
    assert find_repository(tmp_path / "nowhere") is None
