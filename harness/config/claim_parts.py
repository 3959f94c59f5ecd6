"""The parts of claims: sides, margins and amendments, and how a file may write them."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    NonNegativeFloat,
    Tag,
    model_serializer,
)

from harness.config.file_model import FileModel, as_list
from harness.config.repeats import repeated
from harness.config.training_fraction import fraction_name
from harness.core.disturbance import Disturbance
from harness.core.errors import suggest


def _as_side(value: object) -> object:
    """Return the side that a model's name alone stands for, and any other value as it is."""
    return {"model": value} if isinstance(value, str) else value


def _as_sides(value: object) -> object:
    """Return the sides that one value or a list of them writes."""
    entries = value if isinstance(value, list | tuple) else [value]
    return [side for entry in entries for side in _at_each_fraction(entry)]


def _at_each_fraction(side: object) -> list[object]:
    """Return a side for each training fraction where `at` lists several."""
    fractions = side.get("at") if isinstance(side, dict) else None
    # A list with text or `true` in it is left to pydantic, which refuses it as the schema does.
    numbers = fractions if isinstance(fractions, list) else ()
    if isinstance(side, dict) and numbers and all(type(n) in {int, float} for n in numbers):
        return [{**side, "at": fraction} for fraction in numbers]
    return [side]


def _refuse_boolean(value: object) -> object:
    """Return `value`. Raises ValueError for true or false, which pydantic takes for 1 or 0."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()}: should be a number")
    return value


class ModelAt(FileModel):
    """A model after training, or after a fraction of it. As text `gan/dcgan`, or `gan/dcgan@0.5`,
    its name in the table.

    Settings of one model, and ways of sampling it, are models too: recipes that differ in a line.
    """

    model: str = Field(min_length=1)
    at: Annotated[float, BeforeValidator(_refuse_boolean)] = Field(default=1.0, gt=0, le=1)
    """The share of the training budget after which it is measured."""

    def __str__(self) -> str:
        return fraction_name(self.model, self.at)

    @model_serializer
    def _short(self) -> str | dict[str, Any]:
        return self.model if self.at == 1 else {"model": self.model, "at": self.at}


_Names = Annotated[tuple[str, ...], Field(min_length=1)]
Names = Annotated[_Names, BeforeValidator(as_list, json_schema_input_type=str | _Names)]
_Model = Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(gt=0, le=1)]
OneSide = Annotated[ModelAt, BeforeValidator(_as_side, json_schema_input_type=_Model | ModelAt)]


class _ModelAtFractions(FileModel):
    """How a file may write several training fractions of one model."""

    model: _Model
    at: _Share | Annotated[tuple[_Share, ...], Field(min_length=1)] = 1.0


_WrittenSide = _Model | _ModelAtFractions
Sides = Annotated[
    tuple[OneSide, ...],
    Field(min_length=1),
    BeforeValidator(
        _as_sides,
        json_schema_input_type=_WrittenSide
        | Annotated[tuple[_WrittenSide, ...], Field(min_length=1)],
    ),
]

Margin = Annotated[
    Annotated[NonNegativeFloat, Tag("<one>")]
    | Annotated[dict[str, NonNegativeFloat], Tag("<by metric>")],
    Discriminator(lambda value: "<by metric>" if isinstance(value, dict) else "<one>"),
]


class Amendment(FileModel):
    """A change of a claim after it was declared: on which day, and why."""

    date: datetime.date
    reason: str = Field(min_length=1)


def _as_amendments(value: object) -> object:
    """Return a list of one amendment in its place, and any other value as it is."""
    return [value] if isinstance(value, dict) else value


Amendments = Annotated[
    tuple[Amendment, ...],
    BeforeValidator(_as_amendments, json_schema_input_type=Amendment | tuple[Amendment, ...]),
]


FoolingName = Literal["nothing"] | Disturbance
"""A disturbance that would fool the metrics of a claim, or that there is none."""


def _as_fooling_names(value: object) -> object:
    """Return a list of names. Raises ValueError for a text that is none of them."""
    names = as_list(value)
    known = ["nothing", *get_args(Disturbance)]
    for name in names if isinstance(names, list | tuple) else ():
        if isinstance(name, str) and name not in known:
            near = suggest(name, known)
            raise ValueError(f"unknown disturbance {name!r}{near} (there is: {', '.join(known)})")
    return names


def _nothing_alone(names: tuple[FoolingName, ...]) -> tuple[FoolingName, ...]:
    """Return the names. Raises ValueError for "nothing" beside others, and for a name twice."""
    if "nothing" in names and len(names) > 1:
        raise ValueError("either 'nothing' or disturbances")
    if (name := repeated(names)) is not None:
        raise ValueError(f"names {name!r} twice")
    return names


_FoolingNames = tuple[FoolingName, ...]
FooledBy = Annotated[
    _FoolingNames,
    AfterValidator(_nothing_alone),
    BeforeValidator(_as_fooling_names, json_schema_input_type=FoolingName | _FoolingNames),
]
