"""Commands that a report prints: each runs as it is, in the folder where the report was made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.config.suite import STDIN
from harness.core.output_folder import default_output
from harness.plan import Plan
from harness.plan.identity import is_shipped
from harness.tracking import Store, default_uri
from harness.tracking.address import read_address
from harness.training.numerics import Numerics


def run_command(plan: Plan, store: Store) -> str:
    """The command that gives the same report: from the same store, where that is at hand."""
    overridden = plan.loaded.overridden.items()
    options = [*overridden, *_place(plan), *_output(plan, store)]
    words = (word for name, value in options for word in (f"--{name.replace('_', '-')}", value))
    if plan.loaded.is_from_stdin:
        command = shlex.join(["harness", "run", STDIN, *words])
        return f"{command} {_here_document(plan.loaded.text)}"
    return shlex.join(["harness", "run", suite_argument(plan), *words])


def suite_argument(plan: Plan) -> str:
    """A shipped suite's name, or the way to the suite's file."""
    path = plan.loaded.document.path
    return path.stem if is_shipped(plan.loaded) else _relative(path)


def _here_document(text: str) -> str:
    """A text as the standard input of a command in a shell."""
    end = "SUITE"
    while end in text.splitlines():
        end += "_"
    return f"<<'{end}'\n{text.rstrip()}\n{end}"


def _place(plan: Plan) -> Iterator[tuple[str, str]]:
    """Where it was computed, as far as that is not what the machine itself would choose."""
    numerics = plan.numerics
    device = Numerics.resolve("auto", accelerate=plan.loaded.suite.accelerate).device
    if numerics.device != device:
        yield "device", numerics.device
    if numerics.processes > 1:
        yield "processes", str(numerics.processes)


def _output(plan: Plan, store: Store) -> Iterator[tuple[str, str]]:
    """Where data are and results are kept, as far as that is not what the command would take."""
    root = next((cell.data_root for cell in plan.cells if cell.data_root), None)
    if root is not None and os.environ.get("HARNESS_DATA") != str(root):
        yield "data_root", _relative(root)
    if store.folder.resolve() != default_output().resolve():
        yield "output", _relative(store.folder)
    if store.address.identity != read_address(default_uri(store.folder), store.folder).identity:
        yield "tracking_uri", store.name


def _relative(path: Path) -> str:
    """From the current folder, since a report names no place of its machine; never an option."""
    relative = os.path.relpath(path.resolve())
    return f"./{relative}" if relative.startswith("-") else relative
