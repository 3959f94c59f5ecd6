"""Verdicts on claims: supported, refuted, inconclusive or not evaluable, with the evidence.

Every comparison of a claim (a metric, a model, a dataset) has a paired t interval over its
blocks. Let a be the alpha that Holm's correction over the suite leaves the claim, and K the
number of its comparisons.

- supported: every interval of level 1 − a lies beyond the margin (an intersection-union test,
  Berger 1982, which needs no correction for K);
- refuted: some interval of level 1 − a/K lies on the other side of zero or, with a margin above
  zero, within ± the margin (any one of K may refute, hence Bonferroni's K);
- inconclusive: otherwise;
- not evaluable: what there is cannot be tested; the reason says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from harness.analysis import holm
from harness.analysis.blocks import Block, Pairs, Seeds, pair
from harness.analysis.effects import Comparison, Effect, average, single
from harness.analysis.intervals import seeds_needed
from harness.analysis.wording import Wording
from harness.metrics.base import Metric
from harness.spec.claim import Claim
from harness.spec.errors import BadInput, suggest

Outcome = Literal["supported", "refuted", "inconclusive", "not evaluable"]


@dataclass(frozen=True)
class Part:
    """One comparison of a claim. `effect` is None where `problem` says why it was not tested."""

    metric: str
    model: str
    dataset: str
    blocks: tuple[Block, ...]
    effect: Effect | None = None
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of a claim.

    `effect` is that of the comparison the verdict hangs on, which `about` names: the weakest of
    those that support, the strongest of those that refute. `p` is the smallest alpha at which the
    claim would be decided by itself, `level` that of the interval after Holm's correction.
    `reason` says why a claim is not evaluable. `seeds_needed` belongs to inconclusive claims,
    where None means more than a thousand.
    """

    claim: Claim
    outcome: Outcome
    sentence: str
    parts: tuple[Part, ...]
    effect: Effect | None = None
    about: str = ""
    p: float | None = None
    level: float | None = None
    reason: str = ""
    seeds_needed: int | None = None

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
    pairs: tuple[Pairs, ...]
    tests: tuple[Comparison, ...] = ()
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


def judge(
    claims: Sequence[Claim],
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    seeds: int,
    datasets: Sequence[str] | None = None,
) -> list[Verdict]:
    """A verdict on each claim, from the tidy table (`harness.spec.measurement.COLUMNS`).

    `seeds` is how many the suite asks for; fewer in the table are missing cells. `datasets` are
    those of the suite; if not said, those of the table. Raises BadInput for a metric that is not
    in `metrics`.
    """
    names = list(dict.fromkeys(table["dataset"])) if datasets is None else list(datasets)
    cases = [_gather(claim, table, metrics, seeds, names) for claim in claims]
    alphas = holm.levels([case.p for case in cases], [claim.alpha for claim in claims])
    return [_verdict(case, a, metrics) for case, a in zip(cases, alphas, strict=True)]


def _gather(
    claim: Claim,
    table: pd.DataFrame,
    metrics: Mapping[str, Metric],
    seeds: int,
    datasets: Sequence[str],
) -> _Case:
    for name in claim.metric:
        if name not in metrics:
            raise BadInput(f"claim {claim.id!r}: unknown metric {name!r}{suggest(name, metrics)}")
    sources = [Seeds.of(dataset, table, seeds) for dataset in claim.datasets or datasets]
    pairs = tuple(
        pair(claim, metrics[name], model, source)
        for name in claim.metric
        for model in claim.model
        for source in sources
    )
    if claim.datasets is None:
        # All datasets on which the metric applies; where there is none, the reasons are kept.
        pairs = tuple(part for part in pairs if part.applies) or pairs
    if problem := _obstacle(claim, pairs, metrics):
        return _Case(claim, pairs, problem=problem)
    tests = (average(pairs),) if claim.over == "average" else tuple(map(single, pairs))
    return _Case(claim, pairs, tests, _first(test.problem for test in tests))


def _obstacle(claim: Claim, pairs: Sequence[Pairs], metrics: Mapping[str, Metric]) -> str:
    """What keeps the pairings from being tested at all."""
    if not pairs:
        return "nothing has been measured"
    if problem := _first(part.problem for part in pairs):
        return problem
    kinds = {
        (p.kind, p.sign, metrics[p.metric].unit if p.kind == "difference" else "") for p in pairs
    }
    if claim.over == "average" and len(kinds) > 1:
        return "an average over metrics of different scale, direction or unit means nothing"
    return ""


def _first(problems: Iterable[str]) -> str:
    found = list(dict.fromkeys(problem for problem in problems if problem))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return found[0] + more if found else ""


def _verdict(case: _Case, a: float, metrics: Mapping[str, Metric]) -> Verdict:
    if case.problem:
        parts = tuple(_part(pairs, None) for pairs in case.pairs)
        sentence = f"Not evaluable: {case.problem}."
        return Verdict(case.claim, "not evaluable", sentence, parts, reason=case.problem)
    words = Wording(case.claim, case.tests, metrics)
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
        needed = seeds_needed(key.contrast, key.margin, level, key.seeds)
        sentence = words.inconclusive(key, level, needed)
    return Verdict(
        case.claim, outcome, sentence, tuple(_part(pairs, level) for pairs in case.pairs),
        key.effect(level), words.about(key), case.p, level, seeds_needed=needed,
    )  # fmt: skip


def _part(pairs: Pairs, level: float | None) -> Part:
    """The record of a pairing, with its own interval where it can have one."""
    alone = single(pairs)
    problem = pairs.problem or alone.problem
    effect = alone.effect(level) if level is not None and not problem else None
    return Part(pairs.metric, pairs.model, pairs.dataset, pairs.blocks, effect, pairs.note, problem)
