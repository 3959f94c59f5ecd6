"""A value of each image, by metric or measure: as a table in a file."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.core.csv_text import to_csv
from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.data.output_files import write_output
from harness.evaluation.evidence import Evidence
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Caveat, Metric
from harness.scoring.scoring import Scoring

SUFFIXES = (".csv", ".jsonl")

Value = float | int | bool | str | None


@dataclass(frozen=True)
class ImageTable:
    """The name of each image, and columns of a value for each."""

    names: Sequence[str]
    columns: Mapping[str, Sequence[Value]]

    def write(self, file: Path) -> None:
        """Write it whole: a line of JSON for each image where the file is a `.jsonl`, else CSV."""
        write_output(
            file, self.jsonl_text() if file.suffix.lower() == ".jsonl" else self.csv_text()
        )

    def csv_text(self) -> str:
        """A row for each image, and a line of heads."""
        return to_csv(pd.DataFrame({"image": list(self.names), **self.columns}))

    def jsonl_text(self) -> str:
        """An object for each image; a value that is not finite is null."""
        lines = []
        for row, name in enumerate(self.names):
            values = {column: _finite(each[row]) for column, each in self.columns.items()}
            lines.append(json.dumps({"image": name, **values}, ensure_ascii=False) + "\n")
        return "".join(lines)


def check_table_suffix(file: Path) -> None:
    """Raise BadInput where the file's suffix is neither of a table's, and no stream is named."""
    if file.suffix.lower() not in SUFFIXES and str(file) != "-":
        raise BadInput(f"--per-image {file}: name a file with the suffix .csv or .jsonl")


def check_has_values(metrics: Iterable[Metric]) -> None:
    """Raise BadInput where none of the metrics is a mean of the values of images."""
    if not any(isinstance(metric.compute, MeanOverImages) for metric in metrics):
        raise BadInput(
            "--per-image: none of these metrics has a value of each image, as psnr, ssim and lpips "
            "(with --pairs) and clip_score (with --captions) have"
        )


def image_table(scoring: Scoring, rows: Iterable[Measurement], evidence: Evidence) -> ImageTable:
    """The values of each sample by metric, of the metrics among the `rows` that are the mean of
    such values.
    """
    columns: dict[str, list[Value]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caveat)  # the mean has said it
        for row in rows:
            metric = scoring.metrics[row.metric]
            if row.status == "ok" and isinstance(metric.compute, MeanOverImages):
                values = evidence.measure_each(metric, metric.compute.per_image)
                columns[metric.name] = values.tolist()
    return ImageTable(scoring.sets.samples.names, columns)


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value
