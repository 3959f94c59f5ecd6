"""Suites with made-up scores, whose truth is known, for `soundness.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from harness.claims.ability import UNKNOWN_TRAINING, SuiteTraining
from harness.claims.seed_values import Seeds, SeedValue
from harness.config.claim import Claim
from harness.config.claim_shapes import make_claim
from harness.metrics.base import Estimate, Metric

Array = NDArray[np.float64]


def metric(name: str, scale: str = "linear") -> Metric:
    return Metric(name, lambda: Estimate(0.0), "higher", name, "", scale)  # type: ignore[arg-type]


METRICS = {
    "score": metric("score"),
    "other": metric("other"),
    "ratio": metric("ratio", "log"),
    "share": replace(metric("share"), range=(0.0, 1.0)),
    "count": replace(metric("count"), range=(0.0, None), counts=True),
    "cost": replace(metric("cost", "log"), kind="cost", better="lower"),
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
    """Two models' scores; the part `shared` of their variance is common to both in each seed."""
    luck = standard(kind, rng, n)
    a, b = (math.sqrt(1 - shared) * standard(kind, rng, n) for _ in range(2))
    return math.sqrt(shared) * luck + a, math.sqrt(shared) * luck + b


Values = dict[tuple[str, str, str], Array]
"""Scores over seeds by dataset, model and metric; NaN where a cell diverged."""


def measured(values: Values) -> dict[str, Seeds]:
    """The numbers of a suite with these scores, by dataset."""
    datasets: dict[str, dict[str, dict[str, dict[int, SeedValue]]]] = {}
    for (dataset, model, name), scores in values.items():
        datasets.setdefault(dataset, {}).setdefault(name, {})[model] = {
            seed: SeedValue(float(value), f"{model}{seed}", "ok", "", name, name, 0.01)
            if math.isfinite(value)
            else SeedValue(None, f"{model}{seed}", "diverged", "")
            for seed, value in enumerate(scores)
        }
    count = len(next(iter(values.values())))
    return {
        name: Seeds(name, by_metric, tuple(range(count)), count)
        for name, by_metric in datasets.items()
    }


def claim(**changes: object) -> Claim:
    plain = {"id": "c", "statement": "S.", "metric": "score", "model": "a"}
    sides = {"above", "below", "against"} & changes.keys()
    return make_claim(**{**plain, **({} if sides else {"against": "b"}), **changes})


@dataclass(frozen=True)
class Case:
    """One simulated suite: its claims, which of them hold, whether the opposite holds, so that
    *refuted* is right, and the effect that intervals should cover, where there is one: on the scale
    of the comparison, larger where the claim says. `training` is what is known of its training.
    """

    claims: tuple[Claim, ...]
    values: Values
    holds: tuple[bool, ...] = (False,)
    effect: float | None = 0.0
    opposite: bool = False
    training: SuiteTraining = field(default=UNKNOWN_TRAINING)


Make = Callable[[np.random.Generator, int], Case]
Draw = Callable[[np.random.Generator, int], Array]


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


def other_shapes(first: str, second: str) -> Make:
    return lambda rng, n: pair_case(standard(first, rng, n), standard(second, rng, n))


def threshold(kind: str, side: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        values = {("d", "a", "score"): standard(kind, rng, n)}
        return Case((claim(**{side: 0.0}),), values)

    return make


def ratios(draw: Draw) -> Make:
    return lambda rng, n: pair_case(draw(rng, n), draw(rng, n), metric="ratio")


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


def beta(mean: float, deviation: float) -> Draw:
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


def ratio_threshold(draw: Draw, mean: float, side: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        return Case(
            (claim(metric="ratio", **{side: mean}),),
            {("d", "a", "ratio"): draw(rng, n)},
        )

    return make


def log_normal(rng: np.random.Generator, n: int) -> Array:
    return np.exp(0.3 * rng.standard_normal(n))


def gamma(rng: np.random.Generator, n: int) -> Array:
    return rng.gamma(2.0, size=n)


def models_in_order(shape: str, **sides: object) -> Make:
    """Three models, the first better than the second, which equals the third."""

    def make(rng: np.random.Generator, n: int) -> Case:
        luck = standard("normal", rng, n)
        values: Values = {
            ("d", model, "score"): luck + math.sqrt(0.5) * standard("normal", rng, n) + mean
            for model, mean in (("a", 3.0), ("b", 0.0), ("c", 0.0))
        }
        plain = {"id": "c", "statement": "S.", "metric": "score", "models": ["a", "b", "c"]}
        return Case((make_claim(shape=shape, **plain, **sides),), values, effect=None)

    return make


def trade_off(rng: np.random.Generator, n: int) -> Case:
    """Better by one metric; the other, which should be worse, is equal."""
    (a, b), (x, y) = (two_sides("normal", rng, n) for _ in range(2))
    values = {
        ("d", "a", "score"): a + 3.0, ("d", "b", "score"): b,
        ("d", "a", "other"): x, ("d", "b", "other"): y,
    }  # fmt: skip
    asked = make_claim(
        id="c", statement="S.", shape="trade-off", model="a", against="b", better="score",
        worse="other",
    )  # fmt: skip
    return Case((asked,), values, effect=None)


def equal_spreads(kind: str) -> Make:
    def make(rng: np.random.Generator, n: int) -> Case:
        values = {("d", model, "score"): standard(kind, rng, max(n, 5)) for model in "ab"}
        return Case((claim(shape="spread"),), values, effect=None)

    return make


@lru_cache
def mean_correlation(noise: float) -> float:
    """The mean rank correlation of two metrics over six models at once, of many draws."""
    rng = np.random.default_rng(5)
    first, second = (six_models(rng, noise, 100_000) for _ in range(2))
    ranks = [stats.rankdata(values, axis=0) for values in (first, second)]
    apart = np.square(ranks[0] - ranks[1]).sum(axis=0)
    return float(np.mean(1 - 6 * apart / (6 * 35)))


def six_models(rng: np.random.Generator, noise: float, n: int) -> Array:
    """Scores of six models in order, shape (6, n)."""
    return np.arange(6.0)[:, None] + noise * rng.standard_normal((6, n))


def correlation(noise: float, side: str) -> Make:
    """Two metrics that order six models alike apart from noise, against the true mean."""

    def make(rng: np.random.Generator, n: int) -> Case:
        values: Values = {
            ("d", f"m{i}", name): row
            for name in ("score", "other")
            for i, row in enumerate(six_models(rng, noise, n))
        }
        asked = make_claim(
            id="c", statement="S.", shape="correlation", metric=["score", "other"],
            models=[f"m{i}" for i in range(6)], **{side: mean_correlation(noise)},
        )  # fmt: skip
        return Case((asked,), values)

    return make


def frontier(points: int, others: int, noise: float) -> Make:
    """Two models on the same curve, log quality half of log cost, each measured at the given number
    of costs from a tenth to one. Half the variance of the noise is the seed's. One point lies
    within the range.
    """

    def make(rng: np.random.Generator, n: int) -> Case:
        luck, values = rng.standard_normal(n), Values()
        for side, count in (("a", points), ("b", others)):
            costs = np.geomspace(0.1, 1.0, count) if count > 1 else np.array([0.4])
            for i, cost in enumerate(costs):
                off = math.sqrt(0.5) * (luck + rng.standard_normal(n))
                values["d", f"{side}{i}", "ratio"] = np.exp(0.5 * math.log(cost) + noise * off)
                values["d", f"{side}{i}", "cost"] = cost * np.exp(0.02 * rng.standard_normal(n))
        asked = make_claim(
            id="c", statement="S.", shape="frontier", metric="ratio", cost="cost",
            model=[f"a{i}" for i in range(points)], against=[f"b{i}" for i in range(others)],
        )  # fmt: skip
        return Case((asked,), values)

    return make


def success(settings: int, chance: float) -> Make:
    """Two grids with as many settings each. In a seed each setting succeeds with the same chance.
    Half of the variance of a setting's score is the seed's.
    """
    limit = float(stats.norm.ppf(chance))

    def make(rng: np.random.Generator, n: int) -> Case:
        luck = rng.standard_normal(n)
        values: Values = {
            ("d", f"{side}{i}", "score"): math.sqrt(0.5) * (luck + rng.standard_normal(n))
            for side in "ab"
            for i in range(settings)
        }
        asked = make_claim(
            id="c", statement="S.", shape="success", metric="score", below=limit,
            model=[f"a{i}" for i in range(settings)], against=[f"b{i}" for i in range(settings)],
        )  # fmt: skip
        return Case((asked,), values)

    return make


def withheld(which: str) -> Make:
    """Five claims, none true. Some may not be decided: those about one undertrained model, or, of a
    trial, all. They still count in Holm's correction.
    """
    undertrained = {("d0", "a"): "its loss still falls", ("d1", "b"): "its loss still falls"}
    training = SuiteTraining({}, "budget_scale 0.05") if which == "trial" else SuiteTraining(
        undertrained
    )  # fmt: skip

    def make(rng: np.random.Generator, n: int) -> Case:
        return replace(five_claims(0)(rng, n), training=training)

    return make


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
    "monotone: one step of two is flat": models_in_order("monotone", direction="falls"),
    "ordering: the last two are equal": models_in_order("ordering"),
    "trade-off: one metric of two is equal": trade_off,
    **{f"spread: equal spreads, {kind}": equal_spreads(kind) for kind in KINDS},
    **{
        f"correlation: {side} its true mean {name}": correlation(noise, side)
        for noise, name in ((0.5, "of 0.95"), (1.5, "of 0.60"))
        for side in ("above", "below")
    },
    **{
        f"frontier: equal curves, {points} and {others} points, noise {noise:g}": frontier(
            points, others, noise
        )
        for points, others, noise in (
            (1, 4, 0.05),
            (1, 4, 0.15),
            (4, 4, 0.05),
            (4, 4, 0.15),
            (8, 4, 0.05),
            (8, 4, 0.15),
            (4, 8, 0.15),
        )
    },
    **{
        f"success: equal chances of {chance:g}, {settings} settings": success(settings, chance)
        for settings, chance in ((3, 0.5), (3, 0.9), (6, 0.5), (6, 0.9))
    },
    "five claims, none true": five_claims(0),
    "five claims, two true": five_claims(2),
    "five claims, none true, two about undertrained models": withheld("undertrained"),
    "five claims, none true, in a trial": withheld("trial"),
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

AVOID: Mapping[str, str] = {
    "shares: above its true mean 0.99, sd 0.02": "A constant at the end of a range",
    "shares: below its true mean 0.99, sd 0.02": "A constant at the end of a range",
    "seeds that share noise (r = 0.3)": "Seeds that share noise",
    "the model's worst fifth fails, drop": "where failing is no accident",
}
"""The settings in which a verdict is wrong more often than alpha, with words of the paragraph of
"Settings to avoid" in `docs/statistics.md` that names them."""
