"""Claims: statements that an experiment can decide, declared before it runs.

Each shape of claim is a type of its own, which says what a suite must have to decide it.
`harness.claims.questions` turns each into the comparisons that decide it.
"""

from __future__ import annotations

import datetime
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from harness.config.repeats import repeated
from harness.config.training_fraction import fraction_name
from harness.core.errors import suggest


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _side(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _sides(value: object) -> object:
    """One side or several; `at` with several points is that many sides."""
    entries = value if isinstance(value, list | tuple) else [value]
    return [side for entry in entries for side in _points(entry)]


def _points(entry: object) -> list[object]:
    points = entry.get("at") if isinstance(entry, dict) else None
    # A list with text or `true` in it is left to pydantic, which refuses it as the schema does.
    numbers = points if isinstance(points, list) else ()
    if (
        isinstance(entry, dict)
        and numbers
        and all(type(point) in {int, float} for point in numbers)
    ):
        return [{**entry, "at": point} for point in numbers]
    return [entry]


def _number(value: object) -> object:
    """`value` unless it is true or false, which pydantic takes for 1 or 0."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()}: should be a number")
    return value


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelAt(_Spec):
    """A model after training, or at a point in it. As text `gan/dcgan`, or `gan/dcgan@0.5`, by
    which it goes in the table.

    Settings of one model, and ways of sampling it, are models too: recipes that differ in a line.
    """

    model: str = Field(min_length=1)
    at: Annotated[float, BeforeValidator(_number)] = Field(default=1.0, gt=0, le=1)
    """The share of the training budget after which it is measured."""

    def __str__(self) -> str:
        return fraction_name(self.model, self.at)

    @model_serializer
    def _short(self) -> str | dict[str, Any]:
        return self.model if self.at == 1 else {"model": self.model, "at": self.at}


_Names = Annotated[tuple[str, ...], Field(min_length=1)]
Names = Annotated[_Names, BeforeValidator(_listed, json_schema_input_type=str | _Names)]
_Model = Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(gt=0, le=1)]
OneSide = Annotated[ModelAt, BeforeValidator(_side, json_schema_input_type=_Model | ModelAt)]


class _Points(_Spec):
    """How a file may write several points in the training of one model."""

    model: _Model
    at: _Share | Annotated[tuple[_Share, ...], Field(min_length=1)] = 1.0


_Written = _Model | _Points
Sides = Annotated[
    tuple[OneSide, ...],
    Field(min_length=1),
    BeforeValidator(
        _sides,
        json_schema_input_type=_Written | Annotated[tuple[_Written, ...], Field(min_length=1)],
    ),
]

_Positive = Annotated[float, Field(ge=0)]
Margin = Annotated[
    Annotated[_Positive, Tag("<one>")] | Annotated[dict[str, _Positive], Tag("<by metric>")],
    Discriminator(lambda value: "<by metric>" if isinstance(value, dict) else "<one>"),
]


class Amendment(_Spec):
    """A change of a claim after it was declared: on which day, and why."""

    date: datetime.date
    reason: str = Field(min_length=1)


def _amendments(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Claim(_Spec):
    """What every shape of claim has.

    `delta` is the margin that counts as a difference: in the metric's units, or, for metrics
    compared on the log scale, as a ratio minus one (0.1 is ten per cent). It is one number, or one
    for each metric.

    Whatever a claim names several of, it must hold for every one (an intersection-union test),
    unless `over: average`, which takes the mean over datasets.
    """

    shape: str
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1)
    source: str = ""
    """Who says so."""
    why: str = ""
    """Why this metric and this margin decide it."""
    datasets: Names | None = None
    """All datasets of the suite on which the metric applies, if not said."""
    over: Literal["every", "average"] = "every"
    delta: Margin = 0.0
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    at_budget: bool = False
    """It is about the suite's budget ("after 50,000 images …") and not about what models can do
    once trained, which is withheld where a model is undertrained."""
    amended: Annotated[
        tuple[Amendment, ...],
        BeforeValidator(_amendments, json_schema_input_type=Amendment | tuple[Amendment, ...]),
    ] = ()
    """What was changed of it after it was declared."""
    failures: Literal["withhold", "drop", "lose"] = "withhold"
    """A diverged or failed cell withholds the verdict, is dropped with its pair, or loses it."""

    @property
    @abstractmethod
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""

    @property
    @abstractmethod
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models, or points in their training, that it is about."""

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics of which it takes one side to be better, without naming the side."""
        return self.measured if self.failures == "lose" else ()

    def margin(self, metric: str) -> float:
        """The margin for a metric."""
        return self.delta.get(metric, 0.0) if isinstance(self.delta, dict) else self.delta

    def asks_as(self, other: Claim) -> bool:
        """Whether both are decided alike: all but their words and datasets is the same."""
        words = {"statement": "-", "source": "", "why": "", "datasets": None, "amended": ()}
        return self.model_copy(update=words) == other.model_copy(update=words)

    @model_validator(mode="after")
    def _margins_are_of_its_metrics(self) -> Self:
        measured = {*self.measured}
        for metric in self.delta if isinstance(self.delta, dict) else ():
            if metric not in measured:
                near = suggest(metric, self.measured)
                raise ValueError(f"delta names {metric!r}, which the claim is not about{near}")
        return self


def _says_its_shape(schema: dict[str, Any]) -> None:
    schema["required"] = ["shape", *schema.get("required", [])]


class _Shaped(Claim):
    """A claim that a file tells from others by its `shape`."""

    model_config = ConfigDict(json_schema_extra=_says_its_shape)


class _OfMetrics(Claim):
    metric: Names

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""
        return self.metric


class _OfModels(_OfMetrics):
    """A claim on one or several models, each by itself or against one other."""

    model: Sides

    @property
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models that it is about."""
        other = getattr(self, "against", None)
        return (*self.model, *([other] if other else []))

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        if (other := getattr(self, "against", None)) in self.model:
            raise ValueError(f"'model' and 'against' are both {str(other)!r}")
        return self


class ComparisonClaim(_OfModels):
    """`model` lies on one side of `against`, by more than the margin."""

    shape: Literal["comparison"] = "comparison"
    against: OneSide
    direction: Literal["higher", "lower"] | None = None
    """Which side of `against` the claim puts `model` on; the metric's better one if not said."""

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics of which it takes one side to be better, without naming the side."""
        return super().sided if self.direction else self.measured


class ThresholdClaim(_OfModels):
    """`model` lies `above` or `below` a constant, by more than the margin."""

    shape: Literal["threshold"] = "threshold"
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_constant(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a threshold is either 'above' or 'below' a constant")
        return self


class EquivalenceClaim(_Shaped, _OfModels):
    """`model` equals `against`, or the constant `equals`, to within the margin either way."""

    shape: Literal["equivalence"] = "equivalence"
    against: OneSide | None = None
    equals: float | None = None

    @model_validator(mode="after")
    def _one_other_side_and_a_margin(self) -> Self:
        if (self.against is None) == (self.equals is None):
            raise ValueError(
                "an equivalence is either with a model, 'against', or 'equals' a number"
            )
        if not all(self.margin(metric) for metric in self.metric):
            raise ValueError(
                "an equivalence needs a 'delta' above 0: how far the sides may differ and still "
                "count as equal"
            )
        return self


class _InOrder(_Shaped, _OfMetrics):
    """A claim on an ordered list of models: at least `fewest` of them, each once."""

    fewest: ClassVar[int] = 2
    models: Sides

    @property
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models that it is about."""
        return self.models

    @model_validator(mode="after")
    def _enough_models(self) -> Self:
        name = f"{'an' if self.shape[0] in 'aeiou' else 'a'} {self.shape} claim"
        if len(self.models) < self.fewest:
            raise ValueError(f"{name} needs at least {self.fewest} models in 'models'")
        if (side := repeated(self.models)) is not None:
            raise ValueError(f"'models' has {str(side)!r} twice")
        return self


class MonotoneClaim(_InOrder):
    """The metric falls, or rises, with every step along `models`, by more than the margin."""

    shape: Literal["monotone"] = "monotone"
    fewest: ClassVar[int] = 3
    direction: Literal["falls", "rises"]


class OrderingClaim(_InOrder):
    """`models` is the order of the models, the best first, each better than the next."""

    shape: Literal["ordering"] = "ordering"

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics of which it takes one side to be better, without naming the side."""
        return self.measured


class TradeOffClaim(_Shaped):
    """Against another model, `model` is better by some metrics and worse by others, or the `same`
    by some, to within the margin. Of metrics without a better side it is `higher` or `lower`.
    """

    shape: Literal["trade-off"] = "trade-off"
    model: Sides
    against: OneSide
    better: Names | None = None
    worse: Names | None = None
    same: Names | None = None
    higher: Names | None = None
    lower: Names | None = None

    @property
    def ways(self) -> dict[str, Names]:
        """The metrics by the way they go, of the ways that have some."""
        named = {
            direction: getattr(self, direction)
            for direction in ("better", "worse", "higher", "lower", "same")
        }
        return {direction: names for direction, names in named.items() if names}

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""
        return tuple(name for names in self.ways.values() for name in names)

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics of which it takes one side to be better, without naming the side."""
        return (*super().sided, *(self.better or ()), *(self.worse or ()))

    @property
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models that it is about."""
        return (*self.model, self.against)

    @model_validator(mode="after")
    def _two_kinds_of_metrics(self) -> Self:
        if self.against in self.model:
            raise ValueError(f"'model' and 'against' are both {str(self.against)!r}")
        if len(self.ways) < 2:
            raise ValueError(
                "a trade-off needs two of 'better', 'worse' and 'same', with metrics, or 'higher' "
                "and 'lower' of metrics without a better side"
            )
        if (name := repeated(self.measured)) is not None:
            raise ValueError(f"metric {name!r} is there twice")
        for name in self.same or ():
            if not self.margin(name):
                raise ValueError(
                    f"'same' needs a 'delta' above 0 for {name!r}: how far is the same"
                )
        return self


class CorrelationClaim(_InOrder):
    """Two metrics rank `models` alike, or not: their rank correlation lies `above` or `below` a
    constant. Both are turned so that better is more: 1 is the same order, −1 the reverse.

    With points in the training of one model it is a correlation over time.
    """

    shape: Literal["correlation"] = "correlation"
    fewest: ClassVar[int] = 3
    above: float | None = Field(default=None, ge=-1, lt=1)
    below: float | None = Field(default=None, gt=-1, le=1)
    delta: _Positive = 0.0
    failures: Literal["withhold", "drop"] = "withhold"

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics of which it takes one side to be better, without naming the side."""
        return self.measured

    @model_validator(mode="after")
    def _two_metrics_and_a_constant(self) -> Self:
        if len(set(self.metric)) != 2 or len(self.metric) != 2:
            raise ValueError("a correlation is between two metrics: metric: [fid, recall]")
        if (self.above is None) == (self.below is None):
            raise ValueError("a correlation is either 'above' or 'below' a constant")
        return self


class SpreadClaim(_Shaped, _OfModels):
    """`model` varies less from seed to seed than `against`, by more than the margin."""

    shape: Literal["spread"] = "spread"
    against: OneSide


SHAPES: dict[str, type[Claim]] = {
    "comparison": ComparisonClaim,
    "threshold": ThresholdClaim,
    "equivalence": EquivalenceClaim,
    "monotone": MonotoneClaim,
    "ordering": OrderingClaim,
    "trade-off": TradeOffClaim,
    "correlation": CorrelationClaim,
    "spread": SpreadClaim,
}


def _with_shape(value: object) -> object:
    """The shape filled in where the sides say it."""
    if not isinstance(value, dict):
        return value
    if "shape" not in value:
        sides = [name for name in ("against", "above", "below") if name in value]
        if len(sides) != 1:
            raise ValueError(
                "a claim needs exactly one of 'against', 'above' and 'below', or a 'shape' that "
                f"has other sides: {', '.join(SHAPES)}"
            )
        return {**value, "shape": "comparison" if sides == ["against"] else "threshold"}
    shape = value["shape"]
    if not isinstance(shape, str) or shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}{suggest(str(shape), SHAPES)}")
    return value


def _tag(value: Any) -> str:
    shape = value.get("shape") if isinstance(value, dict) else getattr(value, "shape", "")
    return f"<{shape}>"


AnyClaim = Annotated[
    Annotated[ComparisonClaim, Tag("<comparison>")]
    | Annotated[ThresholdClaim, Tag("<threshold>")]
    | Annotated[EquivalenceClaim, Tag("<equivalence>")]
    | Annotated[MonotoneClaim, Tag("<monotone>")]
    | Annotated[OrderingClaim, Tag("<ordering>")]
    | Annotated[TradeOffClaim, Tag("<trade-off>")]
    | Annotated[CorrelationClaim, Tag("<correlation>")]
    | Annotated[SpreadClaim, Tag("<spread>")],
    Discriminator(_tag, "claim", "should be a mapping with 'id' and 'statement'"),
    BeforeValidator(_with_shape),
]
"""A claim of any shape. The tags in angle brackets are told from keys by them in error places."""

_ANY: TypeAdapter[Claim] = TypeAdapter(AnyClaim)


def make_claim(**fields: Any) -> Claim:
    """The claim of whatever shape that the fields write, as in a file; pydantic's ValidationError
    where they are none.
    """
    return _ANY.validate_python(fields)
