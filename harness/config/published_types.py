"""What a file of published figures says: a table of a paper, and which suites measure the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from harness.config.file_model import FileModel
from harness.config.quoted import SpreadKind
from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.core.paper_address import paper_address

_FIGURE = re.compile(
    r"(?P<value>-?\d{1,12}(?:\.\d{1,12})?)(?:\s*±\s*(?P<spread>\d{1,12}(?:\.\d{1,12})?))?"
)
_IDENTIFIER = r"^(arXiv:\d{4}\.\d{4,5}|doi:10\.\S+|https://\S+)$"
Text = Annotated[str, Field(min_length=1)]


def _as_reference(name: str) -> str:
    """Return a dataset's name as tables write it. Raises ValueError where it is none."""
    try:
        return str(parse_reference(name))
    except BadInput as error:
        raise ValueError(str(error)) from None


DatasetName = Annotated[str, AfterValidator(_as_reference)]


class PublishedSource(FileModel):
    """Where a table is printed."""

    paper: Text
    id: str = Field(pattern=_IDENTIFIER)
    """`arXiv:1712.04086`, `doi:10.…`, or an address where there is neither."""
    table: Text
    """`table 1`, or the section where the figures are in the text."""

    @property
    def link(self) -> str:
        """The paper's address."""
        return paper_address(self.id)


class Reading(FileModel):
    """Whether the figures were compared with a source, and with which; if not, why not."""

    verified: bool
    how: Text


class PublishedProtocol(FileModel):
    """How the figures were measured, so far as the source says."""

    dataset: Text
    split: str = ""
    samples: PositiveInt | None = None
    """How many samples or images the metric reads."""
    extractor: str = ""
    budget: str = ""
    runs: PositiveInt | None = None
    """How many trainings a figure is the mean of."""


class PublishedSpread(FileModel):
    """What the ± of a table is, and what it is over."""

    kind: SpreadKind | Literal["not looked up"]
    over: str = ""

    @model_validator(mode="after")
    def _complete(self) -> PublishedSpread:
        if (self.kind == "standard error") > bool(self.over):
            raise ValueError("'over' is missing: what the standard error is over")
        return self


class Counterpart(FileModel):
    """A suite that measures the same here, and how it departs from the published protocol."""

    suite: Text
    dataset: DatasetName | None = None
    """In place of the columns' dataset, where the suite has another."""
    differs: tuple[Text, ...] = ()
    """Each difference in a few words; none where the protocol is followed to the letter."""
    explanation: str = ""
    """Which of the differences explains a gap."""

    @property
    def run(self) -> str:
        """The command that measures it."""
        return f"harness run {self.suite}"


class PublishedColumn(FileModel):
    """A quantity of a table: the metric, and the dataset, that measure it here."""

    name: Text
    metric: Text
    dataset: DatasetName
    factor: float = 1.0
    """A value of the metric times this is in the unit of the table."""

    @field_validator("factor")
    @classmethod
    def _not_zero(cls, factor: float) -> float:
        if factor == 0:
            raise ValueError("should not be 0, which makes every value the same")
        return factor


@dataclass(frozen=True)
class PublishedFigure:
    """A printed number and its ±."""

    text: str
    """As it is printed."""
    value: float
    spread: float | None = None

    @property
    def places(self) -> int:
        """The decimals that the number is printed with."""
        number, _, _ = self.text.partition(" ")
        return len(number.partition(".")[2])


def _as_figure(value: object) -> object:
    """Return the figure that `86.76` or `6.3 ± 0.5` writes, None for a figure that was not looked
    up. Raises ValueError for anything else.
    """
    if value is None or isinstance(value, PublishedFigure):
        return value
    match = None if isinstance(value, bool) else _FIGURE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r}: should be a number, or a number ± its spread")
    number, spread = match["value"], match["spread"]
    if spread is None:
        return PublishedFigure(number, float(number))
    return PublishedFigure(f"{number} ± {spread}", float(number), float(spread))


_Written = float | str | None
Figures = tuple[
    Annotated[PublishedFigure | None, BeforeValidator(_as_figure, json_schema_input_type=_Written)],
    ...,
]


class PublishedRow(FileModel):
    """A model of a table: its figures, one for each column, and the recipe that stands for it in
    each suite.
    """

    name: Text
    models: Mapping[str, str] = {}
    values: Figures
    reading: Reading | None = None
    """In place of the table's, where these figures were read elsewhere or nowhere."""

    @property
    def text(self) -> str:
        """The figures, in the order of the columns."""
        return ", ".join("not looked up" if value is None else value.text for value in self.values)


class PublishedTable(FileModel):
    """A table of a paper, beside what measures the same here."""

    title: Text
    source: PublishedSource
    reading: Reading
    protocol: PublishedProtocol
    spread: PublishedSpread
    compare: Literal["values", "order"] = "values"
    """`order` where scales differ, so that only the order of models can be compared."""
    claims: tuple[Text, ...] = ()
    """The claims on whose pages it stands."""
    counterparts: tuple[Counterpart, ...] = Field(min_length=1)
    columns: tuple[PublishedColumn, ...] = Field(min_length=1)
    rows: tuple[PublishedRow, ...] = Field(min_length=1)
    note: str = ""

    def reading_of(self, row: PublishedRow) -> Reading:
        """Where the figures of a row were read."""
        return row.reading or self.reading
