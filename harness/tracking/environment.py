"""The environment of a run: packages, commits, machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import harness
from harness.tracking.commits import commits, own_commit

PACKAGES = """
    torch torchvision numpy scipy scikit-learn scikit-image torch-fidelity lpips mlflow pandas
    statsmodels transformers
""".split()


def environment(folders: Iterable[Path] = (), besides: Sequence[Path] = ()) -> dict[str, str]:
    """Names and values for people, without anything that identifies the user.

    "commit" is that of the user's code, which is in `folders`, or else in the current one; what is
    `besides`, results, does not count as a change of it.
    """
    facts = {
        "harness": harness.__version__,
        "harness commit": own_commit(),
        "commit": commits([*folders] or [Path.cwd()], besides),
        "python": platform.python_version(),
    }
    facts |= {"system": f"{platform.system()} {platform.machine()}"}
    return facts | {name: version for name in PACKAGES if (version := _version(name))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
