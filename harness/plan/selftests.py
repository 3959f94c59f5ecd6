"""The self-tests of the metrics that the claims of a suite rest on: run, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from harness.config.claim import Claim
from harness.config.members import Members
from harness.config.recipe import Recipe
from harness.config.suite import LoadedSuite, Suite
from harness.core.disturbance import Disturbance
from harness.core.errors import BadInput
from harness.data import dataset_card
from harness.data.base import Dataset
from harness.evaluation.specs import Role, extractor_roles, named_network
from harness.metrics.base import Metric
from harness.plan.cells import Cell
from harness.plan.claims import tests_metrics
from harness.plan.planning import Plan
from harness.selftest.outcomes import (
    SelftestOutcome,
    SelftestResult,
    SelftestRun,
    outcomes_on,
    response_to,
    results_of,
    save_selftest,
    shipped_outcomes,
)
from harness.selftest.run import run_selftest, set_size, untestable
from harness.training.numerics import Numerics, devices

if TYPE_CHECKING:
    from harness.tracking import Store

Selftests = Mapping[str, tuple[SelftestResult, ...]]
"""The results that each claim rests on, by its id; of old reports, nothing."""


@dataclass(frozen=True)
class ClaimTrial:
    """A metric of a claim on a dataset, and the disturbances that would fool it. `role` and
    `network` say through which network it is measured, with its `label` and `preprocessing`; all
    are empty where there is none. `reason` says why it cannot be tested; empty where it can.
    """

    claim: Claim
    dataset: Dataset
    metric: Metric
    disturbances: tuple[Disturbance, ...]
    role: Role | None
    network: str
    label: str
    preprocessing: str
    reason: str


def recorded_selftests(plan: Plan, store: Store) -> dict[str, tuple[SelftestResult, ...]]:
    """What the recorded self-tests say of the metrics of each claim, by its id."""
    results: dict[str, list[SelftestResult]] = {claim.id: [] for claim in plan.loaded.suite.claims}
    outcomes = _Outcomes(store)
    for trial in _trials(plan):
        results[trial.claim.id] += (
            _not_applicable(trial)
            if trial.reason
            else results_of(
                outcomes.of(trial), trial.metric, trial.dataset.name, trial.disturbances
            )
        )
    return {name: tuple(each) for name, each in results.items()}


def shipped_selftests(
    loaded: LoadedSuite, metrics: Mapping[str, Metric], recipes: Mapping[str, Recipe]
) -> dict[str, tuple[SelftestResult, ...]]:
    """What the self-tests that come with this package say of the metrics of each claim, by its id.
    It reads no data: datasets and feature networks are recognised by their names.
    """
    suite, results = loaded.suite, {}
    members, outcomes = Members(suite), shipped_outcomes()
    for claim in suite.claims:
        if tests_metrics(claim, recipes):
            continue
        results[claim.id] = tuple(
            result
            for dataset in members.datasets_of(claim)
            for outcome in outcomes
            if outcome.tested.dataset == dataset
            for name in claim.measured
            if _is_measured_as(metrics[name], outcome, dataset, suite)
            for result in results_of(
                outcome, metrics[name], dataset, _disturbances(claim, metrics[name])
            )
        )
    return results


def _is_measured_as(metric: Metric, outcome: SelftestOutcome, dataset: str, suite: Suite) -> bool:
    """Whether an outcome holds for the metric as a suite measures it, as far as names tell."""
    card = dataset_card(dataset)
    roles = extractor_roles(metric)
    by_role = {
        "extractor": suite.extractor or card.extractor,
        "perceptual": suite.perceptual or card.perceptual,
    }
    names = [named_network(metric) or by_role.get(role, "") for role in roles]
    alike = all(name == outcome.tested.extractor.partition("@")[0] for name in names)
    return alike and not suite.profile and not (metric.of_detail and card.enlarged_from)


def _disturbances(claim: Claim, metric: Metric) -> tuple[Disturbance, ...]:
    """What would fool a metric of a claim: by the metric's record, and by the claim."""
    return tuple(dict.fromkeys([*metric.fooled_by, *claim.disturbances]))


def run_missing_selftests(plan: Plan, store: Store, tell: Callable[[str], None]) -> None:
    """Run and record the self-tests that the suite's claims rest on and the store does not have.
    `tell` gets a line for each, and one where it fails.
    """
    outcomes = _Outcomes(store)
    groups: dict[tuple[str, Role | None, str], list[ClaimTrial]] = {}
    for trial in _trials(plan):
        if not trial.reason and outcomes.of(trial) is None:
            key = (trial.dataset.name, trial.role, trial.network)
            groups.setdefault(key, []).append(trial)
    for trials in groups.values():
        metrics = {trial.metric.name: trial.metric for trial in trials}
        tell(f"self-test of {', '.join(metrics)} on {trials[0].dataset.name}")
        try:
            _run(trials[0], list(metrics.values()), plan.numerics, store)
        except BadInput as error:
            tell(f"the self-test of {', '.join(metrics)} failed: {error}")


def _run(trial: ClaimTrial, metrics: list[Metric], numerics: Numerics, store: Store) -> None:
    """Run the self-test of metrics that share dataset and network, and record it."""
    device = numerics.device if numerics.device in devices() else "cpu"
    replace(numerics, device=device).apply()
    dataset = trial.dataset
    extractor = trial.network if trial.role == "extractor" else None
    perceptual = trial.network if trial.role == "perceptual" else None
    plain = [replace(metric, name=metric.base_name) for metric in metrics]
    table = run_selftest(dataset, extractor, plain, device=device, perceptual=perceptual)
    size = set_size(dataset)
    tested = SelftestRun(dataset.name, dataset.digest, trial.label, trial.preprocessing, size)
    save_selftest(store, tested, table, plain)


def _trials(plan: Plan) -> Iterator[ClaimTrial]:
    """What the self-test is asked of each claim, on every dataset and for every metric of it."""
    members = Members(plan.loaded.suite)
    for claim in plan.loaded.suite.claims:
        names = [
            each for name in members.datasets_of(claim) for each in plan.each.get(name, (name,))
        ]
        of_images = tests_metrics(claim, plan.recipes)
        for name in names:
            for cell, metric, label, preprocessing in _measured(claim, name, plan):
                if disturbances := _disturbances(claim, metric):
                    dataset = plan.datasets[name]
                    reason = of_images or untestable(metric, dataset)
                    role = next(iter(extractor_roles(metric)), None)
                    network = named_network(metric) or (
                        cell.setup.names.get(role, "") if role else ""
                    )
                    yield ClaimTrial(
                        claim, dataset, metric, disturbances, role, network, label, preprocessing,
                        reason,
                    )  # fmt: skip


def _measured(claim: Claim, dataset: str, plan: Plan) -> Iterator[tuple[Cell, Metric, str, str]]:
    """The metrics of a claim that apply on a dataset, each with a cell that measures it, and the
    label and preprocessing of its network.
    """
    models = {str(side) for side in claim.entrants}
    cells = [cell for cell in plan.cells if cell.dataset == dataset and cell.model in models]
    for name in claim.measured:
        planned = (
            (cell, each)
            for cell in cells
            for each in cell.planned_measurements
            if each.metric == name and not each.obstacle
        )
        if first := next(planned, None):
            how = first[1].protocol
            yield first[0], plan.metrics[name], how.extractor, how.preprocessing


def _not_applicable(trial: ClaimTrial) -> Iterator[SelftestResult]:
    for disturbance in trial.disturbances:
        yield SelftestResult(
            trial.metric.name,
            trial.dataset.name,
            disturbance,
            "not applicable",
            response_to(trial.metric, disturbance),
            reason=trial.reason,
        )


class _Outcomes:
    """The outcomes that a store and this package have, read once for each dataset."""

    def __init__(self, store: Store) -> None:
        self._of = lru_cache(partial(outcomes_on, store))

    def of(self, trial: ClaimTrial) -> SelftestOutcome | None:
        """The outcome of the trial's metric as it is defined now, with its network."""
        for outcome in self._of(trial.dataset.digest):
            is_alike = outcome.is_of(trial.label, trial.preprocessing)
            if is_alike and len(outcome.rows(trial.metric)):
                return outcome
        return None
