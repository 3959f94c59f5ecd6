"""The search, on protocols whose numbers are known."""

import pytest

from harness.core.errors import BadInput
from harness.reconcile.claimed_number import parse_claim
from harness.reconcile.evaluator import ProtocolValue
from harness.reconcile.explanation import conclusion, explain
from harness.reconcile.protocol import Deviation, ScoringProtocol
from harness.reconcile.search import ProtocolReader, Search, SearchLimits, search_protocols

DEFAULT = ScoringProtocol("test", "no crop", "bicubic", "as stored", "net", "usual")
FACTORS = {"train": 1.5, "JPEG": 1.1, "bilinear": 1.3, "other": 2.7}
DEVIATIONS = [
    Deviation("reference", "train"),
    Deviation("encoding", "JPEG"),
    Deviation("resize", "bilinear"),
    Deviation("network", "other"),
    Deviation("crop", "nothing"),
    Deviation("estimator", "refused"),
]


def read(protocol: ScoringProtocol) -> ProtocolValue:
    """Twelve, times the factor of each deviation."""
    if protocol.estimator == "refused":
        raise BadInput("it needs more")
    value = 12.0
    for name in (protocol.reference, protocol.encoding, protocol.resize, protocol.network):
        value *= FACTORS.get(name, 1.0)
    return ProtocolValue(value)


def search(claimed: str, **limits: float) -> Search:
    reader = ProtocolReader(read, DEFAULT, parse_claim(f"fid={claimed}"), SearchLimits(**limits))
    return search_protocols(reader, DEVIATIONS)


def test_a_number_that_the_default_gives_has_no_cause():
    explanation = explain(search("12.00"))
    assert explanation.is_explained
    assert explanation.causes == ()
    assert "no difference to explain" in conclusion(explanation)


def test_a_single_deviation_is_named_and_no_pair_is_tried():
    outcome = search("13.20")
    explanation = explain(outcome)
    assert explanation.causes == ("pixels: JPEG",)
    assert not outcome.pairs
    assert conclusion(explanation).startswith("cause: pixels: JPEG gives 13.2 for fid 13.20")


def test_a_pair_is_named_where_no_single_one_gives_the_number():
    outcome = search("17.160")  # 12 × 1.1 × 1.3
    explanation = explain(outcome)
    assert explanation.causes == ("pixels: JPEG", "resize: bilinear")
    changes = [change for _, change in outcome.steps(explanation.protocols[0])]
    assert changes == pytest.approx([1.2, 3.6])


def test_none_is_named_where_nothing_gives_the_number():
    outcome = search("7.31")
    explanation = explain(outcome)
    assert not explanation.is_explained
    assert explanation.causes == ()
    assert conclusion(explanation).startswith("none of 4 single deviations and")


def test_what_changes_nothing_and_what_does_not_apply_is_told_apart():
    outcome = search("7.31")
    assert outcome.without_effect == (DEVIATIONS[4],)
    assert outcome.refused == {DEVIATIONS[5]: "it needs more"}


def test_a_wider_tolerance_and_no_pairs():
    assert explain(search("13.1", tolerance=0.2)).causes == ("pixels: JPEG",)
    assert not search("17.160", pairs=0).pairs


def test_what_nearly_gives_the_number():
    outcome = search("13.19", tolerance=0.005)
    fits = {attempt.deviations[0].value: attempt.fit for attempt in outcome.singles}
    assert fits["JPEG"] == "nearly"
    assert fits["train"] == "no"


def test_a_number_that_chance_meets_names_no_cause():
    """A hundred protocols side by side: one of them is near to any number."""
    deviations = [Deviation("resize", f"{number}") for number in range(100)]

    def crowd(protocol: ScoringProtocol) -> ProtocolValue:
        number = 0 if protocol.resize == "bicubic" else int(protocol.resize) + 1
        return ProtocolValue(10 + 0.05 * number)

    reader = ProtocolReader(crowd, DEFAULT, parse_claim("fid=12.3"), SearchLimits())
    explanation = explain(search_protocols(reader, deviations))
    assert explanation.protocols
    assert explanation.by_chance > 0.5
    assert not explanation.is_explained
    assert "names no cause" in conclusion(explanation)


def test_what_is_drawn_comes_after_what_is_not_and_a_wide_spread_explains_nothing():
    spreads = {"exact": 0.0, "drawn": 0.2, "blunt": 9.0}

    def drawn(protocol: ScoringProtocol) -> ProtocolValue:
        if protocol.resize == "bicubic":
            return ProtocolValue(12.0)
        return ProtocolValue(
            15.004 if protocol.resize == "exact" else 15.0, spreads[protocol.resize]
        )

    reader = ProtocolReader(drawn, DEFAULT, parse_claim("fid=15.00"), SearchLimits())
    deviations = [Deviation("resize", name) for name in ("blunt", "drawn", "exact")]
    explanation = explain(search_protocols(reader, deviations))
    named = [attempt.deviations[0].value for attempt in explanation.protocols]
    assert named == ["exact", "drawn"]
