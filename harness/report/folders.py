"""The folder of a suite's report: never one in which another report is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.keys import digest
from harness.plan import Plan
from harness.tracking.suites import SuiteIdentity


def report_folder(plan: Plan, suite: SuiteIdentity, output: Path) -> Path:
    """Where the report of a plan is written, below `output`: in a folder of the suite's name, with
    what was overridden of it. Where another report is in that, the name says more.
    """
    overrides = plan.loaded.overridden
    label = f"--{plan.loaded.overrides.label()}" if overrides else ""
    names = [f"{name}{label}" for name in suite.names]
    exact = f"{names[-1]}-{digest(overrides)[:8]}"
    free = (output / name for name in names if _is_free(output / name, plan, suite))
    return next(free, output / exact)


def _is_free(folder: Path, plan: Plan, suite: SuiteIdentity) -> bool:
    """Whether there is no report, or an earlier one of the same."""
    recorded = _recorded(folder)
    if recorded is None:
        return not folder.exists() or (folder.is_dir() and not (folder / "index.html").exists())
    marks = recorded.get("identity", {})
    is_own = suite.owns(marks) and (bool(marks) or recorded.get("title") == plan.loaded.suite.title)
    return is_own and recorded.get("overrides", {}) == plan.loaded.overridden


def _recorded(folder: Path) -> Mapping[str, Any] | None:
    """What a report says of itself; None where there is none."""
    try:
        recorded = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None
