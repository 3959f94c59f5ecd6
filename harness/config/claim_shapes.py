"""The shapes of claims, each a type of its own, and the claim that a mapping of a file writes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    Tag,
    TypeAdapter,
    model_validator,
)

from harness.config.claim import Claim
from harness.config.claim_parts import ModelAt, Names, OneSide, Sides
from harness.config.repeats import repeated
from harness.core.errors import suggest


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
        """The metrics whose better side decides it, without its naming the side."""
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
        """The metrics whose better side decides it, without its naming the side."""
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
        """The metrics whose better side decides it, without its naming the side."""
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

    With training fractions of one model it is a correlation over time.
    """

    shape: Literal["correlation"] = "correlation"
    fewest: ClassVar[int] = 3
    above: float | None = Field(default=None, ge=-1, lt=1)
    below: float | None = Field(default=None, gt=-1, le=1)
    delta: NonNegativeFloat = 0.0
    failures: Literal["withhold", "drop"] = "withhold"

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics whose better side decides it, without its naming the side."""
        return self.measured

    @model_validator(mode="after")
    def _two_metrics_and_a_constant(self) -> Self:
        if len(set(self.metric)) != 2 or len(self.metric) != 2:
            raise ValueError("a correlation is between two metrics: metric: [fid, recall]")
        if (self.above is None) == (self.below is None):
            raise ValueError("a correlation is either 'above' or 'below' a constant")
        return self


IMAGES = "images"
"""The cost of a training fraction that needs no metric: the training images shown."""


class FrontierClaim(_Shaped):
    """`model` costs less than `against` at equal quality, by more than the margin, a ratio minus
    one. Each side is one or several measured points: training fractions of one model, or models,
    such as ways of sampling the same weights.

    The quality is the best value of `metric` that both sides reach, in each seed; `cost` is a
    metric, or `images`.
    """

    shape: Literal["frontier"] = "frontier"
    metric: str = Field(min_length=1)
    cost: str = Field(default=IMAGES, min_length=1)
    model: Sides
    against: Sides
    delta: NonNegativeFloat = 0.0
    failures: Literal["withhold", "drop"] = "withhold"

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""
        return (self.metric,) if self.cost == IMAGES else (self.cost, self.metric)

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics whose better side decides it, without its naming the side."""
        return self.measured

    @property
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models that it is about."""
        return (*self.model, *self.against)

    @model_validator(mode="after")
    def _two_curves(self) -> Self:
        if (side := repeated(self.entrants)) is not None:
            raise ValueError(f"{str(side)!r} is there twice")
        if len(self.entrants) < 3:
            raise ValueError("a frontier needs two points or more in 'model' or in 'against'")
        if self.cost == IMAGES and any(
            len({point.model for point in side}) > 1 for side in (self.model, self.against)
        ):
            raise ValueError(
                "training images are compared of training fractions of one model on each side, "
                "{model: …, at: [0.25, 0.5, 1]}; of several models name a 'cost' that is a metric"
            )
        if self.cost == self.metric:
            raise ValueError(f"'metric' and 'cost' are both {self.cost!r}")
        return self


class SpreadClaim(_Shaped, _OfModels):
    """`model` varies less from seed to seed than `against`, by more than the margin."""

    shape: Literal["spread"] = "spread"
    against: OneSide


class SuccessClaim(_Shaped):
    """A larger share of `model` succeeds than of `against`, by more than the margin: has a value of
    `metric` `above`, or `below`, a constant. Each side is a grid of settings, such as recipes that
    differ in their learning rates; a cell that diverges or fails does not succeed.
    """

    shape: Literal["success"] = "success"
    metric: str = Field(min_length=1)
    model: Sides
    against: Sides
    above: float | None = None
    below: float | None = None
    delta: float = Field(default=0.0, ge=0, lt=1)
    failures: Literal["withhold", "drop", "lose"] = "lose"

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""
        return (self.metric,)

    @property
    def sided(self) -> tuple[str, ...]:
        """No metric: the constant has the side of success."""
        return ()

    @property
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models that it is about."""
        return (*self.model, *self.against)

    @model_validator(mode="after")
    def _two_grids_and_a_constant(self) -> Self:
        if (side := repeated(self.entrants)) is not None:
            raise ValueError(f"{str(side)!r} is there twice")
        if (self.above is None) == (self.below is None):
            raise ValueError("success is a value either 'above' or 'below' a constant")
        return self


SHAPES: dict[str, type[Claim]] = {
    "comparison": ComparisonClaim,
    "threshold": ThresholdClaim,
    "equivalence": EquivalenceClaim,
    "monotone": MonotoneClaim,
    "ordering": OrderingClaim,
    "trade-off": TradeOffClaim,
    "correlation": CorrelationClaim,
    "spread": SpreadClaim,
    "frontier": FrontierClaim,
    "success": SuccessClaim,
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
    | Annotated[SpreadClaim, Tag("<spread>")]
    | Annotated[FrontierClaim, Tag("<frontier>")]
    | Annotated[SuccessClaim, Tag("<success>")],
    Discriminator(_tag, "claim", "should be a mapping with 'id' and 'statement'"),
    BeforeValidator(_with_shape),
]
"""A claim of any shape. The angle brackets tell tags from keys where errors name places."""

_ANY: TypeAdapter[Claim] = TypeAdapter(AnyClaim)


def make_claim(**fields: Any) -> Claim:
    """Return the claim that the fields write, as in a file. Raises pydantic's ValidationError where
    they write none.
    """
    return _ANY.validate_python(fields)
