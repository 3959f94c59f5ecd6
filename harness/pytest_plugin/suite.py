"""A suite within a test: run it, compare it with a baseline, fail where it is not as good."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import pytest
import typer
from pydantic import TypeAdapter, ValidationError

from harness.api.calls import unchanged_torch
from harness.cli import options, suite_options
from harness.cli.run import carry_out, say_failures
from harness.config.suite import Overrides, load_suite
from harness.core.errors import BadInput, suggest
from harness.core.terminal import Console
from harness.engine.execute import ThisMachine, unfinished
from harness.plan import Plan, make_plan
from harness.regression.baseline import load_baseline
from harness.regression.check import Check
from harness.regression.gate import open_gate
from harness.regression.provenance import alterations
from harness.regression.tolerance import parse_tolerances
from harness.report.checks.words import CheckText
from harness.tracking import Store

CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True)
class SuiteUnderTest:
    """A suite's plan and the store of its results; paths are relative to the test's folder."""

    plan: Plan
    store: Store
    folder: Path

    @classmethod
    def open(
        cls,
        name: str | Path,
        folder: Path,
        output: Path,
        root: Path | None,
        overrides: Mapping[str, Any],
    ) -> Self:
        """A suite by name or by a path below `folder`; the keyword `device` is not an override."""
        values = dict(overrides)
        device = values.pop("device", "auto")
        with _one_line():
            is_file = isinstance(name, Path) or name.endswith((".yaml", ".yml"))
            path = str(folder / name) if is_file else str(name)
            plan = make_plan(load_suite(path, _overrides(values)), str(device), root)
            store = suite_options.StoreOptions(output, os.environ.get("MLFLOW_TRACKING_URI")).open()
        return cls(plan, store, folder)

    def run(self, jobs: int | None = None) -> Self:
        """Train and measure what is left, `jobs` cells at a time; what failed is in the check."""
        if unfinished(self.plan, self.store):
            console, numerics = Console(), self.plan.numerics
            machine = ThisMachine(numerics, numerics.device, jobs)
            try:
                with _one_line(), unchanged_torch():
                    outcomes, _ = carry_out(
                        console, self.plan, self.store, machine, CHECKPOINT_SECONDS
                    )
            except typer.Exit:  # Ctrl-C or SIGTERM, of which all is saved
                raise KeyboardInterrupt from None
            say_failures(console, outcomes)
        return self

    def compare(self, baseline: str | Path, tolerance: Mapping[str, object] | None = None) -> Check:
        """Compares the numbers with a baseline file. `tolerance` is by metric, as `{"fid": "5%",
        "recall": 0.02}`.
        """
        return self._words(baseline, tolerance).check

    def check(self, baseline: str | Path, tolerance: Mapping[str, object] | None = None) -> Check:
        """The same, and the test fails unless it says that there is no regression."""
        words = self._words(baseline, tolerance)
        if words.check.exit_code:
            pytest.fail("\n".join(words.report()), pytrace=False)
        return words.check

    def _words(self, baseline: str | Path, tolerance: Mapping[str, object] | None) -> CheckText:
        with _one_line():
            saved = load_baseline(self.folder / baseline)
            texts = [f"{name}={amount}" for name, amount in (tolerance or {}).items()]
            gate = open_gate(saved, self.plan, parse_tolerances(texts, self.plan.metrics))
            records = self.plan.records(self.store)
            check = gate.check(self.plan.results(records))
            return CheckText(check, self.plan.metrics, tuple(alterations(saved, self.plan)))


def _overrides(values: Mapping[str, Any]) -> Overrides:
    """The keywords of a test as overrides; text means what it means on the command line."""
    names = {field.name for field in fields(Overrides)}
    for name in values:
        if name not in names:
            near = suggest(name, [*names, "device"])
            raise BadInput(f"harness_suite: unknown keyword {name!r}{near}")
    lists = {name: values[name] for name in ("models", "datasets", "metrics") if name in values}
    read = {name: options.words([v]) if isinstance(v, str) else v for name, v in lists.items()}
    if isinstance(seeds := values.get("seeds"), str):
        read["seeds"] = options.seed_list(seeds)
    try:
        return TypeAdapter(Overrides).validate_python({**values, **read})
    except ValidationError as error:
        first = error.errors()[0]
        where, reason = first["loc"][0], first["msg"].replace("Input should", "should")
        raise BadInput(f"harness_suite: {where}={values[str(where)]!r}: {reason}") from None


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """What the user can put right is one line, not a traceback."""
    try:
        yield
    except BadInput as error:
        pytest.fail(f"harness: {error}", pytrace=False)
