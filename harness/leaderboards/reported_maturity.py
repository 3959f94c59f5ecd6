"""Which entries of a leaderboard are undertrained or overfitted, by the reports of their suites.

A suite's run has its last report, with the runs that each statement about a model's training rests
on. So one small file for each suite is read, and no loss curve.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from harness.statistics.maturity import held_marks
from harness.tracking import Store
from harness.tracking.unreadable import UNREADABLE, leave_out, unreadable_reason

REPORT = "report/verdicts.json"
"""The file of a suite's run that has what its last report says of training."""


@dataclass(frozen=True)
class ReportedTraining:
    """What a suite's report says of the training of a model: the `runs` that it is about, and why
    it is `undertrained` or `overfitted`; empty where it is not. Reports of earlier versions say
    nothing of the latter.
    """

    model: str
    undertrained: str
    runs: frozenset[str]
    overfitted: str = ""

    @property
    def marks(self) -> dict[str, str]:
        """Each word that holds, with the reason."""
        return held_marks(self.undertrained, self.overfitted)


_TRAINING = TypeAdapter(list[ReportedTraining])


@dataclass(frozen=True)
class ReportedMaturity:
    """What reports say of training, by run."""

    by_run: Mapping[str, tuple[ReportedTraining, ...]]

    @classmethod
    def read(cls, store: Store, suite_runs: Iterable[str]) -> ReportedMaturity:
        """Reads the last report of each suite's run. Those of earlier versions say nothing."""
        by_run: dict[str, tuple[ReportedTraining, ...]] = {}
        for suite_run in suite_runs:
            for training in _reported(store, suite_run):
                for run in training.runs:
                    by_run[run] = (*by_run.get(run, ()), training)
        return cls(by_run)

    def marks(self, names: Collection[str], runs: Collection[str]) -> dict[str, str] | None:
        """Whether a model with these runs on a dataset is "undertrained" or "overfitted", each with
        the reason; None where no report says. Of several reports, the one that rests on the most of
        the runs counts. `names` tell apart models that share their runs, since they differ in
        sampling only.
        """
        seeds = frozenset(runs)
        reports = {training for run in seeds for training in self.by_run.get(run, ())}
        if not reports:
            return None
        return max(
            reports,
            key=lambda each: (
                each.model in names,
                len(each.runs & seeds),
                each.undertrained,  # of equal ones, one that says so
                each.overfitted,
            ),
        ).marks


def _reported(store: Store, suite_run: str) -> list[ReportedTraining]:
    content = store.get(suite_run, REPORT)
    if content is None:
        return []
    try:
        return _TRAINING.validate_python(json.loads(content).get("training", []))
    except UNREADABLE as error:
        leave_out(suite_run, "its report", unreadable_reason(error))
        return []
