"""What a report is made from, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import Verdict
from harness.config.claim import Claim
from harness.core.measurement import CellResult
from harness.data.base import Dataset, DatasetCard
from harness.data.description import images_of, tasks_of
from harness.leaderboards.board import Board
from harness.metrics.base import Metric
from harness.plan.declarations import History
from harness.plan.selftests import Selftests
from harness.statistics.maturity import TrainingInfo

CURVE_COLUMNS = {
    "dataset": str,
    "model": str,
    "seed": int,
    "images": int,
    "name": str,
    "value": float,
}
"""Of training curves: after `images` training images `name` had this `value`, to seven digits."""


@dataclass(frozen=True)
class ReportPicture:
    """A grid of images as a PNG file, or a figure, which is `smooth` between its pixels. `kind` is
    one of `harness.evaluation.pictures.PICTURES`; `alt` says what it shows to those who cannot see
    it, and `caption` what is to be said of this one.
    """

    dataset: str
    model: str
    seed: int
    kind: str
    png: bytes
    alt: str
    smooth: bool = False
    caption: str = ""


@dataclass(frozen=True)
class ReportFigureData:
    """What a figure is drawn from, of one cell. `kind` is one of
    `harness.evaluation.figure_data.FIGURE_DATA`, and `content` the JSON that its function made.
    """

    dataset: str
    model: str
    seed: int
    kind: str
    content: str


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset without its images: how many each split has, and in words what they are, and what
    for, as in `harness.data.description`. `budget` is the number of training images that models are
    shown, where the suite has one for this dataset.
    """

    name: str
    digest: str
    train: int
    test: int
    images: str
    card: DatasetCard
    tasks: tuple[str, ...] = ()
    budget: int | None = None

    @classmethod
    def of(cls, dataset: Dataset, budget: int | None = None) -> DatasetInfo:
        """What the report says of a dataset."""
        return cls(
            dataset.name,
            dataset.digest,
            len(dataset.train),
            len(dataset.test),
            images_of(dataset),
            dataset.card,
            tuple(tasks_of(dataset)),
            budget,
        )


@dataclass(frozen=True)
class ModelInfo:
    """A model of the suite: its resolved recipe (YAML), its budget in training images shown, its
    parameters, the mean wall time in seconds to train one cell, and the model that it lacks a part
    of, if it does. A model that is not trained is
    shown 0; of samples that another program made none of these is known.
    """

    name: str
    recipe: str
    images: int | None
    parameters: int | None = None
    seconds: float | None = None
    ablates: str = ""


@dataclass(frozen=True)
class StoreInfo:
    """Where the runs are kept (an MLflow tracking URI), and the command that browses them, or for a
    server its address.
    """

    uri: str
    browse: str


@dataclass(frozen=True)
class AskedClaim:
    """A claim of a suite, and the datasets on which it is decided."""

    claim: Claim
    datasets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SuiteRecord:
    """All that a report is made from: what a suite asked, what its runs gave, where and when.

    `claims` are those that the suite asks, and `seeds` how many training seeds it asks for. `each`
    has the datasets that a name such as `digits[unseen=each]` stands for. `curves` has the columns
    of `CURVE_COLUMNS`. `command` repeats the run. `doubts` says, by dataset and protocol key, how
    a metric failed its self-test. `identity` has the marks of `harness.tracking.suites`: whose
    report it is. `declarations` says when each claim was declared, and
    `looks` when it was looked at; `selftests` has what the self-test says of its metrics, and lacks
    the claims of reports that did not record it. `figure_data` has what figures are drawn from that
    metrics do not have, of cells that recorded it.
    """

    title: str
    description: str
    suite_name: str
    suite_yaml: str
    claims: Sequence[AskedClaim]
    seeds: int
    cells: Sequence[CellResult]
    metrics: Mapping[str, Metric]
    curves: pd.DataFrame
    pictures: Sequence[ReportPicture]
    datasets: Sequence[DatasetInfo]
    models: Sequence[ModelInfo]
    environment: Mapping[str, str]
    store: StoreInfo
    command: str
    generated_at: str
    each: Mapping[str, Sequence[str]] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    declarations: History = field(default_factory=dict)
    looks: Mapping[str, ClaimLooks] = field(default_factory=dict)
    selftests: Selftests = field(default_factory=dict)
    figure_data: Sequence[ReportFigureData] = ()


@dataclass(frozen=True, kw_only=True)
class Results(SuiteRecord):
    """A suite's outcome: its record, and what `harness.report.derivation` derives from that.

    `table` has the columns of `harness.core.measurement.COLUMNS`. `training` has the models that
    were trained, on each dataset. `trade_off` names metrics of quality that are drawn against the
    `speed` metric, where they were measured.
    """

    table: pd.DataFrame
    verdicts: Sequence[Verdict]
    boards: Sequence[Board]
    training: Sequence[TrainingInfo] = ()
    speed: str = "sampling_throughput"
    trade_off: Sequence[str] = ("fid", "recall")
