"""Verdicts on claims: supported, refuted, inconclusive or not evaluable, with the evidence.

A claim asks one or several questions (`harness.claims.questions`); each, on each dataset, is a
comparison with an interval over its blocks: Student's t, or that of the exact sign-flip test where
differences tie. Let a be the alpha that Holm's correction over the
suite leaves the claim, and K the number of its comparisons.

- supported: every interval of level 1 − a lies where the claim says, beyond the margin or, for an
  equivalence, within it (an intersection-union test, Berger 1982, which needs no correction for K);
- refuted: some interval of level 1 − a/K lies on the other side of zero or, with a margin above
  zero, within ± the margin; for an equivalence, outside of it (any one of K may refute, hence
  Bonferroni's K);
- inconclusive: otherwise;
- not evaluable: the numbers cannot be tested; the reason says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from harness.claims.ability import UNKNOWN_TRAINING, SuiteTraining, ability_obstacles
from harness.claims.effects import ClaimTest, Effect, average_test, single_test
from harness.claims.fooled import fooling_obstacles
from harness.claims.frontier import compare_frontiers
from harness.claims.looks import ClaimLooks
from harness.claims.pairing import Block, PairedSeeds, pair_seeds
from harness.claims.questions import (
    AnyQuestion,
    FrontierQuestion,
    RankQuestion,
    SuccessQuestion,
    questions_of,
)
from harness.claims.rank_correlation import rank_correlation
from harness.claims.seed_values import Seeds, seeds_by_dataset
from harness.claims.success_rate import compare_success
from harness.claims.wording import Wording, looks_text
from harness.config.claim import Claim
from harness.core.errors import BadInput, suggest
from harness.metrics.base import Metric
from harness.plan.claims import without_side
from harness.plan.selftests import Selftests
from harness.selftest.outcomes import SelftestResult
from harness.statistics import holm

LEAST_LEVEL = 1e-7
"""The alpha of a look for which the looks before it left nothing: an interval needs one."""

Outcome = Literal["supported", "refuted", "inconclusive", "not evaluable"]


@dataclass(frozen=True)
class Decision:
    """The outcome of a claim, with the comparison that decides it or leaves it open, and the
    confidence of that comparison's interval; no comparison where it is not evaluable.
    """

    outcome: Outcome
    test: ClaimTest | None
    level: float


@dataclass(frozen=True)
class VerdictPart:
    """One comparison of a claim. `effect` is None where it was not tested, for the reason
    `problem`. `title` is what is compared ("FID"), `other` the name of the other side, and
    `protocol` the label of how the numbers were measured.
    """

    metric: str
    model: str
    dataset: str
    blocks: tuple[Block, ...]
    effect: Effect | None = None
    note: str = ""
    problem: str = ""
    title: str = ""
    other: str = ""
    unit: str = ""
    protocol: str = ""

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of all MLflow runs that it is based on."""
        return tuple(dict.fromkeys(run for block in self.blocks for run in block.runs))


@dataclass(frozen=True)
class Verdict:
    """The outcome of a claim, with its evidence.

    `effect` is that of the decisive comparison, which `about` names: the weakest of those that
    support, the strongest of those that refute. `p` is the smallest alpha at which the claim would
    be decided if it were the only one, `level` the confidence of the interval after Holm's
    correction, and `method` describes the test; `unit` is that of the effect. `reason` says why a
    claim is not evaluable. `seeds_needed` is set for inconclusive claims, where None means more
    than a thousand. `looks` are those at the claim, where they are known.
    """

    claim: Claim
    outcome: Outcome
    sentence: str
    parts: tuple[VerdictPart, ...]
    effect: Effect | None = None
    about: str = ""
    p: float | None = None
    level: float | None = None
    reason: str = ""
    seeds_needed: int | None = None
    method: str = ""
    unit: str = ""
    looks: ClaimLooks | None = None

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of all MLflow runs that it is based on."""
        return tuple(dict.fromkeys(run for part in self.parts for run in part.runs))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            **values,
            "claim": self.claim.model_dump(mode="json"),
            "parts": [dataclasses.asdict(part) for part in self.parts],
            "effect": dataclasses.asdict(self.effect) if self.effect else None,
            "looks": dataclasses.asdict(self.looks) if self.looks else None,
        }


@dataclass(frozen=True)
class _Case:
    """A claim with its pairings and tests, before it is corrected for the other claims."""

    claim: Claim
    pairs: tuple[PairedSeeds, ...]
    tests: tuple[ClaimTest, ...] = ()
    problem: str = ""

    @property
    def p_supported(self) -> float:
        return max(test.p_supported for test in self.tests)

    @property
    def p_refuted(self) -> float:
        return min(1.0, len(self.tests) * min(test.p_refuted for test in self.tests))

    @property
    def p(self) -> float:
        """The smallest alpha at which the claim is decided. One where it cannot be evaluated: it
        still counts among the claims of the suite.
        """
        return 1.0 if self.problem else min(self.p_supported, self.p_refuted)


def decide(  # noqa: PLR0913 - what a verdict rests on, each by name
    claims: Sequence[Claim],
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    seeds: int,
    datasets: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    *,
    training: SuiteTraining = UNKNOWN_TRAINING,
    looks: Mapping[str, ClaimLooks] | None = None,
    selftests: Selftests | None = None,
) -> list[Verdict]:
    """Returns a verdict on each claim, from the tidy table (`harness.core.measurement.COLUMNS`).

    `seeds` is the number of seeds that the suite asks for; those that the table lacks are missing
    cells. `datasets` are the suite's, or each claim's by its id; by default the ones in
    the table. They are used for claims that name no datasets. Claims about what models can do are
    withheld where `training` does not allow them to be decided, and claims whose metrics are fooled
    by the `selftests` recorded for them, by their id. A claim that has `looks`, by its
    id, is decided at the first of them that decides it, each at the level that they leave it;
    without any it has all of alpha. Raises BadInput for a metric that
    is not in `metrics`, and for a claim about the better side of a metric that has none.
    """
    default = list(dict.fromkeys(table["dataset"])) if datasets is None else datasets
    measured = seeds_by_dataset(table, seeds)
    trials = [
        _trial(
            claim,
            metrics,
            _sources(claim, measured, default, seeds),
            _State(training, (selftests or {}).get(claim.id, ())),
            looks,
        )
        for claim in claims
    ]
    alphas = _alphas(trials, claims)
    return [trial.verdict(alpha, len(trials)) for trial, alpha in zip(trials, alphas, strict=True)]


def decisions(
    claims: Sequence[Claim],
    measured: Mapping[str, Seeds],
    metrics: Mapping[str, Metric],
    *,
    training: SuiteTraining = UNKNOWN_TRAINING,
    looks: Mapping[str, ClaimLooks] | None = None,
) -> list[Decision]:
    """Returns the decision on each claim about all datasets in `measured`, or about those that it
    names: what `decide` rests on, without its words, so that it can be simulated many times.
    """
    trials = [
        _trial(
            claim,
            metrics,
            [measured[name] for name in claim.datasets or measured],
            _State(training),
            looks,
        )
        for claim in claims
    ]
    alphas = _alphas(trials, claims)
    return [_decision(*trial.decisive(alpha)) for trial, alpha in zip(trials, alphas, strict=True)]


def _sources(
    claim: Claim,
    measured: Mapping[str, Seeds],
    default: Sequence[str] | Mapping[str, Sequence[str]],
    seeds: int,
) -> list[Seeds]:
    """Returns the numbers of a claim's datasets."""
    of_suite = default[claim.id] if isinstance(default, Mapping) else default
    names = claim.datasets or of_suite
    return [measured.get(name, Seeds(name, {}, (), seeds)) for name in names]


def _trial(
    claim: Claim,
    metrics: Mapping[str, Metric],
    sources: Sequence[Seeds],
    state: _State,
    looks: Mapping[str, ClaimLooks] | None,
) -> _Looked:
    """Returns a claim at each of its looks."""
    of_claim = (looks or {}).get(claim.id)
    if of_claim is None or not of_claim.seeds:
        return _Looked((_case(claim, metrics, sources, state),))
    at_looks = [[source.at(look) for source in sources] for look in of_claim.seeds]
    return _Looked(tuple(_case(claim, metrics, some, state) for some in at_looks), of_claim)


def _alphas(trials: Sequence[_Looked], claims: Sequence[Claim]) -> list[float]:
    """Returns the alpha that Holm's correction leaves each claim."""
    return holm.levels([trial.p for trial in trials], [claim.alpha for claim in claims])


@dataclass(frozen=True)
class _Looked:
    """A claim at each of its looks. Without looks it is judged once, with all of alpha."""

    cases: tuple[_Case, ...]
    looks: ClaimLooks | None = None

    @property
    def p(self) -> float:
        """The smallest alpha, for all looks together, at which any look decides the claim."""
        return min(map(self._overall, range(len(self.cases))))

    def decisive(self, alpha: float) -> tuple[_Case, float]:
        """Returns the claim at the first look that decides, or else at the last, with the alpha
        that this look has.
        """
        look = self._look(alpha)
        plan = None if self.looks is None else self.looks.plan
        return self.cases[look], max(LEAST_LEVEL, plan.level(look, alpha)) if plan else alpha

    def verdict(self, alpha: float, claims: int) -> Verdict:
        """Returns the verdict of the first look that decides, or else of the last."""
        verdict = _verdict(*self.decisive(alpha), claims)
        if self.looks is None:
            return verdict
        which = looks_text(self.looks.plan.seeds, self._look(alpha))
        method = f"{verdict.method}{which}" if verdict.method else ""
        return replace(verdict, method=method, looks=self.looks)

    def _look(self, alpha: float) -> int:
        looks = range(len(self.cases))
        return next((k for k in looks if self._overall(k) <= alpha), looks[-1])

    def _overall(self, look: int) -> float:
        case = self.cases[look]
        if self.looks is None or case.problem:
            return case.p
        return self.looks.plan.overall(look, case.p)


@dataclass(frozen=True)
class _State:
    """What a claim waits for besides its own numbers."""

    training: SuiteTraining
    selftests: Sequence[SelftestResult] = ()


def _case(
    claim: Claim, metrics: Mapping[str, Metric], sources: Sequence[Seeds], state: _State
) -> _Case:
    """Pairs the values of a claim on each of its datasets, and tests them."""
    for name in claim.measured:
        if name not in metrics:
            raise BadInput(f"claim {claim.id!r}: unknown metric {name!r}{suggest(name, metrics)}")
    if reason := without_side(claim, metrics):
        raise BadInput(f"claim {claim.id!r}: {reason}")

    def answer(question: AnyQuestion, source: Seeds) -> PairedSeeds:
        if isinstance(question, RankQuestion):
            return rank_correlation(question, claim.failures, metrics, source)
        if isinstance(question, FrontierQuestion):
            return compare_frontiers(question, claim.failures, metrics, source)
        metric = metrics[question.metric]
        if isinstance(question, SuccessQuestion):
            return compare_success(question, claim.failures, metric, source)
        return pair_seeds(question, claim.failures, metric, source)

    groups = [
        [answer(question, source) for question in questions for source in sources]
        for questions in questions_of(claim, metrics)
    ]
    if claim.datasets is None:
        # All datasets on which the metric applies; if there are none, all, with their reasons.
        groups = [[part for part in group if part.applies] or group for group in groups]
    pairs = tuple(part for group in groups for part in group)
    if problem := _obstacle(claim, groups):
        return _Case(claim, pairs, problem=problem)
    averaged = claim.over == "average"
    tests = tuple(map(average_test, groups)) if averaged else tuple(map(single_test, pairs))
    names = dict.fromkeys(part.dataset for part in pairs)
    withheld = [
        *fooling_obstacles(claim, metrics, names, state.selftests),
        *ability_obstacles(claim, metrics, names, state.training),
    ]
    return _Case(claim, pairs, tests, _first([*(test.problem for test in tests), *withheld]))


def _obstacle(claim: Claim, groups: Sequence[Sequence[PairedSeeds]]) -> str:
    """Says why the pairings cannot be tested at all; empty where they can."""
    pairs = [part for group in groups for part in group]
    if not pairs:
        return "nothing has been measured"
    if problem := _first(part.problem for part in pairs):
        return problem
    for group in groups if claim.over == "average" else ():
        if len({(part.kind, part.sign, part.unit, part.margin) for part in group}) > 1:
            return "an average over metrics of different scale, direction or unit means nothing"
    return ""


def _first(problems: Iterable[str]) -> str:
    """Returns the first problem that is not empty, and how many others there are."""
    first, *others = dict.fromkeys(filter(None, problems)) or ("",)
    return first + (f" (and {len(others)} more)" if others else "")


def _verdict(case: _Case, alpha: float, claims: int) -> Verdict:
    """Returns the verdict at the alpha that Holm's correction over `claims` claims leaves."""
    decision = _decision(case, alpha)
    key, level, needed = decision.test, decision.level, None
    if key is None:
        testable = case.tests and not any(test.problem for test in case.tests)
        parts = tuple(_part(pairs, level if testable else None) for pairs in case.pairs)
        sentence = f"Not evaluable: {case.problem}."
        return Verdict(case.claim, "not evaluable", sentence, parts, reason=case.problem)
    words = Wording(case.claim, case.tests)
    if decision.outcome == "supported":
        sentence = words.supported(key, level)
    elif decision.outcome == "refuted":
        sentence = words.refuted(key, level)
    else:
        needed = key.seeds_needed(level)
        sentence = words.inconclusive(key, level, needed)
    return Verdict(
        case.claim,
        decision.outcome,
        sentence,
        tuple(_part(pairs, level) for pairs in case.pairs),
        key.effect(level),
        words.about(key),
        case.p,
        level,
        seeds_needed=needed,
        method=words.method(level, claims),
        unit=key.pairs[0].unit,
    )


def _decision(case: _Case, alpha: float) -> Decision:
    """Returns the decision on a claim at the alpha that Holm's correction leaves."""
    if case.problem:
        return Decision("not evaluable", None, 1 - alpha)
    weakest = max(case.tests, key=lambda test: test.p_supported)
    strongest = min(case.tests, key=lambda test: test.p_refuted)
    if case.p_supported <= alpha:
        return Decision("supported", weakest, 1 - alpha)
    if case.p_refuted <= alpha:
        return Decision("refuted", strongest, 1 - alpha / len(case.tests))
    return Decision("inconclusive", *_most_doubtful(case, alpha, weakest, strongest))


def _most_doubtful(
    case: _Case, alpha: float, weakest: ClaimTest, strongest: ClaimTest
) -> tuple[ClaimTest, float]:
    """Returns the comparison that leaves a claim undecided, and the confidence that decides it: one
    that is the same in all seeds and contradicts the claim, or else the one that supports it least.
    """
    if not strongest.varies and strongest.p_refuted < strongest.p_supported:
        return strongest, 1 - alpha / len(case.tests)
    return weakest, 1 - alpha


def _part(pairs: PairedSeeds, level: float | None) -> VerdictPart:
    """Returns the record of a pairing, with its own interval if it can be tested."""
    test = single_test(pairs)
    problem = pairs.problem or test.problem
    effect = test.effect(level) if level is not None and not problem else None
    return VerdictPart(
        pairs.metric,
        pairs.model,
        pairs.dataset,
        pairs.blocks,
        effect,
        pairs.note,
        problem,
        pairs.title,
        pairs.other,
        pairs.unit,
        pairs.protocol,
    )
