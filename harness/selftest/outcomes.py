"""Outcomes of the metrics' self-test, kept and found again: one run for a dataset and extractor."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.core.csv_text import to_csv
from harness.core.keys import digest
from harness.metrics.base import Metric
from harness.selftest.disturbances import VERSION, Disturbance
from harness.tracking.environment import environment
from harness.tracking.store import Store

FILE = "selftest.csv"
SHIPPED = Path(__file__).parent / "shipped_outcomes"
"""What `harness metrics selftest --json` wrote of sets that need no download."""


@dataclass(frozen=True)
class SelftestRun:
    """What was tested: a dataset by name and digest, the label and the preprocessing of the feature
    network, and how many images a set had.
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

    def failed(self, metric: Metric) -> list[Disturbance]:
        """The disturbances that `metric` failed on; none where another definition was tested."""
        rows = self.table[self.table["metric"] == metric.base_name]
        fails = (rows["verdict"] == "fails") & (rows["definition"] == definition(metric))
        return list(rows.loc[fails, "disturbance"])


def definition(metric: Metric) -> str:
    """A digest of what the numbers of a metric depend on besides images and features."""
    sides = [] if metric.has_sides else [metric.better]  # by which it is told what it noticed
    return digest([metric.base_name, metric.version, dict(metric.settings), *sides])


def save_selftest(
    store: Store, tested: SelftestRun, table: pd.DataFrame, metrics: Iterable[Metric]
) -> str:
    """Record a self-test's table; the id of its run.

    A run of the same key is continued: metrics tested before are kept, or replaced if tested again.
    """
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


def shipped_outcomes(dataset_digest: str) -> list[SelftestOutcome]:
    """The outcomes of this version of the self-test that come with this package, for a dataset."""
    outcomes = []
    for file in sorted(SHIPPED.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        tested = SelftestRun(**document["tested"])
        if document["version"] == VERSION and tested.digest == dataset_digest:
            outcomes.append(SelftestOutcome(tested, pd.DataFrame(document["rows"])))
    return outcomes


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
