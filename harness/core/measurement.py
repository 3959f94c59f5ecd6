"""A row of the one table that everything reads: one number of one cell, or why there is none."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.core.protocol import Protocol

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["ok", "not applicable", "failed", "diverged"]

LARGEST = 1e100
"""The largest value, of either sign, that is a number: of larger ones no variance exists in double
precision, and no metric means them.
"""


def is_number(value: float) -> bool:
    """Whether statistics can be computed of a value: it is finite, and not beyond `LARGEST`."""
    return abs(value) <= LARGEST


@dataclass(frozen=True)
class Measurement:
    """What one metric said of one cell (dataset, model, seed).

    `value` is None unless `status` is "ok"; `reason` says why. `stderr` is the standard error over
    `over` (images, subsets, splits), within this one evaluation. `key` is the measurement key.

    A value that is no number (see `is_number`) is a failure, whoever recorded it.
    """

    metric: str
    status: Status
    protocol: Protocol
    key: str
    value: float | None = None
    stderr: float | None = None
    over: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and not is_number(self.value):
            object.__setattr__(self, "reason", f"the value is {self.value}")
            object.__setattr__(self, "status", "failed")
            object.__setattr__(self, "value", None)

    def under_its_protocol(self) -> Measurement:
        """The row under the metric of its protocol, which has the feature network: `fid@dinov2` is
        `fid`, with the numbers of suites whose extractor that is.
        """
        if self.metric.partition("@")[0] != self.protocol.metric:
            return self
        return dataclasses.replace(self, metric=self.protocol.metric)

    def to_json(self) -> str:
        """One compact line; floats keep every bit."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Measurement:
        """The inverse of `to_json`. What a newer version says besides is passed over.

        Raises ValueError, TypeError or KeyError where it is no row.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        row = cls(
            values["metric"],
            values["status"],
            _protocol(json.dumps(values["protocol"])),
            values["key"],
            values.get("value"),
            values.get("stderr"),
            values.get("over"),
            values.get("reason", ""),
        )
        row._check()
        return row

    def _check(self) -> None:
        texts = (self.metric, self.key, self.reason, self.over or "")
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("metric, key, over or reason is no text")
        if self.status not in get_args(Status):
            raise ValueError(f"status {self.status!r} is none of {', '.join(get_args(Status))}")
        for number in (self.value, self.stderr):
            if number is not None and not _is_number(number):
                raise ValueError(f"{number!r} is no finite number")
        if (self.status == "ok") != (self.value is not None):
            raise ValueError(f"status {self.status!r} with value {self.value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


@lru_cache(maxsize=10_000)
def _protocol(text: str) -> Protocol:
    """Of the many numbers of one protocol each has the same one in memory, with its key."""
    return Protocol.from_dict(json.loads(text))


@dataclass(frozen=True)
class CellResult:
    """Where a cell stands: its identity, its MLflow run and what was measured.

    `status` is "missing" where nothing has been trained yet, "diverged" and "failed" with `reason`
    where training ended so. `measurements` is complete only for a finished cell.
    """

    dataset: str
    model: str
    seed: int
    training_key: str
    status: Literal["ok", "failed", "diverged", "missing"]
    run_id: str | None = None
    reason: str = ""
    measurements: tuple[Measurement, ...] = ()
    costs: dict[str, Any] = field(default_factory=dict)


EXTERNAL = "samples"
"""In place of a family's name in cells of samples that no model of the harness made."""

TRAINING_IMAGES = "training images"
"""The model's name in rows of training images in place of samples, compared with test images."""
HELD_OUT = "held-out images"
"""The model's name in rows of test images in place of samples, compared with training images."""
SOURCE_IMAGES = "source images"
"""The model's name in rows of damaged images in place of repaired ones: as if nothing was done."""
FLOORS = {
    TRAINING_IMAGES: "what as many training images get in place of samples, against the test "
    "images: real images, and so about what a model of the data's own distribution gets. It is one "
    "draw, and no bound: chance takes a model past it, and so does what a metric rewards beyond "
    "likeness to the data",
    HELD_OUT: "what as many test images get in place of samples, against the training images: what "
    "a model that copies nothing gets. Values to either side of it are worse",
    SOURCE_IMAGES: "what damaged images, or those of the other domain, get as they are: any repair"
    " or translation should be better",
}
"""The names that no model may have, with what their rows say."""

PREFERENCE = "human_preference"
"""The metric of rows that people's votes gave: no suite asks for it, and where it is, it shows."""

COLUMNS = """
    dataset model seed metric status value stderr over reason protocol protocol_key training_key
    measurement_key run_id
""".split()


def tidy(cells: Iterable[CellResult]) -> pd.DataFrame:
    """The table: a row per (cell, metric) with the columns of `COLUMNS`; `value` is NaN and
    `status` says why where there is no number. A cell with no measurement gives no row.
    """
    import pandas as pd  # noqa: PLC0415 - slow, and what only checks a suite makes no table

    rows = [
        (
            cell.dataset,
            cell.model,
            cell.seed,
            m.metric,
            m.status,
            math.nan if m.value is None else m.value,
            math.nan if m.stderr is None else m.stderr,
            m.over or "",
            m.reason,
            m.protocol.label(),
            m.protocol.key(),
            cell.training_key,
            m.key,
            cell.run_id or "",
        )
        for cell in cells
        for m in cell.measurements
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
