"""Which commit code was at, of the user's repository and of the harness's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import harness

NONE, UNKNOWN, UNCOMMITTED = "no repository", "unknown", " with uncommitted changes"
SECONDS = 20
"""How long git may take for an answer."""


def commits(folders: Iterable[Path], besides: Sequence[Path] = ()) -> str:
    """The commits of the repositories that these folders lie in, each once: with the name of its
    top folder where there are several. What changed below `besides`, where results are written, is
    no change of the code.
    """
    roots = list(dict.fromkeys(root for folder in folders if (root := find_repository(folder))))
    revisions = [(root.name, commit(root, besides)) for root in roots]
    if len(revisions) < 2:
        return revisions[0][1] if revisions else NONE
    return "; ".join(f"{name}: {revision}" for name, revision in revisions)


def own_commit() -> str:
    """Return the commit of the checkout that the package runs from. Published reports in it are
    results.
    """
    root = Path(harness.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return "installed package"
    return commit(root, [root / "reports", root / "docs"])


def find_repository(folder: Path) -> Path | None:
    """The top folder of the repository that a folder lies in; None where it lies in none."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except (OSError, subprocess.SubprocessError):
        return None


def commit(root: Path, besides: Sequence[Path] = ()) -> str:
    """The commit of a repository, and whether there are changes that it does not have: of any file
    that git knows, and Python files that it does not know.
    """
    left_out = [_excluded(path, root) for path in besides if _is_below(path, root)]
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *left_out)
        new = _git(root, "ls-files", "--others", "--exclude-standard", "--", "*.py", *left_out)
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return head + (UNCOMMITTED if changed or new else "")


def remote(root: Path) -> str:
    """The address that a repository was cloned from; empty where it was not."""
    try:
        return _git(root, "config", "--get", "remote.origin.url")
    except (OSError, subprocess.SubprocessError):
        return ""


def _is_below(path: Path, root: Path) -> bool:
    """Whether a path is below the top folder, and is not that folder itself."""
    return path.resolve() != root and path.resolve().is_relative_to(root)


def _excluded(path: Path, root: Path) -> str:
    return f":(exclude,literal){os.path.relpath(path.resolve(), root)}"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout.strip()
