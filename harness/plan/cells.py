"""A cell: its planned measurements, and its state in the tracking store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.config.training_fraction import is_fraction
from harness.core.keys import digest
from harness.core.measurement import (
    HELD_OUT,
    PREFERENCE,
    SOURCE_IMAGES,
    CellResult,
    Measurement,
    Status,
)
from harness.core.protocol import Protocol
from harness.evaluation.protocols import EvalConfig, obstacle, protocol
from harness.evaluation.subject import Subject
from harness.metrics.base import Metric
from harness.training.numerics import Numerics

if TYPE_CHECKING:
    from harness.tracking import CellUse, Record
    from harness.tracking.cell_uses import LastUse

STANDS: Mapping[str, Literal["ok", "failed", "diverged"]] = {
    "trained": "ok",
    "failed": "failed",
    "diverged": "diverged",
}
"""How a cell stands, by the status of its record."""


@dataclass(frozen=True)
class PlannedMeasurement:
    """A number that the suite asks for, or the reason why it does not apply."""

    metric: str
    protocol: Protocol
    key: str
    obstacle: str | None = None

    def without(self, status: Status, reason: str) -> Measurement:
        """The row in place of a number that is missing. Where the metric does not apply, the status
        is "not applicable" whatever `status` says.
        """
        if self.obstacle:
            status, reason = "not applicable", self.obstacle
        return Measurement(self.metric, status, self.protocol, self.key, reason=reason)


@dataclass(frozen=True)
class Cell:
    """One (dataset, model, seed): all that is needed to train and measure it, wherever it runs.

    `model` may be a training fraction (`gan/dcgan@0.5`), which is trained on `images`; `horizon` is
    the budget of the whole training where that matters to it. `settings` are the family's,
    with every default filled in; `code` is the version of the code that trains it; `ingredients`
    is all that the training key is a digest of. Where `is_trained` is false there is no family,
    only samples (`harness.plan.external_samples`), whose digests are `draws`. `sampling` has the
    settings for drawing samples, and as `code` the version of the samplers.
    """

    dataset: str
    model: str
    seed: int
    family: str
    settings: dict[str, Any]
    images: int
    numerics: Numerics
    setup: EvalConfig
    planned_measurements: tuple[PlannedMeasurement, ...]
    training_key: str
    data_root: Path | None = None
    is_trained: bool = True
    code: str = ""
    draws: tuple[str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    ingredients: Mapping[str, Any] = field(default_factory=dict)
    horizon: int | None = None

    @property
    def is_shown(self) -> bool:
        """Whether it gets pictures of all kinds. Source images are in the pictures of every model
        that repairs them; training fractions get samples alone, and one grid of real images is
        enough.
        """
        return self.model not in (SOURCE_IMAGES, HELD_OUT) and not is_fraction(self.model)

    @property
    def name(self) -> str:
        """The name that people read: `digits · gan/dcgan · seed 0`."""
        return f"{self.dataset} · {self.model} · seed {self.seed}"

    def missing(self, record: Record | None) -> list[PlannedMeasurement]:
        """The measurements that are still to be made; a failed one is tried again."""
        if record is None:
            return list(self.planned_measurements)
        done = {key for key, m in record.measurements.items() if m.status != "failed"}
        return [planned for planned in self.planned_measurements if planned.key not in done]

    def finished(self, record: Record | None) -> bool:
        """Whether nothing is left to do. Divergence is a result: it would diverge again."""
        if record is None:
            return False
        return record.status == "diverged" or (
            record.status == "trained" and not self.missing(record)
        )

    def used_by(self, parent: str) -> CellUse:
        """The use of this cell by the suite's run `parent`, for the store."""
        from harness.tracking import CellUse  # noqa: PLC0415 - brings MLflow, which plans lack

        return CellUse(parent, self.model, self.sampling)

    def had_by(self, parent: str) -> LastUse | None:
        """The last use of these images by the suite's run, with its time; None if trained."""
        if self.is_trained:
            return None
        from harness.tracking.cell_uses import LastUse  # noqa: PLC0415 - as above

        return LastUse(parent, self.model, self.dataset, self.seed, datetime.now(UTC))

    def result(self, record: Record | None) -> CellResult:
        """The cell's result from its record: the numbers that this suite asks for, and those of
        people's votes.

        One that ended without weights has a row for each of them too: it must not vanish from the
        table.
        """
        identity = (self.dataset, self.model, self.seed, self.training_key)
        if record is None:
            return CellResult(*identity, status="missing", reason="not run yet")
        status = STANDS.get(record.status)
        rows_in_store = record.measurements
        rows = {
            # What was measured before it was known not to apply does not stand. Another suite may
            # have measured the same number as `fid` that is `fid@dinov2` here.
            w.key: w.without("not applicable", "")
            if w.obstacle
            else replace(rows_in_store[w.key], metric=w.metric)
            for w in self.planned_measurements
            if w.key in rows_in_store
        }
        rows |= {key: row for key, row in rows_in_store.items() if row.metric == PREFERENCE}
        if status in ("failed", "diverged"):
            rows = {
                w.key: rows.get(w.key) or w.without(status, record.reason)
                for w in self.planned_measurements
            }
        return CellResult(
            *identity,
            status=status or "missing",
            run_id=record.run_id,
            reason=record.reason if status else "training did not finish",
            measurements=tuple(rows.values()),
            costs=dict(record.facts),
        )


@dataclass(frozen=True)
class MetricRequest:
    """A metric on one subject, for every seed. `sampling` has the recipe's settings for drawing
    samples or restoring images: they are part of every number's key, since a family may use them
    in any of its outputs.
    """

    metric: str
    protocol: Protocol
    sampling: Mapping[str, Any]
    obstacle: str | None

    def of(self, training_key: str) -> PlannedMeasurement:
        """The measurement of the cell with this training key."""
        key = measurement_key(training_key, self.protocol, self.sampling)
        return PlannedMeasurement(self.metric, self.protocol, key, self.obstacle)


def measurement_key(training_key: str, protocol: Protocol, sampling: Mapping[str, Any]) -> str:
    """The key by which a number is found: of its protocol, the model and how it samples."""
    return digest([training_key, protocol.key(), sampling])


def request_metrics(
    metrics: Iterable[Metric], subject: Subject, setup: EvalConfig, sampling: Mapping[str, Any]
) -> tuple[MetricRequest, ...]:
    """The requests for these metrics on one subject."""
    return tuple(
        MetricRequest(
            metric.name,
            protocol(metric, subject, setup),
            sampling,
            obstacle(metric, subject, setup),
        )
        for metric in metrics
    )
