"""The sentence of a verdict, which can be quoted by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from harness.claims.effects import ClaimTest, Effect
from harness.claims.pairing import PairedSeeds
from harness.config import claim_shapes as spec
from harness.config.claim import Claim
from harness.config.claim_parts import ModelAt
from harness.statistics.formatting import MINUS, decimals, interval, number, percent
from harness.statistics.power import MOST_SEEDS
from harness.statistics.scale import exponential


@dataclass(frozen=True)
class Wording:
    """Writes the sentences of a claim's verdict from the tests of its comparisons.

    `key` is the decisive comparison, and `level` the confidence of its interval.
    """

    claim: Claim
    tests: Sequence[ClaimTest]

    def about(self, test: ClaimTest) -> str:
        """Names what is compared: "FID of vae/vae on digits"."""
        models = _list(part.model for part in test.pairs)
        several = len({part.other for part in self._pairs}) > 1
        other = f" against {test.pairs[0].other}" if several else ""
        return f"{_titles(test.pairs)} of {models}{other} on {_datasets(test.pairs)}"

    def supported(self, key: ClaimTest, level: float) -> str:
        """Says that the claim holds, with the effect that supports it least."""
        several = len(self.tests) > 1
        count = "both" if len(self.tests) == 2 else f"all {len(self.tests)}"
        scope = f" in {count} comparisons" if several else ""
        weakest = f"; the weakest is {self.about(key)}" if several else ""
        return f"Supported{scope}: {self._statement()}{weakest}: {_effect_text(key, level)}."

    def refuted(self, key: ClaimTest, level: float) -> str:
        """Says that the claim does not hold, with the effect that contradicts it most."""
        if key.goal == "within":
            why = "the difference is larger"
        elif key.mean_test.interval(level)[1] < 0:
            why = "it is the other way round"
        else:
            why = "the effect lies within the margin"
        where = f" for {self.about(key)}" if len(self.tests) > 1 else ""
        return (
            f"Refuted: it is not true that {self._statement()}; {why}{where}: "
            f"{_effect_text(key, level)}."
        )

    def inconclusive(self, key: ClaimTest, level: float, needed: int | None) -> str:
        """Says that the interval leaves both open, and how many seeds would decide it."""
        if not key.varies:
            return self._same_in_all(key, needed)
        where = f"; the most doubtful is {self.about(key)}" if len(self.tests) > 1 else ""
        seeds = f"about {needed}" if needed else f"more than {MOST_SEEDS}"
        return (
            f"Inconclusive: the seeds leave open whether {self._statement()}{where}: "
            f"{_effect_text(key, level)}. With an effect and spread as observed, "
            f"80 % power would need {seeds} seeds."
        )

    def _same_in_all(self, key: ClaimTest, needed: int | None) -> str:
        """Says that all seeds agree, and that they are too few for the exact test."""
        where = f" (for {self.about(key)})" if len(self.tests) > 1 else ""
        remedy = f"{(needed or 0) - key.seeds} more would decide, by the {key.mean_test.name}"
        if needed is None:
            remedy = "no number of seeds refutes a claim without a `delta`"
        return f"Inconclusive: {key.constant_text()}{where}; {remedy}."

    def method(self, level: float, claims: int) -> str:
        """Names the test and its correction: "paired t interval over training seeds at
        98.8 % (Holm's correction over 4 claims)".
        """
        count = len(self.tests)
        ranks = self._pairs[0].kind == "rank correlation"
        name = "t interval of the mean rank correlation" if ranks else "paired t interval"
        if exact := next((test.mean_test.name for test in self.tests if test.mean_test.name), ""):
            exactly = all(test.mean_test.name for test in self.tests)
            name = exact if exactly else f"{name}, or the {exact} where differences tie,"
        every = f" in each of {count} comparisons, all of which must hold" if count > 1 else ""
        holm = f" (Holm's correction over {claims} claims)" if claims > 1 else ""
        return f"{name} over training seeds{every}, at {percent(level)}{holm}"

    @property
    def _pairs(self) -> list[PairedSeeds]:
        return [part for test in self.tests for part in test.pairs]

    def _statement(self) -> str:
        pairs = self._pairs
        means = "on average " if self.claim.over == "average" and len(pairs) > 1 else ""
        return f"{means}{_assertion(self.claim, pairs)} on {_datasets(pairs)}"


@singledispatch
def _assertion(claim: Claim, pairs: Sequence[PairedSeeds]) -> str:
    """Says what a claim asserts, in the words of its shape."""
    raise TypeError(f"a claim of an unknown shape: {claim.shape}")


@_assertion.register
def _comparison(claim: spec.ComparisonClaim, pairs: Sequence[PairedSeeds]) -> str:
    up, down = ([part for part in pairs if part.sign == sign] for sign in (1, -1))
    sides = _by_side(higher=_titles(up), lower=_titles(down))
    return f"{_has(claim.model)} {sides} than {claim.against}{_margins(pairs)}"


@_assertion.register
def _threshold(claim: spec.ThresholdClaim, pairs: Sequence[PairedSeeds]) -> str:
    return f"{_has(claim.model)} {_titles(pairs)} {_side(claim)}{_margins(pairs)}"


@_assertion.register
def _equivalence(claim: spec.EquivalenceClaim, pairs: Sequence[PairedSeeds]) -> str:
    other = claim.against or f"{claim.equals:g}"
    return f"{_has(claim.model)} the same {_titles(pairs)} as {other}{_limits(pairs)}"


@_assertion.register
def _monotone(claim: spec.MonotoneClaim, pairs: Sequence[PairedSeeds]) -> str:
    steps = f"{claim.direction} with every step of {list_models(claim.models)}"
    return f"{_titles(pairs)} {steps}{_margins(pairs)}"


@_assertion.register
def _ordering(claim: spec.OrderingClaim, pairs: Sequence[PairedSeeds]) -> str:
    order = ", then ".join(map(str, claim.models))
    return f"by {_titles(pairs)} the order is {order}{_margins(pairs)}"


@_assertion.register
def _trade_off(claim: spec.TradeOffClaim, pairs: Sequence[PairedSeeds]) -> str:
    parts = {
        side: [part for part in pairs if part.metric in names] for side, names in claim.ways.items()
    }
    same = parts.pop("same", [])
    sides = _by_side(**{side: f"{_titles(some)}{_margins(some)}" for side, some in parts.items()})
    price = f" at the same {_titles(same)}{_limits(same)}" if same else ""
    return f"{_has(claim.model)} {sides} than {claim.against}{price}"


@_assertion.register
def _correlation(claim: spec.CorrelationClaim, pairs: Sequence[PairedSeeds]) -> str:
    return (
        f"the {_titles(pairs)} over {list_models(claim.models)} is {_side(claim)}{_margins(pairs)}"
    )


@_assertion.register
def _spread(claim: spec.SpreadClaim, pairs: Sequence[PairedSeeds]) -> str:
    has = _has(claim.model)
    return f"{has} a smaller {_titles(pairs)} over seeds than {claim.against}{_margins(pairs)}"


@_assertion.register
def _frontier(claim: spec.FrontierClaim, pairs: Sequence[PairedSeeds]) -> str:
    less = "higher" if pairs[0].sign > 0 else "lower"
    verb = "needs fewer" if claim.cost == spec.IMAGES else f"has {less}"
    others = list_points(claim.against)
    return f"{list_points(claim.model)} {verb} {_titles(pairs)} than {others}{_margins(pairs)}"


@_assertion.register
def _success(claim: spec.SuccessClaim, pairs: Sequence[PairedSeeds]) -> str:
    models, others = list_models(claim.model), list_models(claim.against)
    rate = f"the {_titles(pairs)} ({_side(claim)})"
    return f"{rate} is higher over {models} than over {others}{_margins(pairs)}"


def looks_text(seeds: Sequence[int], look: int) -> str:
    """Says which of several looks decided: ", at look 2 of 3 (at 3, 5 and 10 seeds)"; empty where
    there is one.
    """
    if len(seeds) == 1:
        return ""
    return f", at look {look + 1} of {len(seeds)} (at {_list(seeds)} seeds)"


def list_models(models: Sequence[ModelAt]) -> str:
    """Names the models; points in the training of a single model are counted instead."""
    names = {model.model for model in models}
    if len(names) > 1:
        return _list(models)
    return f"{len(models)} points in the training of {names.pop()}"


def list_points(points: Sequence[ModelAt]) -> str:
    """Names the points of a curve: of training fractions of a single model, the model."""
    models = {point.model for point in points}
    return models.pop() if len(models) == 1 and len(points) > 1 else _list(points)


def _by_side(**titles: str) -> str:
    """Joins the titles of metrics by side, where a side has any: "higher recall and lower FID"."""
    return " and ".join(f"{side} {text}" for side, text in titles.items() if text)


def _has(models: Sequence[ModelAt]) -> str:
    return f"{_list(models)} {'have' if len(models) > 1 else 'has'}"


def _side(claim: spec.ThresholdClaim | spec.CorrelationClaim | spec.SuccessClaim) -> str:
    side = f"above {claim.above:g}" if claim.above is not None else f"below {claim.below:g}"
    return side.replace("-", MINUS)


def _effect_text(key: ClaimTest, level: float) -> str:
    spread = "over training seeds" if len(key.strata) == 1 else "over seeds within datasets"
    paired = "" if key.pairs[0].kind == "rank correlation" else "paired "
    notes = "".join(f"; {note}" for note in dict.fromkeys(p.note for p in key.pairs) if note)
    effect, name = key.effect(level), key.mean_test.name
    by = f" by the {name}" if name else ""
    return (
        f"{quantity(effect, key.pairs[0].unit)} ({percent(effect.level)} interval{by} {spread}, "
        f"{key.blocks} {paired}blocks{notes})"
    )


def quantity(effect: Effect, unit: str = "") -> str:
    """Writes an effect and its interval: "difference +0.21 [0.10, 0.32]", "ratio 0.41 [0.30,
    0.56]".
    """
    places = decimal_places(effect)
    signed = effect.kind.startswith("difference")
    bounds = interval(effect.low, effect.high, places)
    unit = f" {unit}" if unit and signed else ""
    return f"{effect.kind} {number(effect.value, places, signed)} {bounds}{unit}"


def decimal_places(effect: Effect) -> int:
    """Returns the places that show two digits of the uncertainty, and up to two more where an end
    of the interval would otherwise print as equal to a limit that it is not equal to, or an end of
    a ratio as zero.
    """
    places = decimals((effect.high - effect.low) / 2)
    zero = 0.0 if effect.kind == "ratio" else None
    edges = [e for e in (effect.null, effect.limit, effect.mirror, zero) if e is not None]
    for enough in range(places, places + 3):
        ends = {round(effect.low, enough), round(effect.high, enough)}
        if not ends & {round(edge, enough) for edge in edges}:
            return enough
    return places


def _margins(pairs: Sequence[PairedSeeds]) -> str:
    """Says by how much, for each metric where that differs between metrics."""
    return _margin_texts(pairs, " by a factor of more than {:g}", " by more than {:g}")


def _limits(pairs: Sequence[PairedSeeds]) -> str:
    """Says to within what, for each metric where that differs between metrics."""
    return _margin_texts(pairs, " to within a factor of {:g}", " to within {:g}")


def _margin_texts(pairs: Sequence[PairedSeeds], ratio: str, difference: str) -> str:
    texts = {
        part.title: (
            ratio.format(round(exponential(part.margin), 12))
            if part.kind == "ratio"
            else difference.format(part.margin)
        )
        for part in pairs
        if part.margin > 0
    }
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), "")
    return " and".join(f"{text} ({title})" for title, text in texts.items())


def _titles(pairs: Sequence[PairedSeeds]) -> str:
    return _list(part.title for part in pairs)


def _datasets(pairs: Sequence[PairedSeeds]) -> str:
    return _list(part.dataset for part in pairs)


def _list(things: Iterable[object]) -> str:
    """Lists each thing once, as in a sentence: "a, b and c"; empty where there is none."""
    *most, last = dict.fromkeys(map(str, things)) or ("",)
    return f"{', '.join(most)} and {last}" if most else last
