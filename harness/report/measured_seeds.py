"""What published reports measured: the value of each seed, by suite, dataset, model and metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from harness.config.json_files import load_json
from harness.core.errors import BadInput
from harness.report.archive import RECORD
from harness.report.derivation import trial


@dataclass(frozen=True)
class MeasuredSeeds:
    """A metric of a model on a dataset: the value of each seed that has one."""

    values: Mapping[int, float]
    samples: int | None
    """How many samples or images the metric read."""

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return mean(self.values.values())

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds; None of one seed."""
        return stdev(self.values.values()) if len(self.values) > 1 else None


@dataclass(frozen=True)
class PublishedReport:
    """A report of a folder of reports, with what it measured."""

    folder: Path
    suite: str
    date: str
    overrides: Mapping[str, str]
    measured: Mapping[tuple[str, str, str], MeasuredSeeds]
    """By dataset, model and metric."""

    @property
    def is_trial(self) -> bool:
        """Whether it was run with another budget than its suite has."""
        return bool(trial(self.overrides))


def published_reports(reports: Path) -> list[PublishedReport]:
    """The reports of a folder, by name. Raises BadInput for a file that no report wrote."""
    return [_report(file) for file in sorted(reports.glob(f"*/{RECORD}"))]


def _report(file: Path) -> PublishedReport:
    document = load_json(file).value
    try:
        return PublishedReport(
            file.parent,
            document["suite_name"],
            document["generated_at"][:10],
            dict(document["overrides"]),
            _measured(document),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file}: not what a report writes: {error!r}") from None


def _measured(document: Mapping[str, Any]) -> dict[tuple[str, str, str], MeasuredSeeds]:
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    samples: dict[tuple[str, str, str], int | None] = {}
    for cell in document["cells"]:
        for row in cell["measurements"]:
            key = cell["dataset"], cell["model"], row["metric"]
            if row["status"] != "ok":
                continue
            values.setdefault(key, {})[int(cell["seed"])] = float(row["value"])
            samples[key] = document["protocols"][row["protocol"]]["samples"]
    return {key: MeasuredSeeds(by_seed, samples[key]) for key, by_seed in values.items()}
