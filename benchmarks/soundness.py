"""How often verdicts and the regression gate are wrong, and how often they see what is there.

    python benchmarks/soundness.py [PART …] [--simulations N] [--seeds 3,5,10] [--page FILE]

Scores are made up, with known means (`simulated_suites.py`), as a suite's numbers or as a baseline
and today's, and go through the harness's own `decisions` and `compare_with_baseline`. The parts:

- verdicts: false verdicts by shape of claim, and how often intervals cover the truth;
- looks: false verdicts where a claim is looked at again with more seeds;
- bounds: how often the intervals of leaderboards cover the mean of a bounded quantity;
- maturity: how often a model counts as undertrained, by how much its loss still falls;
- practice: verdicts beside what papers do;
- gate: false alarms and detections.

All if none is named. A rate that lies beyond alpha with 99 % confidence (exact binomial) is bold,
and a row that has one without being among the settings to avoid ends the command with 1. `--page`
writes the tables into `docs/statistics.md`, in place of the tables between its marks. All parts
take about ten minutes of one core.

It has another name than `statistics.py` would be, which Python's own module of that name, and so
every script in this folder, would stumble over.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy import stats
from simulated_suites import (
    AVOID,
    KINDS,
    METRICS,
    SETTINGS,
    Array,
    Case,
    beta,
    counts,
    measured,
    pair_case,
    standard,
    threshold,
    two_sides,
)

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import decisions
from harness.leaderboards.aggregate import improvement_interval, iqm_interval
from harness.regression.changes import MetricPair, RunSet
from harness.regression.check import compare_with_baseline, outcome
from harness.regression.tolerance import Tolerance
from harness.statistics.convergence import fit_last_tenth
from harness.statistics.pairwise import Sample

ALPHA = 0.05
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A table of rates. `alarms` are the rows that are wrong more often than alpha and are not
    among the settings to avoid.
    """

    name: str
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    alarms: Sequence[str] = ()

    def markdown(self) -> str:
        """The title and the table in Markdown."""
        rule = "|---" + "|--:" * (len(self.headings) - 1) + "|"
        lines = [self.headings, *self.rows]
        first, *rest = (f"| {' | '.join(line)} |" for line in lines)
        return "\n".join([f"{self.title}:", "", first, rule, *rest])


@dataclass
class Tally:
    """Counts over simulated suites. A suite is false where any of its claims is."""

    suites: int = 0
    false_supported: int = 0
    false_refuted: int = 0
    covered: int = 0
    with_interval: int = 0

    def add(self, case: Case) -> None:
        decided = decisions(case.claims, measured(case.values), METRICS, training=case.training)
        outcomes = [decision.outcome for decision in decided]
        self.suites += 1
        self.false_supported += ("supported", False) in zip(outcomes, case.holds, strict=True)
        self.false_refuted += "refuted" in outcomes and not case.opposite
        test, level = decided[0].test, decided[0].level
        if case.effect is None or test is None or abs(level - (1 - ALPHA)) > 1e-9:
            return
        if test.mean_test.attainable(level) == level:
            low, high = test.mean_test.interval(level)
            self.with_interval += 1
            self.covered += low <= case.effect <= high


def simulate(setting: str, n: int, simulations: int) -> Tally:
    rng, tally = np.random.default_rng([0, n]), Tally()
    for _ in range(simulations):
        tally.add(SETTINGS[setting](rng, n))
    return tally


def in_parallel(function: Callable[..., T], calls: Iterable[Sequence[object]]) -> Iterator[T]:
    """The function's results in the order of the calls, computed on all cores that are free."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(function, *zip(*calls, strict=True))


def beyond(count: int, total: int, limit: float = ALPHA) -> bool:
    """Whether a rate lies above `limit` with 99 % confidence (Clopper & Pearson 1934)."""
    return bool(count and stats.beta.ppf(0.01, count, total - count + 1) > limit)


def share(count: int, total: int, mark: bool = False) -> str:
    if not total:
        return "–"
    text = f"{100 * count / total:.1f}"
    return f"**{text}**" if mark and beyond(count, total) else text


def error(count: int) -> str:
    """The standard error of a rate of 5 % of `count` simulations, in per cent."""
    return f"{100 * math.sqrt(ALPHA * (1 - ALPHA) / count):.1f}"


def alarms(rows: Iterable[Sequence[str]]) -> list[str]:
    """The first cells of rows with a bold number that are not among the settings to avoid."""
    return [row[0] for row in rows if "**" in " ".join(row[1:]) and row[0] not in AVOID]


def verdicts(simulations: int, seeds: Sequence[int], only: str = "") -> Iterator[Table]:
    """False verdicts and coverage, by setting."""
    names = [name for name in SETTINGS if only in name]
    tallies = in_parallel(simulate, [(name, n, simulations) for name in names for n in seeds])
    rows = []
    for name in names:
        of_setting = [next(tallies) for _ in seeds]
        supported = [share(t.false_supported, t.suites, True) for t in of_setting]
        refuted = [share(t.false_refuted, t.suites, True) for t in of_setting]
        coverage = [share(t.covered, t.with_interval) for t in of_setting]
        rows.append([name, f"{simulations:,}", *supported, *refuted, *coverage])
    kinds = ("false *supported*", "false *refuted*", "covers")
    first, *more = seeds
    yield Table(
        "verdicts",
        "In % of the given number of simulated suites, for each number of seeds (standard error of "
        f"a rate of 5 %: {error(simulations)} for {simulations:,} suites)",
        [
            "setting",
            "suites",
            *(h for k in kinds for h in (f"{k}: {first} seeds", *map(str, more))),
        ],
        rows,
        alarms(rows),
    )


# -- looking again ---------------------------------------------------------------------------------

LOOKS = (3, 5, 8, 10, 15, 20)

LOOKED_AT = {
    "normal": lambda rng, n: pair_case(*two_sides("normal", rng, n)),
    "log-normal": lambda rng, n: pair_case(*two_sides("log-normal", rng, n)),
    "t3": lambda rng, n: pair_case(*two_sides("t3", rng, n)),
    "counts of 25 modes, 80 % kept": counts(25, 0.8),
    "log-normal, above a constant": threshold("log-normal", "above"),
}
"""Suites without an effect that are looked at again."""

PLANS = {"all of alpha at each look": 0, "undeclared": None, "20 seeds declared": 20}
"""How alpha is spent, and the declared number of seeds: 0 where every look has all of alpha."""


def looked_at(kind: str, most: int | None, count: int, simulations: int) -> tuple[int, int]:
    """How often a claim about two equal sides is supported, and refuted, with `count` looks."""
    rng = np.random.default_rng([4, count])
    seeds = [tuple(range(n)) for n in LOOKS[:count]]
    plans = [ClaimLooks((look,), len(look)) for look in seeds]
    if most != 0:
        plans = [ClaimLooks(tuple(seeds), most)]
    ends = []
    for _ in range(simulations):
        case = LOOKED_AT[kind](rng, LOOKS[count - 1])
        numbers = measured(case.values)
        each = (
            decisions(case.claims, numbers, METRICS, looks={"c": plan})[0].outcome for plan in plans
        )
        ends.append(next((end for end in each if end in ("supported", "refuted")), ""))
    return ends.count("supported"), ends.count("refuted")


def repeated_looks(simulations: int, _: Sequence[int]) -> Iterator[Table]:
    """False verdicts on two equal sides where a claim is looked at again with more seeds."""
    calls = [
        (kind, most, count, simulations)
        for kind in LOOKED_AT
        for most in PLANS.values()
        for count in (1, 3, 6)
        if not (most == 0 and count == 1)
    ]
    names = {most: name for name, most in PLANS.items()}
    rows = []
    for (kind, most, count, _), hits in zip(calls, in_parallel(looked_at, calls), strict=True):
        rates = [share(n, simulations, True) for n in (*hits, sum(hits))]
        rows.append([f"{kind}; {names[most]}; {count}", *rates])
    yield Table(
        "looks",
        f"In % of {simulations:,} simulated claims without an effect, after looks at "
        f"{', '.join(map(str, LOOKS))} seeds, or at the first of these (standard error of a rate "
        f"of 5 %: {error(simulations)})",
        ["scores; how alpha is spent; looks", "*supported*", "*refuted*", "either"],
        rows,
        alarms(row for row in rows if "all of alpha" not in row[0]),
    )


# -- bounded quantities ----------------------------------------------------------------------------

BOUNDED = {
    "recall, precision, a share: mean 0.5, sd 0.1": (0.5, 0.1, 0.0),
    "accuracy: mean 0.9, sd 0.05": (0.9, 0.05, 0.0),
    "AUROC: mean 0.97, sd 0.03": (0.97, 0.03, 0.0),
    "AUROC: mean 0.99, sd 0.02": (0.99, 0.02, 0.0),
    "SSIM: mean 0.9, sd 0.05": (0.9, 0.05, -1.0),
}
"""Mean, standard deviation and least value of quantities that are at most 1."""


def bounded(name: str, n: int, simulations: int) -> tuple[int, int, int]:
    """How many of a board's intervals cover the mean, how many Student's t cut off at the range
    would, and how many leave the range.
    """
    mean, deviation, least = BOUNDED[name]
    rng, hits = np.random.default_rng([6, n]), np.zeros(3, int)
    draw = beta((mean - least) / (1 - least), deviation / (1 - least))
    for _ in range(simulations):
        values = least + (1 - least) * draw(rng, n)
        interval = Sample.of(dict(enumerate(values.tolist())), (least, 1.0)).interval(1 - ALPHA)
        low, high = interval or (math.nan, math.nan)
        ends = stats.t.interval(1 - ALPHA, n - 1, values.mean(), stats.sem(values))
        hits += [low <= mean <= high, ends[0] <= mean <= ends[1], low < least or high > 1]
    return int(hits[0]), int(hits[1]), int(hits[2])


def bounds(simulations: int, seeds: Sequence[int]) -> Iterator[Table]:
    """Coverage of the intervals of bounded means on leaderboards."""
    calls = [(name, n, simulations) for name in BOUNDED for n in seeds]
    rows = [
        [f"{name}; {n} seeds", *(share(count, simulations) for count in hits)]
        for (name, n, _), hits in zip(calls, in_parallel(bounded, calls), strict=True)
    ]
    yield Table(
        "bounds",
        f"95 % intervals of one mean, in % of {simulations:,} samples (standard error at 95 %: "
        f"{error(simulations)})",
        ["quantity", "a board's covers", "Student's t covers", "a board's leaves the range"],
        rows,
        [row[0] for row in rows if row[3] != "0.0"],
    )


# -- models that still learn -----------------------------------------------------------------------

FALLS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.09)
"""By how much a loss falls over the last tenth of training, as a share of itself."""


def undertrained(fall: float, noise: float, n: int, simulations: int) -> int:
    """How often a model counts as undertrained whose loss falls over the last tenth of training by
    the share `fall`, as a power of the images shown; each of `n` seeds has 50 points with `noise`.
    """
    rng = np.random.default_rng([7, n])
    images = np.arange(1.0, 51.0)
    course = images ** (math.log(1 - fall) / -math.log(0.9))
    flags = (
        fit_last_tenth(
            [
                np.column_stack([images, course * np.exp(noise * rng.standard_normal(50))])
                for _ in range(n)
            ]
        ).undertrained
        for _ in range(simulations)
    )
    return sum(flags)


def maturity(simulations: int, seeds: Sequence[int]) -> Iterator[Table]:
    """How often a claim about what models can do is withheld, by how much the loss still falls."""
    noises = (0.02, 0.1)
    calls = [(fall, noise, n, simulations) for noise in noises for n in seeds for fall in FALLS]
    flags = in_parallel(undertrained, calls)
    rows = [
        [f"noise of {noise:.0%}, {n} seeds", *(share(next(flags), simulations) for _ in FALLS)]
        for noise in noises
        for n in seeds
    ]
    yield Table(
        "maturity",
        f"Models that count as undertrained, in % of {simulations:,} simulated sets of loss curves",
        ["loss curves", *(f"falls {100 * fall:g} %" for fall in FALLS)],
        rows,
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
    return decisions(case.claims, measured(case.values), METRICS)[0].outcome == "supported"


def iqms_apart(a: Array, b: Array) -> bool:
    """The 95 % bootstrap intervals of the interquartile means do not overlap."""
    of_a, of_b = iqm_interval([a]), iqm_interval([b])
    return bool(of_a and of_b and of_a[0] > of_b[1])


def likely_better(a: Array, b: Array) -> bool:
    """The 95 % bootstrap interval of the probability of improvement lies above one half."""
    interval = improvement_interval([a], [b])
    return bool(interval and interval[0] > 0.5)


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


def practice(simulations: int, seeds: Sequence[int]) -> Iterator[Table]:
    """Each rule on the same scores. The last two are rliable's (Agarwal et al. 2021,
    arXiv:2108.13264), as `harness.leaderboards.aggregate` has them; a test holds it to rliable's.
    """
    effects = {kind: (0.0, 1.0, 2.0, 3.0) if kind == "normal" else (0.0, 2.0) for kind in KINDS}
    calls = [
        (kind, n, effect, simulations)
        for kind, some in effects.items()
        for n in (seeds if kind == "normal" else seeds[1:2] or seeds)
        for effect in some
    ]
    named = (f"{kind}, {n} seeds, {effect:g} sd" for kind, n, effect, _ in calls)
    yield Table(
        "practice",
        "How often each rule says that a model is better whose mean is higher by the given number "
        f"of standard deviations, in % of {simulations:,} pairs (standard error at 5 %: "
        f"{error(simulations)})",
        ["scores", *RULES],
        [
            [name, *(share(count, simulations) for count in hits)]
            for name, hits in zip(named, in_parallel(says_better, calls), strict=True)
        ],
    )
    yield coverage(simulations, seeds)


def covering(kind: str, n: int, simulations: int) -> list[int]:
    """How many intervals of each sort cover the mean."""
    rng, hits = np.random.default_rng([2, n]), np.zeros(3, int)
    for _ in range(simulations):
        hits += [low <= 0 <= high for low, high in _intervals(standard(kind, rng, n))]
    return [int(count) for count in hits]


def coverage(simulations: int, seeds: Sequence[int]) -> Table:
    """Of 95 % intervals of one mean: t, percentile bootstrap and BCa."""
    calls = [(kind, n, simulations) for kind in KINDS for n in seeds]
    return Table(
        "coverage",
        f"Coverage of 95 % intervals of one mean, in % of {simulations:,} samples",
        ["scores", "t", "percentile bootstrap", "BCa bootstrap"],
        [
            [f"{kind}, {n} seeds", *(share(hit, simulations) for hit in hits)]
            for (kind, n, _), hits in zip(calls, in_parallel(covering, calls), strict=True)
        ],
    )


def _intervals(x: Array) -> list[tuple[float, float]]:
    intervals = [stats.t.interval(0.95, len(x) - 1, x.mean(), stats.sem(x))]
    for method in ("percentile", "bca"):
        ends = stats.bootstrap(
            (x,), np.mean, n_resamples=1000, method=method, rng=np.random.default_rng(0)
        ).confidence_interval
        intervals.append((ends.low, ends.high))
    return [(float(low), float(high)) for low, high in intervals]


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
    outcomes = [checks.one(rng, effect) for _ in range(simulations)]
    return outcomes.count("regression"), outcomes.count("no regression")


def gate(simulations: int, seeds: Sequence[int]) -> Iterator[Table]:
    """False alarms and detections of the regression gate."""
    same = [Checks(n, n, r, k) for k in (1, 6) for n in seeds for r in (0.9, 0.5)]
    others = [
        Checks(a, b, None, k) for k in (1, 6) for a in seeds for b in seeds if a >= b and a + b > 8
    ]
    effects = (0.0, 1.0, 2.0, 3.0)
    yield _rates(
        "gate",
        f"Exit 1 / exit 0, in % of {simulations:,} checks, one comparison worse by the given "
        f"effect (standard error at 5 %: {error(simulations)})",
        [*same, *others], effects, simulations,
    )  # fmt: skip
    yield _rates(
        "gate-shapes",
        f"The same by the shape of the scores, nothing worse, {simulations:,} checks",
        [Checks(5, 5, r, 6, kind) for kind in KINDS for r in (0.5, None)], [0.0], simulations,
    )  # fmt: skip
    yield _rates(
        "gate-tolerance",
        f"With a tolerance of one deviation, {simulations:,} checks",
        [Checks(n, n, r, tolerance=1.0) for n in seeds for r in (0.9, 0.5)], effects, simulations,
    )  # fmt: skip


def _rates(
    name: str, title: str, checks: Sequence[Checks], effects: Sequence[float], simulations: int
) -> Table:
    results = in_parallel(rates, [(c, effect, simulations) for c in checks for effect in effects])

    def cell(checks: Checks, effect: float) -> str:
        alarms, passes = next(results)
        nothing_wrong = effect <= (checks.tolerance or 0.0)
        return f"{share(alarms, simulations, nothing_wrong)} / {share(passes, simulations)}"

    rows = [[c.name, *(cell(c, effect) for effect in effects)] for c in checks]
    headings = ["scores and seeds, baseline and now", *(f"{effect:g} sd" for effect in effects)]
    return Table(name, title, headings, rows, alarms(rows))


PARTS: dict[str, Callable[[int, Sequence[int]], Iterator[Table]]] = {
    "verdicts": verdicts,
    "looks": repeated_looks,
    "bounds": bounds,
    "maturity": maturity,
    "practice": practice,
    "gate": gate,
}

SIMULATIONS = {
    "verdicts": 1000, "looks": 1000, "bounds": 4000, "maturity": 1000, "practice": 100, "gate": 300,
}  # fmt: skip
"""Simulations of each part; all parts together take about ten minutes of one core."""


def write_table(page: Path, table: Table) -> None:
    """Put a table between its marks on a page; a page without its marks stays as it is."""
    marks = f"<!-- soundness: {table.name} -->", "<!-- end -->"
    text = page.read_text(encoding="utf-8")
    place = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    whole = f"{marks[0]}\n{table.markdown()}\n{marks[1]}"
    page.write_text(place.sub(lambda _: whole, text), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--simulations", type=int, default=0, help="in place of each part's number")
    parser.add_argument("--seeds", default="3,5,10", help="how many seeds, e.g. 3,5,10")
    parser.add_argument("--only", default="", help="the settings of verdicts with this text")
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced")
    arguments = parser.parse_args()
    seeds = [int(n) for n in arguments.seeds.split(",")]
    PARTS["verdicts"] = partial(verdicts, only=arguments.only)
    wrong: list[str] = []
    for name in arguments.parts or PARTS:
        for table in PARTS[name](arguments.simulations or SIMULATIONS[name], seeds):
            print(f"\n{table.markdown()}", flush=True)
            wrong += table.alarms
            if arguments.page:
                write_table(arguments.page, table)
    for name in wrong:
        print(f"wrong more often than alpha, and not among the settings to avoid: {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
