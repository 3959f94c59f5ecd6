"""What the numbers were made with: packages, commit, machine."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harness

PACKAGES = [
    "torch", "torchvision", "numpy", "scipy", "scikit-learn", "scikit-image", "torch-fidelity",
    "lpips", "mlflow", "pandas", "statsmodels", "transformers",
]  # fmt: skip


def environment() -> dict[str, str]:
    """Names and values for people, without anything that identifies the user."""
    facts = {
        "harness": harness.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
    }
    facts |= {"system": f"{platform.system()} {platform.machine()}"}
    return facts | {name: found for name in PACKAGES if (found := _version(name))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """The commit of the checkout the package runs from, with "+changes" where it has any."""
    folder = Path(harness.__file__).parent.parent
    if not (folder / ".git").exists():
        return "installed package"
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        # The report that is being made is itself a change; the code is what matters here.
        changed = _git(folder, "status", "--porcelain", "--", "harness", "models", "suites")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head + (" with uncommitted changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=20
    ).stdout.strip()
