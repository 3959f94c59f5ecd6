"""`harness.run` and `harness.results`: a suite, and its numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import typer

from harness.api.calls import user_call
from harness.api.options import SuiteKeywords, check_keywords
from harness.api.suite_options import SuiteSource, load_source, suite_options
from harness.claims.verdicts import Verdict
from harness.cli.run import carry_out
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.measurement import tidy
from harness.core.terminal import Console
from harness.engine.execute import ThisMachine
from harness.plan import make_plan
from harness.plan.identity import identify
from harness.report.folders import report_folder
from harness.report.results import Results

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True, repr=False)
class SuiteOutcome:
    """A suite's outcome: its report's page, what failed, and all else in `results`."""

    results: Results
    page: Path
    failures: tuple[str, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What came out of each claim."""
        return tuple(self.results.verdicts)

    def to_frame(self) -> pd.DataFrame:
        """The numbers, as `harness.results` returns them."""
        return self.results.table.copy()

    def __repr__(self) -> str:
        record = self.results
        counts = [counted(len(record.cells), "cell"), counted(len(record.table), "number")]
        counts += [f"{claim.claim.id} {claim.outcome}" for claim in self.verdicts]
        counts += [f"{len(self.failures)} failed"] * bool(self.failures)
        return f"SuiteOutcome({record.suite_name}: {', '.join(counts)}; {self.page})"


def run(suite: SuiteSource, jobs: int = 1, **changes: Unpack[SuiteKeywords]) -> SuiteOutcome:
    """Trains and measures what is left of a suite and writes its report, as `harness run` does.

    Args: suite: The name of a shipped suite, the path of a file, or the same as a mapping. jobs:
        Cells at a time. One runs in this process; more run in processes of their own, which a
        script starts only under `if __name__ == "__main__":`. **changes: The options of `harness
        run`: seeds, models, datasets, metrics, budget, budget_scale, device, data_root, output,
        tracking_uri and others of `harness.api.options.SuiteKeywords`.

    Raises:
        BadInput: With the line of the shell, where something in the suite or a change is wrong.
            What fails in a cell is in `failures`, and the other cells go on.
    """
    with user_call():
        values = check_keywords(SuiteKeywords, changes, "run")
        if jobs < 1:
            raise BadInput(f"run: jobs={jobs}: a number of cells from 1 up is needed")
        chosen = suite_options(suite, values)
        loaded = load_source(suite, chosen)
        chosen.results.check()
        numerics = chosen.numerics(loaded)
        plan = make_plan(loaded, numerics, chosen.compute.data_root)
        place = ThisMachine(numerics, chosen.compute.device, jobs)
        store = chosen.results.open()
        try:
            outcomes, results = carry_out(Console(), plan, store, place, CHECKPOINT_SECONDS)
        except typer.Exit:  # Ctrl-C or SIGTERM; finished work is saved
            raise KeyboardInterrupt from None
        failures = tuple(failure for outcome in outcomes for failure in outcome.failures)
        folder = report_folder(plan, identify(plan.loaded, store), store.folder)
        return SuiteOutcome(results, folder / "index.html", failures)


def results(suite: SuiteSource, **changes: Unpack[SuiteKeywords]) -> pd.DataFrame:
    """The numbers that a suite has so far, as a tidy table: a row for each cell and metric, with
    the columns of the report's `results.csv`; `value` is NaN where `status` says why there is none.

    Args: suite: As for `run`. **changes: The changes that it was run with.

    Raises: BadInput: Where it has not been run with these changes.
    """
    with user_call():
        values = check_keywords(SuiteKeywords, changes, "results")
        chosen = suite_options(suite, values)
        plan, _, records = chosen.measured(load_source(suite, chosen))
        return tidy(plan.results(records))
