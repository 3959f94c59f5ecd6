"""Whether a disturbance of images would make the metrics of a claim say what the claim says.

A claim compares two sides, or one with a constant. A disturbance that fools one of its metrics, by
the self-test, fools the claim if doing it to the images of either side would help the claim by
every metric that it asks. Where another metric notices it, to the other side than the claim says,
that rules it out: noise raises sharpness, but it raises FID too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.claims.questions import Question, questions_of
from harness.config.claim import Claim
from harness.config.claim_parts import ModelAt
from harness.core.disturbance import WORDS, disturbances_text
from harness.metrics.base import Metric
from harness.selftest.outcomes import SelftestResult
from harness.statistics.formatting import number

TOWARDS = {"higher": 1, "lower": -1, "same": 0}
NEEDED = {"worse": "get worse", "higher": "rise", "lower": "fall", "steady": "stay the same"}


def fooling_obstacles(
    claim: Claim,
    metrics: Mapping[str, Metric],
    datasets: Iterable[str],
    results: Sequence[SelftestResult],
) -> list[str]:
    """Return the reasons why a claim is withheld: each metric that a disturbance fools on one of
    the datasets, where no other metric of the claim rules that out.
    """
    of_claim, tested = set(datasets), _TestedClaim(claim, metrics, results)
    return [
        fooled_text(result, metrics[result.metric])
        for result in results
        if result.outcome == "fooled"
        and result.dataset in of_claim
        and tested.ruled_out(result) is None
    ]


def claims_withheld(
    claims: Iterable[Claim],
    metrics: Mapping[str, Metric],
    selftests: Mapping[str, Sequence[SelftestResult]],
) -> dict[str, str]:
    """Return why claims are withheld, by the id of each claim that is."""
    withheld = {}
    for claim in claims:
        results = selftests.get(claim.id, ())
        datasets = {each.dataset for each in results}
        if reasons := fooling_obstacles(claim, metrics, datasets, results):
            withheld[claim.id] = "; ".join(reasons)
    return withheld


def withheld_lines(
    claims: Iterable[Claim],
    metrics: Mapping[str, Metric],
    selftests: Mapping[str, Sequence[SelftestResult]],
) -> list[str]:
    """Return a line for each claim that will have no verdict, with the reason."""
    withheld = claims_withheld(claims, metrics, selftests)
    return [f"claim {id_} will not be evaluable: {reason}" for id_, reason in withheld.items()]


def missing_text(selftests: Mapping[str, Sequence[SelftestResult]]) -> str:
    """Return which self-tests have not been run yet, in a sentence; empty where all have."""
    missing = dict.fromkeys(
        f"{each.metric} on {each.dataset}"
        for results in selftests.values()
        for each in results
        if each.outcome == "not run"
    )
    return f"The run begins with the self-test of {', '.join(missing)}." if missing else ""


def fooled_text(result: SelftestResult, metric: Metric) -> str:
    """Return in words how a disturbance fools a metric, with the figures."""
    words = WORDS[result.disturbance]
    values = f"real images {_value(result.undisturbed)}, with {words} {_value(result.disturbed)}"
    effect = "" if result.effect is None else f", {abs(result.effect):.1f} standard deviations away"
    needed = NEEDED[result.needed]
    return (
        f"{metric.title} is fooled by {words} on {result.dataset} ({values}{effect}; it must "
        f"{needed})"
    )


def selftest_text(
    claim: Claim, metrics: Mapping[str, Metric], results: Sequence[SelftestResult] | None
) -> str:
    """Return what the self-test says of a claim's metrics, in sentences; `results` is None where
    nothing is recorded.
    """
    if results is None:
        return "What would fool its metrics is not recorded."
    if not results:
        return "No disturbance of images that the self-test tries has to do with its metrics."
    return " ".join(_TestedClaim(claim, metrics, results).sentences())


@dataclass(frozen=True)
class _TestedClaim:
    """A claim, and the results of the self-test of its metrics."""

    claim: Claim
    metrics: Mapping[str, Metric]
    results: Sequence[SelftestResult]

    def sentences(self) -> Iterator[str]:
        """What the self-test says of the metrics, a sentence for each kind of outcome."""
        for outcome, reason in dict.fromkeys((each.outcome, each.reason) for each in self.results):
            group = [e for e in self.results if (e.outcome, e.reason) == (outcome, reason)]
            if outcome == "fooled":
                yield from map(self._fooled_sentence, group)
                continue
            parts = "; ".join(self._by_metric(group))
            match outcome:
                case "passes":
                    yield f"Self-test passed: {parts}."
                case "not applicable":
                    yield f"Self-test not applicable: {parts} ({reason})."
                case "not run":
                    yield f"Self-test not run: {parts}."

    def ruled_out(self, result: SelftestResult) -> str | None:
        """The metric by which the disturbance speaks against the claim on whichever side it is;
        None where it would help the claim on one of them.
        """
        sign = self._signs.get(result.metric)
        if sign is None:  # asked otherwise, as by a correlation: every metric must be right
            return None
        moves = {
            each.metric: _move(each, self.metrics[each.metric])
            for each in self.results
            if (each.dataset, each.disturbance) == (result.dataset, result.disturbance)
        }
        names: list[str] = []
        for side in self._misleading_sides(result, sign):
            against = [n for n, s in self._signs.items() if _contradicts(moves.get(n), side, s)]
            if not against:
                return None
            names += against
        others = [name for name in names if name != result.metric]
        # Without a side on which it could mislead, the metric itself speaks against the claim.
        return next(iter([*others, *names]), result.metric)

    def _fooled_sentence(self, result: SelftestResult) -> str:
        text = fooled_text(result, self.metrics[result.metric])
        name = self.ruled_out(result)
        if name is None:
            return f"{text}."
        if name == result.metric:
            return f"{text}, but that would speak against the claim."
        return f"{text}, which {self.metrics[name].title} rules out."

    def _by_metric(self, group: Sequence[SelftestResult]) -> Iterator[str]:
        """Each metric on each dataset, with the disturbances."""
        for name, dataset in dict.fromkeys((each.metric, each.dataset) for each in group):
            tried = [e.disturbance for e in group if (e.metric, e.dataset) == (name, dataset)]
            yield f"{self.metrics[name].title} on {dataset} with {disturbances_text(tried)}"

    def _misleading_sides(self, result: SelftestResult, sign: int) -> Iterator[int]:
        """The sides (1 the first, -1 the other) on which the disturbance could mislead."""
        metric = self.metrics[result.metric]
        blind = _move(result, metric) == 0
        # What is not noticed flatters the side that the claim says is better.
        sides = [sign * metric.sign] if blind and metric.has_sides and sign else [1, -1]
        return (side for side in sides if side == 1 or self._has_other)

    @cached_property
    def _signs(self) -> dict[str, int]:
        """For each metric whether the claim says that its value is higher (1), lower (-1) or the
        same (0) on the first side.
        """
        return {question.metric: TOWARDS[question.towards] for question in self._questions}

    @property
    def _has_other(self) -> bool:
        """Whether the other side is of images too, not a constant."""
        return any(isinstance(question.other, ModelAt) for question in self._questions)

    @cached_property
    def _questions(self) -> list[Question]:
        """The questions about values of the metrics."""
        return [
            question
            for group in questions_of(self.claim, self.metrics)
            for question in group
            if isinstance(question, Question) and question.of == "value"
        ]


def _move(result: SelftestResult, metric: Metric) -> int | None:
    """Whether the value rises (1), falls (-1) or stays (0); None where that is not known."""
    moves = {"higher": 1, "lower": -1, "better": metric.sign, "worse": -metric.sign, "no": 0}
    return moves.get(result.moved)


def _contradicts(move: int | None, side: int, sign: int) -> bool:
    """Whether a metric that moves so on one side then speaks against the claim."""
    if not move:
        return False
    return move * side == -sign if sign else True


def _value(value: float | None) -> str:
    return "no value" if value is None else number(value)
