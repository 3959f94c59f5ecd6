"""Which models of several published reports are one, and the tidy table of all their numbers.

A report keeps of each cell its training key and of each number its measurement key. Two models of
one name are one *entry* of a board only where these prove it: both reports have a run with the same
training key, and no seed on which a key of the two differs. So a model that was trained for another
budget, by other code or on another machine is another entry, and no mean mixes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from harness.report.site.papers import RecipeNotes
from harness.statistics.maturity import TrainingInfo

NUMBER = ["dataset", "model", "seed", "metric", "protocol_key"]
"""The columns of the tidy table by which a number is one and the same."""
REAL_IMAGES = ("disturbed", "few-per-class")
"""The families whose samples are real images, disturbed or not: no model made them."""


@dataclass(frozen=True)
class SourceReport:
    """A report of a suite in the folder `name`: its title, and when it was written."""

    name: str
    title: str
    date: str


@dataclass(frozen=True)
class PublishedModel:
    """A model of a report on one dataset: its rows of the tidy table, its recipe's notes, and how
    far it was trained; `images` is None where that is not known.
    """

    report: SourceReport
    name: str
    rows: pd.DataFrame
    images: int | None = None
    training: TrainingInfo | None = None
    notes: RecipeNotes = field(default_factory=RecipeNotes)

    @cached_property  # read for each pair of reports
    def trainings(self) -> dict[int, str]:
        """The training key of each seed."""
        return dict(zip(self.rows["seed"], self.rows["training_key"], strict=True))

    @cached_property
    def numbers(self) -> dict[tuple[int, str, str], str]:
        """The measurement key of each number, by seed, metric and protocol key."""
        ok = self.rows[self.rows["status"] == "ok"]
        places = zip(ok["seed"], ok["metric"], ok["protocol_key"], strict=True)
        return dict(zip(places, ok["measurement_key"], strict=True))

    @cached_property
    def measured(self) -> frozenset[tuple[str, str]]:
        """The metrics that it has numbers of, each with the protocol key."""
        return frozenset((metric, protocol_key) for _, metric, protocol_key in self.numbers)


@dataclass
class PublishedEntry:
    """A model as the boards across suites have it: `parts` are what each report has of it, the
    newest report first. `label` is its name, and what sets it apart from others of that name;
    `apart` names its reports where only its runs do.
    """

    dataset: str
    parts: list[PublishedModel]
    label: str = ""
    apart: str = ""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.parts[0].name

    @property
    def images(self) -> int | None:
        """The training images that it was shown: 0 where it is not trained, None if unknown."""
        return self.parts[0].images

    @property
    def notes(self) -> RecipeNotes:
        """What its recipe says of it."""
        return self.parts[0].notes

    @property
    def training(self) -> TrainingInfo | None:
        """How far it was trained, by the report with the most seeds of it; None where it was not
        trained, or that is not known.
        """
        trained = [part for part in self.parts if part.training]
        if not trained:
            return None
        return max(trained, key=lambda part: part.rows["seed"].nunique()).training

    @property
    def is_real(self) -> bool:
        """Whether its samples are real images, which are on boards beside models and no part of
        their order.
        """
        return self.notes.family in REAL_IMAGES

    @property
    def marks(self) -> dict[str, str]:
        """Whether it is "undertrained" or "overfitted", and why, as far as is known."""
        return self.training.marks if self.training else {}

    @property
    def reports(self) -> list[SourceReport]:
        """The reports that have it."""
        return [part.report for part in self.parts]

    def takes(self, model: PublishedModel) -> bool:
        """Whether a model of another report is the same by its keys."""
        trainings, numbers = model.trainings, model.numbers
        agrees = all(
            _agree(part.trainings, trainings) and _agree(part.numbers, numbers)
            for part in self.parts
        )
        return agrees and any(part.trainings.items() & trainings.items() for part in self.parts)

    def sources(self, metric: str, protocol_key: str) -> list[SourceReport]:
        """The reports that have a number of it by a metric and a protocol."""
        return [part.report for part in self.parts if (metric, protocol_key) in part.measured]


def _agree(some: Mapping[Any, str], others: Mapping[Any, str]) -> bool:
    return all(some[key] == others[key] for key in some.keys() & others.keys())


def merge_models(models: Iterable[PublishedModel]) -> list[PublishedEntry]:
    """Returns the entries of boards, by dataset and name, each with a label of its own. A model
    joins the first entry that has it by its keys.
    """
    by_name: dict[tuple[str, str], list[PublishedEntry]] = {}
    for model in models:
        dataset = str(model.rows["dataset"].iloc[0])
        entries = by_name.setdefault((dataset, model.name), [])
        for entry in entries:
            if entry.takes(model):
                entry.parts.append(model)
                break
        else:
            entries.append(PublishedEntry(dataset, [model]))
    for entries in by_name.values():
        _label(entries)
    return [by_name[place][i] for place in sorted(by_name) for i in range(len(by_name[place]))]


def _label(entries: Sequence[PublishedEntry]) -> None:
    """Give each of the entries of one name a label: with the images shown where these differ, and
    with the reports where the images do not tell it apart.
    """
    counts = [entry.images for entry in entries]
    for entry in entries:
        texts = []
        if len(set(counts)) > 1:
            texts.append("unknown budget" if entry.images is None else f"{entry.images:,} images")
        if counts.count(entry.images) > 1:
            entry.apart = ", ".join(report.name for report in entry.reports)
            texts.append(entry.apart)
        entry.label = f"{entry.name} ({'; '.join(texts)})" if texts else entry.name


def published_table(
    entries: Sequence[PublishedEntry], floors: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Returns one tidy table. Its models are the labels of `entries`; the tables `floors` add real
    images. Where several reports have one number, the newest report's stands.
    """
    rows = [part.rows.assign(model=entry.label) for entry in entries for part in entry.parts]
    table = pd.concat([*rows, *floors], ignore_index=True)
    has_number = (table["status"] == "ok").sort_values(ascending=False, kind="stable")
    return table.loc[has_number.index].drop_duplicates(NUMBER).sort_index(kind="stable")
