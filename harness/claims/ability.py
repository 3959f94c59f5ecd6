"""Whether a claim about what models can do may be decided by a suite's training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.config.claim import Claim
from harness.config.claim_shapes import CorrelationClaim
from harness.metrics.base import Metric

Undertrained = Mapping[tuple[str, str], str]
"""The reason why a model counts as undertrained, by dataset and model."""


@dataclass(frozen=True)
class SuiteTraining:
    """What is known of a suite's training: the models that are `undertrained`, and the budget that
    was overridden, in words ("budget_scale 0.05"); empty where the suite's own was used.
    """

    undertrained: Undertrained = field(default_factory=dict)
    trial: str = ""


UNKNOWN_TRAINING = SuiteTraining()


def about_ability(claim: Claim, metrics: Mapping[str, Metric]) -> bool:
    """Whether a claim is about what models can do once trained. One about a budget, about what
    models cost, or about how two metrics rank models, is not.
    """
    costs_only = all(metrics[name].kind == "cost" for name in claim.measured)
    return not (claim.at_budget or costs_only or isinstance(claim, CorrelationClaim))


def ability_obstacles(
    claim: Claim, metrics: Mapping[str, Metric], datasets: Iterable[str], state: SuiteTraining
) -> list[str]:
    """Return the reasons why the training on `datasets` cannot decide a claim about ability."""
    if not about_ability(claim, metrics):
        return []
    if state.trial:
        return [f"this is a trial with {state.trial}, which shows nothing about the full budget"]
    models = [side.model for side in claim.entrants if side.at == 1]
    return [
        f"{model} is undertrained on {dataset} ({state.undertrained[dataset, model]})"
        for dataset in datasets
        for model in models
        if (dataset, model) in state.undertrained
    ]
