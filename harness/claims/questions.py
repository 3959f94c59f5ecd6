"""What each shape of claim asks: the comparisons that decide it, on every dataset.

A claim is supported where every question is answered as it says: an intersection-union test
(Berger 1982), which needs no correction for their number. For a monotone claim and an ordering the
questions are the adjacent pairs. A trend test (Page 1963, Jonckheere 1954) would ask less: it takes
the order for granted and shows that not all are equal, so that a curve which falls steeply and then
rises a little passes. Nobody would call that monotone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import pairwise
from typing import Literal

from harness.config.claim import Claim
from harness.config.claim_parts import ModelAt
from harness.config.claim_shapes import (
    ComparisonClaim,
    CorrelationClaim,
    EquivalenceClaim,
    FrontierClaim,
    MonotoneClaim,
    OrderingClaim,
    SpreadClaim,
    SuccessClaim,
    ThresholdClaim,
    TradeOffClaim,
)
from harness.metrics.base import Metric

Towards = Literal["higher", "lower", "same"]


@dataclass(frozen=True)
class Question:
    """Does `model` lie on the side `towards` of `other`, a model or a constant, by more than
    `margin`? Where `towards` is "same": does it lie within `margin` of it? The question is about
    the metric's value, or about its spread over seeds.
    """

    metric: str
    model: ModelAt
    other: ModelAt | float
    towards: Towards
    margin: float
    of: Literal["value", "spread"] = "value"


@dataclass(frozen=True)
class RankQuestion:
    """Does the rank correlation of two metrics over `models` lie on the side `towards` of
    `constant` by more than `margin`?
    """

    metrics: tuple[str, str]
    models: tuple[ModelAt, ...]
    constant: float
    towards: Towards
    margin: float


@dataclass(frozen=True)
class FrontierQuestion:
    """Does a quality, `metric`, cost less on the curve through `points` than on the one through
    `others`, by a ratio of more than 1 + `margin`? `cost` is a metric or `images`.
    """

    metric: str
    cost: str
    points: tuple[ModelAt, ...]
    others: tuple[ModelAt, ...]
    margin: float


@dataclass(frozen=True)
class SuccessQuestion:
    """Is the share of `models` whose value of `metric` lies on the side `towards` of `constant`
    larger than that of `others`, by more than `margin`?
    """

    metric: str
    models: tuple[ModelAt, ...]
    others: tuple[ModelAt, ...]
    constant: float
    towards: Towards
    margin: float


AnyQuestion = Question | RankQuestion | FrontierQuestion | SuccessQuestion
Questions = Sequence[AnyQuestion]


@singledispatch
def questions_of(claim: Claim, metrics: Mapping[str, Metric]) -> list[Questions]:
    """Returns the questions of a claim in groups; a claim about an average averages within each
    group. Raises TypeError for a type of claim that has no questions here.
    """
    raise TypeError(f"a claim of an unknown shape: {claim.shape}")


@questions_of.register
def _comparison(claim: ComparisonClaim, metrics: Mapping[str, Metric]) -> list[Questions]:
    return [
        [
            Question(
                name,
                model,
                claim.against,
                claim.direction or _better(metrics[name]),
                claim.margin(name),
            )
            for name in claim.metric
            for model in claim.model
        ]
    ]


@questions_of.register
def _threshold(claim: ThresholdClaim, _: Mapping[str, Metric]) -> list[Questions]:
    constant, towards = _constant(claim)
    return [
        [
            Question(name, model, constant, towards, claim.margin(name))
            for name in claim.metric
            for model in claim.model
        ]
    ]


@questions_of.register
def _equivalence(claim: EquivalenceClaim, _: Mapping[str, Metric]) -> list[Questions]:
    other = claim.equals if claim.against is None else claim.against
    if other is None:
        raise TypeError("an equivalence without another side")
    return [
        [
            Question(name, model, other, "same", claim.margin(name))
            for name in claim.metric
            for model in claim.model
        ]
    ]


@questions_of.register
def _monotone(claim: MonotoneClaim, _: Mapping[str, Metric]) -> list[Questions]:
    towards: Towards = "lower" if claim.direction == "falls" else "higher"
    return [
        [Question(name, later, earlier, towards, claim.margin(name))]
        for name in claim.metric
        for earlier, later in pairwise(claim.models)
    ]


@questions_of.register
def _ordering(claim: OrderingClaim, metrics: Mapping[str, Metric]) -> list[Questions]:
    return [
        [Question(name, first, second, _better(metrics[name]), claim.margin(name))]
        for name in claim.metric
        for first, second in pairwise(claim.models)
    ]


@questions_of.register
def _trade_off(claim: TradeOffClaim, metrics: Mapping[str, Metric]) -> list[Questions]:
    towards: dict[str, Towards] = {name: _better(metrics[name]) for name in claim.better or ()}
    towards |= {name: worse(metrics[name]) for name in claim.worse or ()}
    towards |= dict.fromkeys(claim.higher or (), "higher")
    towards |= dict.fromkeys(claim.lower or (), "lower")
    towards |= dict.fromkeys(claim.same or (), "same")
    return [
        [Question(name, model, claim.against, side, claim.margin(name)) for model in claim.model]
        for name, side in towards.items()
    ]


@questions_of.register
def _correlation(claim: CorrelationClaim, _: Mapping[str, Metric]) -> list[Questions]:
    constant, towards = _constant(claim)
    first, second = claim.metric
    return [[RankQuestion((first, second), claim.models, constant, towards, claim.delta)]]


@questions_of.register
def _spread(claim: SpreadClaim, _: Mapping[str, Metric]) -> list[Questions]:
    return [
        [
            Question(name, model, claim.against, "lower", claim.margin(name), "spread")
            for name in claim.metric
            for model in claim.model
        ]
    ]


@questions_of.register
def _frontier(claim: FrontierClaim, _: Mapping[str, Metric]) -> list[Questions]:
    return [[FrontierQuestion(claim.metric, claim.cost, claim.model, claim.against, claim.delta)]]


@questions_of.register
def _success(claim: SuccessClaim, _: Mapping[str, Metric]) -> list[Questions]:
    constant, towards = _constant(claim)
    name, margin = claim.metric, claim.delta
    return [[SuccessQuestion(name, claim.model, claim.against, constant, towards, margin)]]


def _constant(claim: ThresholdClaim | CorrelationClaim | SuccessClaim) -> tuple[float, Towards]:
    if claim.above is not None:
        return claim.above, "higher"
    if claim.below is not None:
        return claim.below, "lower"
    raise TypeError("a claim without a constant")


def _better(metric: Metric) -> Towards:
    """Returns the side on which a metric is better. Raises TypeError where there is none."""
    if metric.better == "higher" or metric.better == "lower":  # noqa: PLR1714 - mypy follows
        return metric.better
    raise TypeError(f"{metric.name} has no better side")


def worse(metric: Metric) -> Towards:
    """Returns the side on which a metric is worse. Raises TypeError where there is none."""
    return "lower" if _better(metric) == "higher" else "higher"
