"""docs/cli.md has every verb, and every exit code that commands end in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from harness.cli import failures, run
from harness.cli.main import app
from harness.core.errors import BadInput, TryLater

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def verbs(command: Any, name: str) -> Iterator[str]:
    within = getattr(command, "commands", None)
    if within is None:
        yield name
    for part, inner in (within or {}).items():
        yield from verbs(inner, f"{name} {part}")


def test_every_verb_is_on_the_page():
    there = set(re.findall(r"^\| `(harness [a-z ]+)", PAGE, re.M))
    listed = {name.strip() for name in there}
    assert set(verbs(get_command(app), "harness")) == listed


def test_every_exit_code_is_on_the_page():
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.M)}
    used = {BadInput.exit_code, TryLater.exit_code, failures.FAULT, failures.ReaderGone.exit_code}
    assert codes == {0, 1, *used, run.INTERRUPTED, run.TERMINATED}
