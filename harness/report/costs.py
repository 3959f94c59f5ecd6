"""At what cost a claim compares models: their parameters and training time, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.claims.verdicts import Verdict
from harness.config.claim_shapes import CorrelationClaim
from harness.report.results import ModelInfo
from harness.statistics.formatting import number

UNEQUAL = 1.5
"""Costs count as unequal beyond this factor."""


def with_costs(verdict: Verdict, models: Sequence[ModelInfo]) -> Verdict:
    """Return the verdict with the costs in its sentence that differ, by more than a factor of
    `UNEQUAL`, between a model that it is about and the last of them. The time of what is not
    trained, such as principal components, is not compared. A correlation of metrics is about no
    model.
    """
    if isinstance(verdict.claim, CorrelationClaim):
        return verdict
    infos = {model.name: model for model in models}
    *sides, other = dict.fromkeys(side.model for side in verdict.claim.entrants)
    texts = [
        f"{side} {' and '.join(costs)}"
        for side in sides
        if side in infos and other in infos
        if (costs := list(_unequal_costs(infos[side], infos[other])))
    ]
    if not texts:
        return verdict
    sentence = f"{verdict.sentence} Costs beside {other}: {'; '.join(texts)}."
    return replace(verdict, sentence=sentence)


def _unequal_costs(model: ModelInfo, other: ModelInfo) -> Iterator[str]:
    if times := _unequal(model.parameters, other.parameters):
        yield f"{times} times the parameters"
    trained = model.images and other.images
    if trained and (times := _unequal(model.seconds, other.seconds)):
        yield f"{times} times the training time"


def _unequal(cost: float | None, other: float | None) -> str:
    """Return how many times the other a cost is; nothing where that is near one or not known."""
    if not cost or not other or 1 / UNEQUAL <= cost / other <= UNEQUAL:
        return ""
    ratio = cost / other
    return number(ratio, 1 if ratio >= 1 else 2)
