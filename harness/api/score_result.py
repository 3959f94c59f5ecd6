"""What `harness.score` returns: numbers that print, become a table, and can be logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.calls import user_call
from harness.api.options import StoreKeywords, check_keywords, store_options
from harness.cli.score_output import row_cells
from harness.cli.suite_options import StoreOptions
from harness.core.errors import BadInput, suggest
from harness.core.measurement import Measurement
from harness.core.printable import printable
from harness.scoring.document import log_scoring

if TYPE_CHECKING:
    import pandas as pd

HEADS = ("metric", "value", "", "to know")


@dataclass(frozen=True, repr=False)
class ScoreResult:
    """The numbers of one set of samples. `result["fid"]` is a number as a float, `rows` has each
    number with its protocol, uncertainty and remarks, and `document` is what `harness score --json`
    writes.
    """

    rows: tuple[Measurement, ...]
    document: Mapping[str, Any]
    store: StoreOptions = field(default_factory=StoreOptions)
    """Where `log` writes by default."""

    def __getitem__(self, metric: str) -> float:
        """The value of a metric. Raises BadInput, with the reason, where it has none."""
        for row in self.rows:
            if row.metric == metric:
                if row.value is None:
                    raise BadInput(f"{metric}: {row.status}: {row.reason}")
                return row.value
        names = [row.metric for row in self.rows]
        raise BadInput(f"{metric!r} was not measured{suggest(metric, names)}")

    @property
    def numbers(self) -> dict[str, float]:
        """The values by metric, without the metrics that have none: for a logger's `log`."""
        return {row.metric: row.value for row in self.rows if row.value is not None}

    def to_frame(self) -> pd.DataFrame:
        """A row for each metric: metric, value (NaN where there is none), stderr, over, status,
        reason, protocol, and the keys of protocol and measurement.
        """
        import pandas as pd  # noqa: PLC0415 - slow, and not every caller makes a table

        columns = "metric value stderr over status reason protocol protocol_key measurement_key"
        rows = [
            (r.metric, r.value, r.stderr, r.over or "", r.status, r.reason, r.protocol.label(),
             r.protocol.key(), r.key)
            for r in self.rows
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=columns.split())
        return frame.astype({"value": float, "stderr": float})

    def log(self, **place: Unpack[StoreKeywords]) -> str:
        """Logs the numbers to MLflow, in the experiment "score", and returns the id of the run; the
        same sets again continue it. `output` and `tracking_uri` say which store; the default is the
        store of the call. Raises BadInput for numbers that were computed from statistics.
        """
        with user_call():
            if "paired" not in self.document:
                raise BadInput("--log needs images on both sides, not statistics")
            values = check_keywords(StoreKeywords, place, "log")
            store = store_options(values) if any(values.values()) else self.store
            return log_scoring(self.document, self.rows, store.open())

    def __repr__(self) -> str:
        cells = [HEADS[:3], *(_shown(row)[:3] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        notes = [f"{cells[0]}: {cells[3]}" for cells in map(_shown, self.rows) if cells[3]]
        return "\n".join([*_sets(self.document), *table, *notes])

    def _repr_html_(self) -> str:
        """The same as a table for a notebook."""
        heads = "".join(f"<th>{escape(head)}</th>" for head in HEADS)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _shown(row))}</tr>"
            for row in self.rows
        )
        sets = "<br>".join(map(escape, _sets(self.document)))
        return f"<p>{sets}</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _shown(row: Measurement) -> Sequence[str]:
    """Metric, value, uncertainty, and remarks."""
    metric, value, spread, _, note = map(printable, row_cells(row))
    return metric, value, spread, note


def _sets(document: Mapping[str, Any]) -> list[str]:
    """A line for each set that was compared."""
    lines = []
    for role, facts in document["sets"].items():
        shape = facts["shape"]
        size = "×".join(map(str, shape[1:])) if isinstance(shape, list) else shape
        count = shape[0] if isinstance(shape, list) else facts["images"]
        images = "an unknown number of images" if count is None else f"{count:,} images"
        place = facts.get("description") or facts["described"]
        lines.append(printable(f"{role}: {place}, {images} {size}".strip()))
    return lines
