"""Verdicts on claims: supported, refuted, inconclusive or not evaluable, with the evidence.

A claim asks one or several questions (`harness.claims.questions`); each, on each dataset, is a
comparison with a t interval over its blocks. Let a be the alpha that Holm's correction over the
suite leaves the claim, and K the number of its comparisons.

- supported: every interval of level 1 − a lies where the claim says, beyond the margin or, for an
  equivalence, within it (an intersection-union test, Berger 1982, which needs no correction for K);
- refuted: some interval of level 1 − a/K lies on the other side of zero or, with a margin above
  zero, within ± the margin; for an equivalence, outside of it (any one of K may refute, hence
  Bonferroni's K);
- inconclusive: otherwise;
- not evaluable: what there is cannot be tested; the reason says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from harness.claims.agreement import rank_correlation
from harness.claims.blocks import Block, PairedSeeds, Seeds, by_dataset, pair
from harness.claims.effects import ClaimTest, Effect, test_average, test_single
from harness.claims.questions import Question, RankQuestion, questions_of
from harness.claims.wording import Wording
from harness.config.claim import Claim
from harness.core.errors import BadInput, suggest
from harness.metrics.base import Metric
from harness.plan.claims import without_side
from harness.statistics import holm
from harness.statistics.intervals import seeds_needed

Outcome = Literal["supported", "refuted", "inconclusive", "not evaluable"]


@dataclass(frozen=True)
class VerdictPart:
    """One comparison of a claim. `effect` is None where `problem` says why it was not tested.
    `title` is what is compared ("FID"), `other` what it is compared with, and `protocol` how the
    numbers were measured.
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
        """The MLflow runs that it rests on."""
        return tuple(dict.fromkeys(run for block in self.blocks for run in block.runs))


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of a claim.

    `effect` is that of the comparison the verdict hangs on, which `about` names: the weakest of
    those that support, the strongest of those that refute. `p` is the smallest alpha at which the
    claim would be decided by itself, `level` that of the interval after Holm's correction, and
    `method` says in a sentence what was tested; `unit` is that of the effect. `reason` says why a
    claim is not evaluable. `seeds_needed` belongs to inconclusive claims, where None means more
    than a thousand.
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

    @property
    def runs(self) -> tuple[str, ...]:
        """The MLflow runs that it rests on."""
        return tuple(dict.fromkeys(run for part in self.parts for run in part.runs))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            **values,
            "claim": self.claim.model_dump(mode="json"),
            "parts": [dataclasses.asdict(part) for part in self.parts],
            "effect": dataclasses.asdict(self.effect) if self.effect else None,
        }


@dataclass(frozen=True)
class _Case:
    """A claim with what was gathered for it, before the other claims are known."""

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
        """One where it cannot be evaluated: it still counts among the claims of the suite."""
        return 1.0 if self.problem else min(self.p_supported, self.p_refuted)


def decide(
    claims: Sequence[Claim],
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    seeds: int,
    datasets: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
) -> list[Verdict]:
    """A verdict on each claim, from the tidy table (`harness.core.measurement.COLUMNS`).

    `seeds` is how many the suite asks for; fewer in the table are missing cells. `datasets` are
    those of the suite, or of each claim by its id; if not said, those of the table. Raises BadInput
    for a metric that is not in `metrics`.
    """
    everywhere = list(dict.fromkeys(table["dataset"])) if datasets is None else datasets
    measured = by_dataset(table, seeds)
    cases = []
    for claim in claims:
        where = everywhere[claim.id] if isinstance(everywhere, Mapping) else everywhere
        names = claim.datasets or where
        sources = [measured.get(name, Seeds(name, {}, (), seeds)) for name in names]
        cases.append(_gather(claim, metrics, sources))
    alphas = holm.levels([case.p for case in cases], [claim.alpha for claim in claims])
    return [_verdict(case, a, len(cases)) for case, a in zip(cases, alphas, strict=True)]


def _gather(claim: Claim, metrics: Mapping[str, Metric], sources: Sequence[Seeds]) -> _Case:
    """The pairings of a claim on each of its datasets, with their tests."""
    for name in claim.measured:
        if name not in metrics:
            raise BadInput(f"claim {claim.id!r}: unknown metric {name!r}{suggest(name, metrics)}")
    if reason := without_side(claim, metrics):
        raise BadInput(f"claim {claim.id!r}: {reason}")

    def answer(question: Question | RankQuestion, source: Seeds) -> PairedSeeds:
        if isinstance(question, RankQuestion):
            return rank_correlation(question, claim.failures, metrics, source)
        return pair(question, claim.failures, metrics[question.metric], source)

    groups = [
        [answer(question, source) for question in questions for source in sources]
        for questions in questions_of(claim, metrics)
    ]
    if claim.datasets is None:
        # All datasets on which the metric applies; where there is none, the reasons are kept.
        groups = [[part for part in group if part.applies] or group for group in groups]
    pairs = tuple(part for group in groups for part in group)
    if problem := _obstacle(claim, groups):
        return _Case(claim, pairs, problem=problem)
    averaged = claim.over == "average"
    tests = tuple(map(test_average, groups)) if averaged else tuple(map(test_single, pairs))
    # What speaks against the claim comes first.
    opposed_first = sorted(tests, key=lambda test: not (test.problem and test.opposed))
    return _Case(claim, pairs, tests, _first(test.problem for test in opposed_first))


def _obstacle(claim: Claim, groups: Sequence[Sequence[PairedSeeds]]) -> str:
    """What keeps the pairings from being tested at all."""
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
    found = list(dict.fromkeys(problem for problem in problems if problem))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return found[0] + more if found else ""


def _verdict(case: _Case, a: float, claims: int) -> Verdict:
    if case.problem:
        parts = tuple(_part(pairs, None) for pairs in case.pairs)
        sentence = f"Not evaluable: {case.problem}."
        return Verdict(case.claim, "not evaluable", sentence, parts, reason=case.problem)
    words = Wording(case.claim, case.tests)
    weakest = max(case.tests, key=lambda test: test.p_supported)
    strongest = min(case.tests, key=lambda test: test.p_refuted)
    outcome: Outcome = "inconclusive"
    key, level, needed = weakest, 1 - a, None
    if case.p_supported <= a:
        outcome = "supported"
        sentence = words.supported(key, level)
    elif case.p_refuted <= a:
        outcome, key, level = "refuted", strongest, 1 - a / len(case.tests)
        sentence = words.refuted(key, level)
    else:
        needed = seeds_needed(key.contrast, key.margin, level, key.seeds, key.goal)
        sentence = words.inconclusive(key, level, needed)
    return Verdict(
        case.claim, outcome, sentence, tuple(_part(pairs, level) for pairs in case.pairs),
        key.effect(level), words.about(key), case.p, level, seeds_needed=needed,
        method=words.method(level, claims), unit=key.pairs[0].unit,
    )  # fmt: skip


def _part(pairs: PairedSeeds, level: float | None) -> VerdictPart:
    """The record of a pairing, with its own interval where it can have one."""
    alone = test_single(pairs)
    problem = pairs.problem or alone.problem
    effect = alone.effect(level) if level is not None and not problem else None
    return VerdictPart(
        pairs.metric, pairs.model, pairs.dataset, pairs.blocks, effect, pairs.note, problem,
        pairs.title, pairs.other, pairs.unit, pairs.protocol,
    )  # fmt: skip
