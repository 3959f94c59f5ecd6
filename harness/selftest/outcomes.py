"""Outcomes of the metrics' self-test, kept and found again: one run for a dataset and extractor."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import pandas as pd

from harness.core.csv_text import to_csv
from harness.core.disturbance import Disturbance, Response
from harness.core.keys import digest
from harness.metrics.base import Metric
from harness.selftest.disturbances import VERSION, Trial, outcome_of

if TYPE_CHECKING:
    from harness.tracking.store import Store

FILE = "selftest.csv"
SHIPPED = Path(__file__).parent / "shipped_outcomes"
"""What `harness metrics selftest --json` wrote of sets that need no download."""


@dataclass(frozen=True)
class SelftestRun:
    """What was tested: a dataset by name and digest, the label and the preprocessing of the feature
    network (empty where only metrics without one were tested), and how many images a set had.
    """

    dataset: str
    digest: str
    extractor: str
    preprocessing: str
    images: int

    @property
    def key(self) -> str:
        """What the run is found by; another version of the self-test is another run."""
        return digest([self.digest, self.extractor, self.preprocessing, VERSION])


@dataclass(frozen=True)
class SelftestOutcome:
    """A self-test's table, as `run_disturbances` describes it, with the column
    `definition`: that of the metric when it was tested.
    """

    tested: SelftestRun
    table: pd.DataFrame

    def failed(self, metric: Metric) -> list[Trial]:
        """The trials that its record asks of `metric` and that it failed; none where another
        definition was tested.
        """
        return [
            row.disturbance
            for row in self.rows(metric).itertuples()
            if (row.disturbance == "none" or row.disturbance in metric.fooled_by)
            and outcome_of(row.moved, metric.fooled_by.get(row.disturbance)) == "fooled"
        ]

    def rows(self, metric: Metric) -> pd.DataFrame:
        """The rows of `metric`, as it is defined now."""
        of_metric = self.table["metric"] == metric.base_name
        return self.table[of_metric & (self.table["definition"] == definition(metric))]

    def is_of(self, extractor: str, preprocessing: str) -> bool:
        """Whether it holds for numbers by this feature network. What is measured of pixels, without
        one, is the same beside any.
        """
        tested = self.tested
        return not extractor or (tested.extractor, tested.preprocessing) == (
            extractor,
            preprocessing,
        )


def definition(metric: Metric) -> str:
    """A digest of what the numbers of a metric depend on besides images and features."""
    sides = [] if metric.has_sides else [metric.better]  # names the direction of what it noticed
    return digest([metric.base_name, metric.version, dict(metric.settings), *sides])


def save_selftest(
    store: Store, tested: SelftestRun, table: pd.DataFrame, metrics: Iterable[Metric]
) -> str:
    """Record a self-test's table; the id of its run.

    A run of the same key is continued: metrics tested before are kept, or replaced if tested again.
    """
    from harness.tracking.environment import environment  # noqa: PLC0415 - brings MLflow

    run_id = store.open_selftest(tested.key, f"{tested.dataset} {tested.extractor}", _tags(tested))
    definitions = {metric.name: definition(metric) for metric in metrics}
    table = table.assign(definition=table["metric"].map(definitions))
    if (before := _table(store, run_id)) is not None:
        kept = before[~before["metric"].isin(definitions)]
        table = pd.concat([kept, table], ignore_index=True) if len(kept) else table
    written = table.assign(values=[json.dumps(list(values)) for values in table["values"]])
    store.put(run_id, FILE, to_csv(written))
    store.put(run_id, "environment.json", json.dumps(environment(), indent=2))
    store.finish(run_id)
    return run_id


def load_selftests(store: Store, dataset_digest: str) -> list[SelftestOutcome]:
    """The outcomes of this version of the self-test on a dataset, one for each extractor."""
    outcomes = {}
    for run_id, tags in store.selftests(dataset_digest).items():
        if tags.get("harness.selftest_version") != str(VERSION):
            continue
        tested = SelftestRun(
            tags["harness.dataset"],
            dataset_digest,
            tags["harness.extractor"],
            tags["harness.preprocessing"],
            int(tags["harness.images"]),
        )
        # A run that ended before its table was written says nothing.
        if (table := _table(store, run_id)) is not None:
            outcomes[tested.key] = SelftestOutcome(tested, table)
    return list(outcomes.values())


def shipped_outcomes(dataset_digest: str | None = None) -> list[SelftestOutcome]:
    """The outcomes of this version of the self-test that come with this package: for a dataset, or
    all.
    """
    return [each for each in _shipped() if dataset_digest in (None, each.tested.digest)]


@lru_cache
def _shipped() -> tuple[SelftestOutcome, ...]:
    paths = sorted(SHIPPED.glob("*.json"))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return tuple(
        SelftestOutcome(SelftestRun(**document["tested"]), pd.DataFrame(document["rows"]))
        for document in documents
        if document["version"] == VERSION
    )


def outcomes_on(store: Store, dataset_digest: str) -> list[SelftestOutcome]:
    """All outcomes on a dataset: the ones that a store has, then the ones of this package."""
    return [*load_selftests(store, dataset_digest), *shipped_outcomes(dataset_digest)]


def _tags(tested: SelftestRun) -> dict[str, str]:
    return {
        "harness.dataset": tested.dataset,
        "harness.dataset_digest": tested.digest,
        "harness.extractor": tested.extractor,
        "harness.preprocessing": tested.preprocessing,
        "harness.images": str(tested.images),
        "harness.selftest_version": str(VERSION),
    }


def _table(store: Store, run_id: str) -> pd.DataFrame | None:
    content = store.get(run_id, FILE)
    if content is None:
        return None
    # Empty texts are texts here, and "none" is a disturbance's name.
    table = pd.read_csv(
        io.BytesIO(content), keep_default_na=False, na_values={"effect": [""], "trend": [""]}
    )
    table["values"] = table["values"].map(lambda text: tuple(json.loads(text)))
    return table


Outcome = Literal["passes", "fooled", "not applicable", "not run"]


@dataclass(frozen=True)
class SelftestResult:
    """What the self-test says of a metric under one disturbance, on a dataset.

    `undisturbed` and `disturbed` are the metric's values on real images and at the strongest level,
    `effect` how many standard deviations of undisturbed values lie between (None where these do not
    vary). `moved` is as `run_disturbances` says it, `needed` how the metric must respond, and
    `reason` why there is no outcome.
    """

    metric: str
    dataset: str
    disturbance: Disturbance
    outcome: Outcome
    needed: Response
    moved: str = ""
    undisturbed: float | None = None
    disturbed: float | None = None
    effect: float | None = None
    reason: str = ""


def response_to(metric: Metric, disturbance: Disturbance) -> Response:
    """How a metric must respond to a disturbance that would fool it: as its record says, else by
    getting worse, or by staying steady where no side of it is better.
    """
    default: Response = "worse" if metric.has_sides else "steady"
    return metric.fooled_by.get(disturbance, default)


def results_of(
    outcome: SelftestOutcome | None,
    metric: Metric,
    dataset: str,
    disturbances: Iterable[Disturbance],
) -> Iterator[SelftestResult]:
    """The results of a metric under disturbances, by the outcome of a self-test; "not run" where
    that has none.
    """
    rows = [] if outcome is None else outcome.rows(metric).to_dict("records")
    by_disturbance = {row["disturbance"]: row for row in rows}
    for disturbance in disturbances:
        needed = response_to(metric, disturbance)
        row = by_disturbance.get(disturbance)
        if row is None:
            yield SelftestResult(metric.name, dataset, disturbance, "not run", needed)
            continue
        judged = cast("Outcome", outcome_of(row["moved"], needed))
        yield SelftestResult(
            metric.name,
            dataset,
            disturbance,
            judged if judged in ("passes", "fooled") else "not applicable",
            needed,
            row["moved"],
            _finite(row["undisturbed"]),
            _finite(row["values"][-1]),
            _finite(row["effect"]),
            row["reason"],
        )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
