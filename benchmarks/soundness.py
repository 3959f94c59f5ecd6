"""How often verdicts and the regression gate are wrong, and how often they see what is there.

    python benchmarks/soundness.py [verdicts] [looks] [practice] [gate] [--simulations 1000]

Scores are made up, with known means, as a suite's tidy table or as a baseline and today's numbers,
and go through the harness's own `decide` and `compare_with_baseline`. `verdicts` counts false
verdicts, how often intervals cover the truth, and how often true claims are supported; `looks`
counts false verdicts where a claim is looked at again; `practice` sets verdicts beside what papers
do; `gate` counts false alarms and detections. All four if none is named. A rate that lies beyond
alpha with 99 % confidence (exact binomial) is marked with !. `docs/statistics.md` has the figures
and what follows from them.

It has another name than `statistics.py` would be, which Python's own module of that name, and so
every script in this folder, would stumble over.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import decide
from harness.config.claim import Claim
from harness.config.claim_shapes import make_claim
from harness.core.measurement import COLUMNS
from harness.leaderboards.aggregate import improvement_interval, iqm_interval
from harness.metrics.base import Estimate, Metric
from harness.regression.changes import MetricPair, RunSet
from harness.regression.check import compare_with_baseline, outcome
from harness.regression.tolerance import Tolerance

ALPHA = 0.05
Array = NDArray[np.float64]
T = TypeVar("T")


def metric(name: str, scale: str = "linear") -> Metric:
    return Metric(name, lambda: Estimate(0.0), "higher", name, "", scale)  # type: ignore[arg-type]


METRICS = {
    "score": metric("score"),
    "other": metric("other"),
    "ratio": metric("ratio", "log"),
    "share": replace(metric("share"), range=(0.0, 1.0)),
    "count": replace(metric("count"), range=(0.0, None), counts=True),
}


def standard(kind: str, rng: np.random.Generator, size: int) -> Array:
    """Scores of mean 0 and standard deviation 1; skewness 0, 3.7, 2, 0."""
    match kind:
        case "normal":
            return rng.standard_normal(size)
        case "log-normal":
            x = np.exp(0.8 * rng.standard_normal(size))
            return np.asarray((x - math.exp(0.32)) / math.sqrt(math.expm1(0.64) * math.exp(0.64)))
        case "exponential":
            return rng.exponential(size=size) - 1
        case "t3":
            return rng.standard_t(3, size) / math.sqrt(3)
    raise ValueError(kind)


KINDS = ("normal", "log-normal", "exponential", "t3")


def two_sides(
    kind: str, rng: np.random.Generator, n: int, shared: float = 0.5
) -> tuple[Array, Array]:
    """Two models' scores, of whose variance the seed has the part `shared`."""
    luck = standard(kind, rng, n)
    a, b = (math.sqrt(1 - shared) * standard(kind, rng, n) for _ in range(2))
    return math.sqrt(shared) * luck + a, math.sqrt(shared) * luck + b


Values = dict[tuple[str, str, str], Array]
"""Scores over seeds by dataset, model and metric; NaN where a cell diverged."""


def table(values: Values) -> pd.DataFrame:
    """The tidy table of a suite with these scores."""
    rows = [
        (
            dataset, model, seed, name, "ok" if math.isfinite(value) else "diverged", value,
            math.nan, "", "", name, name, "", "", f"{model}{seed}",
        )
        for (dataset, model, name), scores in values.items()
        for seed, value in enumerate(scores)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def claim(**changes: object) -> Claim:
    plain = {"id": "c", "statement": "S.", "metric": "score", "model": "a"}
    sides = {"above", "below", "against"} & changes.keys()
    return make_claim(**{**plain, **({} if sides else {"against": "b"}), **changes})


@dataclass(frozen=True)
class Case:
    """One simulated suite: its claims, which of them hold, whether the opposite holds, so that
    *refuted* is right, and the effect that intervals should cover, where there is one.
    """

    claims: tuple[Claim, ...]
    values: Values
    holds: tuple[bool, ...] = (False,)
    effect: float | None = 0.0
    opposite: bool = False


Make = Callable[[np.random.Generator, int], Case]


def pair_case(
    a: Array,
    b: Array,
    effect: float | None = 0.0,
    holds: bool = False,
    opposite: bool = False,
    **changes: object,
) -> Case:
    name = str(changes.get("metric", "score"))
    values = {("d", "a", name): a, ("d", "b", name): b}
    return Case((claim(**changes),), values, (holds,), effect, opposite)


def equal_models(kind: str) -> Make:
    return lambda rng, n: pair_case(*two_sides(kind, rng, n))


def other_shapes(mine: str, theirs: str) -> Make:
    return lambda rng, n: pair_case(standard(mine, rng, n), standard(theirs, rng, n))


def threshold(kind: str, side: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        values = {("d", "a", "score"): standard(kind, rng, n)}
        return Case((claim(**{side: 0.0}),), values)

    return make


def ratios(draw: Callable[[np.random.Generator, int], Array]) -> Make:
    return lambda rng, n: pair_case(draw(rng, n), draw(rng, n), 1.0, metric="ratio")


def at_the_margin(shape: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        a, b = two_sides("normal", rng, n)
        return pair_case(a + 1.0, b, 1.0, delta=1.0, shape=shape)

    return make


def five_claims(true: int) -> Make:
    """The first `true` of them with a difference of three standard deviations."""

    def make(rng: np.random.Generator, n: int) -> Case:
        values: Values = {}
        for i in range(5):
            a, b = two_sides("normal", rng, n)
            values |= {(f"d{i}", "a", "score"): a + 3.0 * (i < true), (f"d{i}", "b", "score"): b}
        claims = tuple(claim(id=f"c{i}", datasets=[f"d{i}"]) for i in range(5))
        return Case(claims, values, tuple(i < true for i in range(5)), None)

    return make


def three_datasets(over: str) -> Make:
    """`every`: better on two of three. `average`: better on one as much as worse on another."""

    def make(rng: np.random.Generator, n: int) -> Case:
        shifts = (2.0, 2.0, 0.0) if over == "every" else (2.0, -2.0, 0.0)
        values: Values = {}
        for i, shift in enumerate(shifts):
            a, b = two_sides("normal", rng, n)
            values |= {(f"d{i}", "a", "score"): a + shift, (f"d{i}", "b", "score"): b}
        return Case((claim(over=over),), values, effect=0.0 if over == "average" else None)

    return make


def alike_blocks(rng: np.random.Generator, n: int) -> Case:
    """Of the variance of a difference, 30 % is common to all seeds, as from one draw of test
    images or one teacher.
    """
    a, b = two_sides("normal", rng, n)
    return pair_case(a + math.sqrt(0.3 / 0.7) * rng.standard_normal(), b)


def tied(rng: np.random.Generator, n: int) -> Case:
    a, b = two_sides("normal", rng, n)
    return pair_case(np.round(a), np.round(b))


def failing(rule: str, who: str, how: str = "by chance") -> Make:
    """A fifth of one side's cells diverges: any, or the worst of them."""

    def make(rng: np.random.Generator, n: int) -> Case:
        sides = dict(zip("ab", two_sides("normal", rng, n), strict=True))
        bad = rng.random(n) < 0.2 if how == "by chance" else sides[who] < stats.norm.ppf(0.2)
        sides[who] = np.where(bad, math.nan, sides[who])
        lost = rule == "lose"  # then the rule itself makes the side that fails the worse one
        holds, opposite = lost and who == "b", lost and who == "a"
        return pair_case(sides["a"], sides["b"], None, holds, opposite, failures=rule)

    return make


def counts(modes: int, kept: float) -> Make:
    """The numbers of modes that two equal models keep, of `modes` in all, each mode with the
    probability `kept`; the seed decides for half of the modes, alike for both.
    """

    def make(rng: np.random.Generator, n: int) -> Case:
        both = rng.binomial(modes // 2, kept, n)
        a, b = (both + rng.binomial(modes - modes // 2, kept, n) for _ in range(2))
        return pair_case(a.astype(float), b.astype(float), metric="count")

    return make


def count_threshold(modes: int, kept: float, side: str) -> Make:
    """The number of modes that a model keeps, as `counts`, against its true mean."""

    def make(rng: np.random.Generator, n: int) -> Case:
        values = {("d", "a", "count"): rng.binomial(modes, kept, n).astype(float)}
        return Case((claim(metric="count", **{side: modes * kept}),), values)

    return make


def beta(mean: float, deviation: float) -> Callable[[np.random.Generator, int], Array]:
    precision = mean * (1 - mean) / deviation**2 - 1
    return lambda rng, n: rng.beta(mean * precision, (1 - mean) * precision, n)


def shares(mean: float, deviation: float) -> Make:
    draw = beta(mean, deviation)
    return lambda rng, n: pair_case(draw(rng, n), draw(rng, n), metric="share")


def share_threshold(mean: float, deviation: float, side: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        values = {("d", "a", "share"): beta(mean, deviation)(rng, n)}
        return Case((claim(metric="share", **{side: mean}),), values)

    return make


def ratio_threshold(
    draw: Callable[[np.random.Generator, int], Array], mean: float, side: str
) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        return Case(
            (claim(metric="ratio", **{side: mean}),),
            {("d", "a", "ratio"): draw(rng, n)},
            effect=1.0,
        )

    return make


def log_normal(rng: np.random.Generator, n: int) -> Array:
    return np.exp(0.3 * rng.standard_normal(n))


def gamma(rng: np.random.Generator, n: int) -> Array:
    return rng.gamma(2.0, size=n)


SETTINGS: dict[str, Make] = {
    **{f"two equal models, {kind}": equal_models(kind) for kind in KINDS},
    "equal means, model exponential, rival normal": other_shapes("exponential", "normal"),
    "equal means, model normal, rival exponential": other_shapes("normal", "exponential"),
    **{
        f"{side} its true mean, {kind}": threshold(kind, side)
        for kind in KINDS
        for side in ("above", "below")
    },
    "log scale, log-normal": ratios(log_normal),
    "log scale, gamma": ratios(gamma),
    **{
        f"{side} its true geometric mean, {name}": ratio_threshold(draw, mean, side)
        for name, draw, mean in (
            ("log-normal", log_normal, 1.0),
            ("gamma", gamma, math.exp(float(special.digamma(2.0)))),
        )
        for side in ("above", "below")
    },
    **{
        f"counts: two equal models, {modes} modes, {100 * kept:g} % kept": counts(modes, kept)
        for modes, kept in ((8, 0.95), (25, 0.8), (25, 0.98), (1000, 0.9))
    },
    **{
        f"counts: {side} its true mean, {modes} modes, {100 * kept:g} % kept": count_threshold(
            modes, kept, side
        )
        for modes, kept in ((25, 0.8), (25, 0.98))
        for side in ("above", "below")
    },
    **{
        f"shares: two equal models, mean {mean:g}, sd {sd:g}": shares(mean, sd)
        for mean, sd in ((0.5, 0.1), (0.97, 0.03), (0.99, 0.02))
    },
    **{
        f"shares: {side} its true mean {mean:g}, sd {sd:g}": share_threshold(mean, sd, side)
        for mean, sd in ((0.5, 0.1), (0.9, 0.05), (0.97, 0.03), (0.99, 0.02))
        for side in ("above", "below")
    },
    "better by exactly the margin": at_the_margin("comparison"),
    "equivalent, different by exactly the margin": at_the_margin("equivalence"),
    "five claims, none true": five_claims(0),
    "five claims, two true": five_claims(2),
    "on every of three datasets, true on two": three_datasets("every"),
    "on average over three datasets": three_datasets("average"),
    "seeds that share noise (r = 0.3)": alike_blocks,
    "ties: rounded to a standard deviation": tied,
    "a fifth of the model's cells fails, withhold": failing("withhold", "a"),
    "a fifth of the model's cells fails, drop": failing("drop", "a"),
    "the model's worst fifth fails, drop": failing("drop", "a", "the worst"),
    "a fifth of the model's cells fails, lose": failing("lose", "a"),
    "a fifth of the rival's cells fails, lose": failing("lose", "b"),
}


@dataclass
class Tally:
    """Counts over simulated suites. A suite is false where any of its claims is."""

    suites: int = 0
    false_supported: int = 0
    false_refuted: int = 0
    covered: int = 0
    with_interval: int = 0

    def add(self, case: Case, n: int) -> None:
        names = list(dict.fromkeys(dataset for dataset, *_ in case.values))
        verdicts = decide(case.claims, table(case.values), METRICS, n, names)
        outcomes = [verdict.outcome for verdict in verdicts]
        self.suites += 1
        self.false_supported += ("supported", False) in zip(outcomes, case.holds, strict=True)
        self.false_refuted += "refuted" in outcomes and not case.opposite
        effect = verdicts[0].effect
        if case.effect is not None and effect and abs(effect.level - (1 - ALPHA)) < 1e-9:
            self.with_interval += 1
            self.covered += effect.low <= case.effect <= effect.high


def simulate(setting: str, n: int, simulations: int) -> Tally:
    rng, tally = np.random.default_rng([0, n]), Tally()
    for _ in range(simulations):
        tally.add(SETTINGS[setting](rng, n), n)
    return tally


def in_parallel(function: Callable[..., T], calls: Iterable[Sequence[object]]) -> Iterator[T]:
    """The function's results in the order of the calls, computed on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, *zip(*calls, strict=True))


def beyond(count: int, total: int, limit: float = ALPHA) -> bool:
    """Whether a rate lies above `limit` with 99 % confidence (Clopper & Pearson 1934)."""
    return bool(count and stats.beta.ppf(0.01, count, total - count + 1) > limit)


def share(count: int, total: int, mark: bool = False) -> str:
    if not total:
        return "–"
    return f"{100 * count / total:.1f}" + " !" * (mark and beyond(count, total))


def show(title: str, headings: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(headings)} |")
    print("|---" + "|--:" * (len(headings) - 1) + "|", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def error(rate: float, count: int) -> str:
    """Of a share in per cent: the standard error that so many simulations leave."""
    return f"{100 * math.sqrt(rate * (1 - rate) / count):.1f}"


def verdicts(simulations: int, seeds: Sequence[int], only: str = "") -> None:
    names = [name for name in SETTINGS if only in name]

    def rows() -> Iterator[Sequence[str]]:
        tallies = in_parallel(simulate, [(name, n, simulations) for name in names for n in seeds])
        for name in names:
            found = [next(tallies) for _ in seeds]
            supported = [share(t.false_supported, t.suites, True) for t in found]
            refuted = [share(t.false_refuted, t.suites, True) for t in found]
            coverage = [share(t.covered, t.with_interval) for t in found]
            yield [name, *supported, *refuted, *coverage]

    kinds = ("supported", "refuted", "covers")
    show(
        f"False *supported* and *refuted*, and coverage of the 95 % interval, in % of {simulations}"
        f" suites (standard error at 5 %: {error(ALPHA, simulations)})",
        ["setting", *(f"{kind}, {n}" for kind in kinds for n in seeds)],
        rows(),
    )


# -- looking again ---------------------------------------------------------------------------------

LOOKS = (3, 5, 8, 10, 15, 20)


def looked_at(kind: str, most: int | None, count: int, simulations: int) -> tuple[int, int, int]:
    """How often a claim about two equal models is supported, refuted, and decided, with `count`
    looks; `most` is the declared number of seeds, 0 where every look has all of alpha.
    """
    rng = np.random.default_rng([4, count])
    seeds = LOOKS[:count]
    outcomes = []
    for _ in range(simulations):
        case = pair_case(*two_sides(kind, rng, seeds[-1]))
        looks = ClaimLooks(tuple(tuple(range(n)) for n in seeds), most)
        plans = [looks] if most != 0 else [ClaimLooks((look,), len(look)) for look in looks.seeds]
        frame = table(case.values)
        ends = [
            decide(case.claims, frame, METRICS, seeds[-1], ["d"], looks={"c": plan})[0].outcome
            for plan in plans
        ]
        outcomes.append(next((end for end in ends if end in ("supported", "refuted")), ends[-1]))
    supported, refuted = outcomes.count("supported"), outcomes.count("refuted")
    return supported, refuted, supported + refuted


def repeated_looks(simulations: int, _: Sequence[int]) -> None:
    """False verdicts on two equal models where a claim is looked at again with more seeds."""
    plans = {"all of alpha at each look": 0, "undeclared": None, "20 seeds declared": 20}
    calls = [
        (kind, most, count, simulations)
        for kind in ("normal", "log-normal", "t3")
        for most in plans.values()
        for count in (1, 3, 6)
    ]
    names = {most: name for name, most in plans.items()}
    show(
        f"False verdicts under looks at {', '.join(map(str, LOOKS))} seeds, in % of {simulations}"
        f" suites (standard error at 5 %: {error(ALPHA, simulations)})",
        ["scores, alpha, looks", "supported", "refuted", "either"],
        (
            [
                f"{kind}, {names[most]}, {count}",
                *(share(hits, simulations, most != 0) for hits in counts),
            ]
            for (kind, most, count, _), counts in zip(
                calls, in_parallel(looked_at, calls), strict=True
            )
        ),
    )


# -- what papers do -------------------------------------------------------------------------------

Rule = Callable[[Array, Array], bool]


def spreads_apart(a: Array, b: Array) -> bool:
    """Mean ± standard deviation of one does not overlap with the other's."""
    return bool(a.mean() - a.std(ddof=1) > b.mean() + b.std(ddof=1))


def best_wins(a: Array, b: Array) -> bool:
    """The best seed of one is better than the best of the other."""
    return bool(a.max() > b.max())


def mean_wins(a: Array, b: Array) -> bool:
    return bool(a.mean() > b.mean())


def verdict(a: Array, b: Array) -> bool:
    case = pair_case(a, b)
    return decide(case.claims, table(case.values), METRICS, len(a))[0].outcome == "supported"


def iqms_apart(a: Array, b: Array) -> bool:
    """The 95 % bootstrap intervals of the interquartile means do not overlap."""
    mine, theirs = iqm_interval([a]), iqm_interval([b])
    return bool(mine and theirs and mine[0] > theirs[1])


def likely_better(a: Array, b: Array) -> bool:
    """The 95 % bootstrap interval of the probability of improvement lies above one half."""
    found = improvement_interval([a], [b])
    return bool(found and found[0] > 0.5)


RULES: dict[str, Rule] = {
    "supported": verdict,
    "mean ± sd apart": spreads_apart,
    "better mean": mean_wins,
    "best of n": best_wins,
    "IQMs apart": iqms_apart,
    "P(improvement) > ½": likely_better,
}


def says_better(kind: str, n: int, effect: float, simulations: int) -> list[int]:
    """How often each rule says that a model is better whose mean is `effect` deviations higher."""
    rng, counts = np.random.default_rng([1, n]), [0] * len(RULES)
    for _ in range(simulations):
        a, b = two_sides(kind, rng, n)
        for i, rule in enumerate(RULES.values()):
            counts[i] += rule(a + effect, b)
    return counts


def practice(simulations: int, seeds: Sequence[int]) -> None:
    """Each rule on the same scores. The last two are those of rliable (Agarwal et al. 2021,
    arXiv:2108.13264), as `harness.leaderboards.aggregate` has them; a test holds it to rliable's.
    """
    effects = {kind: (0.0, 1.0, 2.0, 3.0) if kind == "normal" else (0.0, 2.0) for kind in KINDS}
    calls = [
        (kind, n, effect, simulations)
        for kind, some in effects.items()
        for n in seeds
        for effect in some
    ]
    named = (f"{kind}, {n} seeds, {effect:g} sd" for kind, n, effect, _ in calls)
    show(
        f'How often "a is better" is said of a model better by so much, in % of {simulations} pairs'
        f" (standard error at 5 %: {error(ALPHA, simulations)})",
        ["scores", *RULES],
        (
            [name, *(share(count, simulations) for count in counts)]
            for name, counts in zip(named, in_parallel(says_better, calls), strict=True)
        ),
    )
    coverage(simulations, seeds)


def covering(kind: str, n: int, simulations: int) -> list[int]:
    """How many intervals of each sort cover the mean."""
    rng, hits = np.random.default_rng([2, n]), np.zeros(3, int)
    for _ in range(simulations):
        hits += [low <= 0 <= high for low, high in _intervals(standard(kind, rng, n))]
    return [int(count) for count in hits]


def coverage(simulations: int, seeds: Sequence[int]) -> None:
    """Of 95 % intervals of one mean: t, percentile bootstrap and BCa."""
    calls = [(kind, n, simulations) for kind in KINDS for n in seeds]
    show(
        f"Coverage of 95 % intervals of a mean, in % of {simulations} samples",
        ["scores", "t", "percentile bootstrap", "BCa bootstrap"],
        (
            [f"{kind}, {n} seeds", *(share(hit, simulations) for hit in hits)]
            for (kind, n, _), hits in zip(calls, in_parallel(covering, calls), strict=True)
        ),
    )


def _intervals(x: Array) -> list[tuple[float, float]]:
    found = [stats.t.interval(0.95, len(x) - 1, x.mean(), stats.sem(x))]
    for method in ("percentile", "bca"):
        ends = stats.bootstrap(
            (x,), np.mean, n_resamples=1000, method=method, rng=np.random.default_rng(0)
        ).confidence_interval
        found.append((ends.low, ends.high))
    return [(float(low), float(high)) for low, high in found]


# -- the gate -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checks:
    """Simulated checks: seeds of the baseline and of today, the correlation of a seed's two values
    (None where the seeds are others), how many comparisons, and the tolerance in deviations.
    """

    before: int
    now: int
    shared: float | None
    comparisons: int = 1
    kind: str = "normal"
    tolerance: float | None = None

    @property
    def name(self) -> str:
        seeds = f"{self.before} seeds" if self.before == self.now else f"{self.before}/{self.now}"
        how = "others" if self.shared is None else f"the same, r = {self.shared:g}"
        many = f"{self.comparisons} comparison{'s' * (self.comparisons > 1)}"
        return f"{self.kind}; {seeds}, {how}; {many}"

    def one(self, rng: np.random.Generator, effect: float) -> str:
        """The outcome of a check whose first comparison is worse by `effect` deviations."""
        pairs = (self._pair(rng, effect * (i == 0)) for i in range(self.comparisons))
        return outcome(compare_with_baseline(pairs)[0])

    def _pair(self, rng: np.random.Generator, effect: float) -> MetricPair:
        most = max(self.before, self.now)
        old, new = two_sides(self.kind, rng, most, self.shared or 0.0)
        first = 100 if self.shared is None else 0
        tolerance = None if self.tolerance is None else Tolerance(self.tolerance)
        return MetricPair(
            "d", "m", METRICS["score"],
            _side(old[: self.before], 0), _side(new[: self.now] - effect, first), tolerance,
        )  # fmt: skip


def _side(values: Array, first: int) -> RunSet:
    numbers = {first + i: float(x) for i, x in enumerate(values)}
    return RunSet(numbers, {}, {seed: f"{seed}" for seed in numbers})


def rates(checks: Checks, effect: float, simulations: int) -> tuple[int, int]:
    """How many of the checks say "regression", and how many "no regression"."""
    rng = np.random.default_rng([3, checks.before, checks.now])
    said = [checks.one(rng, effect) for _ in range(simulations)]
    return said.count("regression"), said.count("no regression")


def gate(simulations: int, seeds: Sequence[int]) -> None:
    same = [Checks(n, n, r, k) for k in (1, 6) for n in seeds for r in (0.9, 0.5)]
    others = [
        Checks(a, b, None, k) for k in (1, 6) for a in seeds for b in seeds if a >= b and a + b > 8
    ]
    effects = (0.0, 1.0, 2.0, 3.0)
    _rates(
        f"Exit 1 / exit 0, in % of {simulations} checks, one comparison worse by so much (standard"
        f" error at 5 %: {error(ALPHA, simulations)})",
        [*same, *others], effects, simulations,
    )  # fmt: skip
    _rates(
        f"The same by the shape of the scores, nothing worse, {simulations} checks",
        [Checks(5, 5, r, 6, kind) for kind in KINDS for r in (0.5, None)], [0.0], simulations,
    )  # fmt: skip
    _rates(
        f"With a tolerance of one deviation, {simulations} checks",
        [Checks(n, n, r, tolerance=1.0) for n in seeds for r in (0.9, 0.5)], effects, simulations,
    )  # fmt: skip


def _rates(
    title: str, checks: Sequence[Checks], effects: Sequence[float], simulations: int
) -> None:
    found = in_parallel(rates, [(c, effect, simulations) for c in checks for effect in effects])

    def cell(checks: Checks, effect: float) -> str:
        alarms, passes = next(found)
        nothing_wrong = effect <= (checks.tolerance or 0.0)
        return f"{share(alarms, simulations, nothing_wrong)} / {share(passes, simulations)}"

    show(
        title,
        ["scores and seeds, baseline and now", *(f"{effect:g} sd" for effect in effects)],
        ([c.name, *(cell(c, effect) for effect in effects)] for c in checks),
    )


PARTS: dict[str, Callable[[int, Sequence[int]], None]] = {
    "verdicts": verdicts,
    "looks": repeated_looks,
    "practice": practice,
    "gate": gate,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--seeds", default="3,5,10", help="how many seeds, e.g. 3,5,10")
    parser.add_argument("--only", default="", help="the settings of verdicts with this text")
    arguments = parser.parse_args()
    seeds = [int(n) for n in arguments.seeds.split(",")]
    PARTS["verdicts"] = partial(verdicts, only=arguments.only)
    for name in arguments.parts or PARTS:
        PARTS[name](arguments.simulations, seeds)


if __name__ == "__main__":
    main()
