"""How often verdicts and the regression gate are wrong, and how often they see what is there.

    python benchmarks/soundness.py [verdicts] [practice] [gate] [--simulations 1000] [--quick]

Scores are made up, with known means, as a suite's tidy table or as a baseline and today's numbers,
and go through the harness's own `judge` and `compare`. `verdicts` counts false verdicts and how
often intervals cover the truth; `practice` sets verdicts beside what papers do and, where it
installs, beside rliable's estimators; `gate` counts false alarms and detections. All three if none
is named. A rate that lies beyond alpha with 99 % confidence (exact binomial) is marked with !.

It has another name than `statistics.py` would be, which Python's own module of that name, and so
every script in this folder, would stumble over.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.changes import Pair, Side
from harness.analysis.regression import compare, outcome
from harness.analysis.tolerance import Tolerance
from harness.analysis.verdicts import judge
from harness.metrics.base import Estimate, Metric
from harness.spec.claim import Claim, make_claim
from harness.spec.measurement import COLUMNS

ALPHA = 0.05
SEEDS = (3, 5, 10)
Array = NDArray[np.float64]


def metric(name: str, scale: str = "linear") -> Metric:
    return Metric(name, lambda: Estimate(0.0), "higher", name, "", scale)  # type: ignore[arg-type]


METRICS = {"score": metric("score"), "other": metric("other"), "ratio": metric("ratio", "log")}


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


def two_sides(kind: str, rng: np.random.Generator, n: int, shared: float = 0.5) -> list[Array]:
    """Two models' scores, of whose variance the seed has the part `shared`."""
    luck = standard(kind, rng, n)
    own = [standard(kind, rng, n) for _ in range(2)]
    return [math.sqrt(shared) * luck + math.sqrt(1 - shared) * x for x in own]


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
    """One simulated suite: its claims, whether each holds, and the effects that intervals should
    cover, where there is one.
    """

    claims: tuple[Claim, ...]
    values: Values
    holds: tuple[bool, ...] = (False,)
    effect: float | None = 0.0


Make = Callable[[np.random.Generator, int], Case]


def pair_case(a: Array, b: Array, effect: float | None = 0.0, **changes: object) -> Case:
    name = str(changes.get("metric", "score"))
    values = {("d", "a", name): a, ("d", "b", name): b}
    return Case((claim(**changes),), values, effect=effect)


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


def at_the_margin(**changes: object) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        a, b = two_sides("normal", rng, n)
        return pair_case(a + 1.0, b, 1.0, delta=1.0, **changes)

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
        return pair_case(sides["a"], sides["b"], None, failures=rule)

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
    "better by exactly the margin": at_the_margin(),
    "equivalent, different by exactly the margin": at_the_margin(shape="equivalence"),
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
    decided: int = 0
    covered: int = 0
    with_interval: int = 0

    def add(self, case: Case, n: int) -> None:
        names = list(dict.fromkeys(dataset for dataset, *_ in case.values))
        verdicts = judge(case.claims, table(case.values), METRICS, n, names)
        outcomes = [verdict.outcome for verdict in verdicts]
        told = list(zip(outcomes, case.holds, strict=True))
        self.suites += 1
        self.false_supported += ("supported", False) in told
        self.false_refuted += ("refuted", True) in told
        self.decided += outcomes[0] in ("supported", "refuted")
        effect = verdicts[0].effect
        if case.effect is not None and effect and abs(effect.level - (1 - ALPHA)) < 1e-9:
            self.with_interval += 1
            self.covered += effect.low <= case.effect <= effect.high


def simulate(make: Make, n: int, simulations: int, seed: int = 0) -> Tally:
    rng, tally = np.random.default_rng([seed, n]), Tally()
    for _ in range(simulations):
        tally.add(make(rng, n), n)
    return tally


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


def verdicts(simulations: int) -> None:
    def rows() -> Iterator[Sequence[str]]:
        for name, make in SETTINGS.items():
            found = [simulate(make, n, simulations) for n in SEEDS]
            supported = [share(t.false_supported, t.suites, True) for t in found]
            coverage = [share(t.covered, t.with_interval) for t in found]
            yield [name, *supported, *coverage]

    headings = ["setting", *(f"{n} seeds" for n in SEEDS), *(f"covers, {n}" for n in SEEDS)]
    title = f"False *supported*, and coverage of the 95 % interval, in % of {simulations} suites"
    show(title, headings, rows())


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
    return judge(case.claims, table(case.values), METRICS, len(a))[0].outcome == "supported"


def rliable_rules() -> dict[str, Rule]:
    """Of rliable (Agarwal et al. 2021, arXiv:2108.13264): 95 % percentile intervals of one task's
    seeds by its stratified bootstrap of 1,000 draws. None where it does not install.
    """
    if (arch := importlib.util.find_spec("arch")) and "arch" not in sys.modules:
        # Only its bootstrap is needed; the rest of some versions does not import beside pandas 3.
        bare = types.ModuleType("arch")
        bare.__path__ = list(arch.submodule_search_locations or ())
        sys.modules["arch"] = bare
    warnings.filterwarnings("ignore", "random_state is deprecated", FutureWarning)
    try:
        from rliable import library, metrics  # noqa: PLC0415 - need not be there
    except ImportError as error:
        print(f"rliable is left out: {error}")
        return {}

    def intervals(scores: dict[str, object], function: Callable[..., Array]) -> dict[str, Array]:
        found = library.get_interval_estimates(
            scores, function, reps=1000, random_state=np.random.RandomState(0)
        )
        return dict(found[1])

    def iqm_apart(a: Array, b: Array) -> bool:
        both = {"a": a[:, None], "b": b[:, None]}
        found = intervals(both, lambda x: np.array([metrics.aggregate_iqm(x)]))
        return bool(found["a"][0, 0] > found["b"][1, 0])

    def likely_better(a: Array, b: Array) -> bool:
        both = {"a,b": (a[:, None], b[:, None])}
        found = intervals(both, lambda x, y: np.array([metrics.probability_of_improvement(x, y)]))
        return bool(found["a,b"][0, 0] > 0.5)

    return {"rliable, IQMs apart": iqm_apart, "rliable, P(improvement)": likely_better}


def practice(simulations: int) -> None:
    """Each rule on the same scores, of two models whose means differ by so many deviations."""
    rules: dict[str, Rule] = {
        "supported": verdict,
        "mean ± sd apart": spreads_apart,
        "better mean": mean_wins,
        "best seed": best_wins,
    }
    slow = rliable_rules()

    def rows() -> Iterator[Sequence[str]]:
        for n in SEEDS:
            for effect in (0.0, 1.0, 2.0, 3.0):
                rng = np.random.default_rng([1, n])
                drawn = [two_sides("normal", rng, n) for _ in range(simulations)]
                few = drawn[: min(simulations, 200)]
                cells = []
                for of, pairs in ((rules, drawn), (slow, few)):
                    for rule in of.values():
                        cells.append(share(sum(rule(a + effect, b) for a, b in pairs), len(pairs)))
                yield [f"{n} seeds, difference {effect:g} sd", *cells]

    title = f'How often "a is better" is said, in % of {simulations} pairs (of rliable\'s, 200)'
    show(title, ["normal scores, r = 0.5", *rules, *slow], rows())
    coverage(min(simulations, 500))


def coverage(simulations: int) -> None:
    """Of 95 % intervals of one mean: t, percentile bootstrap and BCa."""

    def rows() -> Iterator[Sequence[str]]:
        for kind in KINDS:
            for n in SEEDS:
                rng = np.random.default_rng([2, n])
                hits = np.zeros(3)
                for _ in range(simulations):
                    x = standard(kind, rng, n)
                    hits += [low <= 0 <= high for low, high in _intervals(x)]
                yield [f"{kind}, {n} seeds", *(share(int(h), simulations) for h in hits)]

    title = f"Coverage of 95 % intervals of a mean, in % of {simulations} samples"
    show(title, ["scores", "t", "percentile bootstrap", "BCa bootstrap"], rows())


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
    found: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        seeds = f"{self.before} seeds" if self.before == self.now else f"{self.before}/{self.now}"
        how = "others" if self.shared is None else f"the same, r = {self.shared:g}"
        return f"{seeds}, {how}; {self.comparisons} comparison{'s' * (self.comparisons > 1)}"

    def one(self, rng: np.random.Generator, effect: float) -> str:
        """The outcome of a check whose first comparison is worse by `effect` deviations."""
        pairs = (self._pair(rng, effect * (i == 0)) for i in range(self.comparisons))
        return outcome(compare(pairs)[0])

    def _pair(self, rng: np.random.Generator, effect: float) -> Pair:
        most = max(self.before, self.now)
        old, new = two_sides(self.kind, rng, most, self.shared or 0.0)
        first = 100 if self.shared is None else 0
        tolerance = None if self.tolerance is None else Tolerance(self.tolerance)
        return Pair(
            "d", "m", METRICS["score"],
            _side(old[: self.before], 0), _side(new[: self.now] - effect, first), tolerance,
        )  # fmt: skip


def _side(values: Array, first: int) -> Side:
    numbers = {first + i: float(x) for i, x in enumerate(values)}
    return Side(numbers, {}, {seed: f"{seed}" for seed in numbers})


def rates(checks: Checks, effect: float, simulations: int) -> tuple[int, int]:
    """How many of the checks say "regression", and how many "no regression"."""
    rng = np.random.default_rng([3, checks.before, checks.now])
    said = [checks.one(rng, effect) for _ in range(simulations)]
    return said.count("regression"), said.count("no regression")


def gate(simulations: int) -> None:
    same = [Checks(n, n, r, k) for k in (1, 6) for n in SEEDS for r in (0.9, 0.5)]
    others = [
        Checks(a, b, None, k) for k in (1, 6) for a, b in ((5, 5), (10, 3), (10, 5), (10, 10))
    ]
    effects = (0.0, 1.0, 2.0, 3.0)

    def row(checks: Checks, effects: Sequence[float]) -> list[str]:
        cells = []
        for effect in effects:
            alarms, passes = rates(checks, effect, simulations)
            cells.append(f"{share(alarms, simulations, not effect)} / {share(passes, simulations)}")
        return cells

    show(
        f"Exit 1 / exit 0, in % of {simulations} checks, one comparison worse by so much",
        ["seeds, baseline and now", *(f"{effect:g} sd" for effect in effects)],
        ([checks.name, *row(checks, effects)] for checks in (*same, *others)),
    )
    show(
        f"The same by the shape of the scores, 5 seeds, nothing worse, {simulations} checks",
        ["scores", "the same, r = 0.5", "others"],
        (
            [
                kind,
                *row(Checks(5, 5, 0.5, 6, kind), [0.0]),
                *row(Checks(5, 5, None, 6, kind), [0.0]),
            ]
            for kind in KINDS
        ),
    )
    show(
        f"With a tolerance of one deviation, {simulations} checks",
        ["seeds", *(f"{effect:g} sd" for effect in effects)],
        (
            [checks.name, *row(checks, effects)]
            for checks in (Checks(n, n, r, tolerance=1.0) for n in SEEDS for r in (0.9, 0.5))
        ),
    )


PARTS = {"verdicts": verdicts, "practice": practice, "gate": gate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="ten simulations: does it run?")
    arguments = parser.parse_args()
    for name in arguments.parts or PARTS:
        PARTS[name](10 if arguments.quick else arguments.simulations)


if __name__ == "__main__":
    main()
