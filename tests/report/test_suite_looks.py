"""The looks at a suite's claims in its store, and the seeds of those that are open."""

import json
from types import SimpleNamespace

import pytest
from analysis_tables import claim

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import Verdict
from harness.report.looks import (
    current_looks,
    declare_most,
    looks_from,
    read_looks,
    with_reached,
    write_looks,
)
from harness.report.more_seeds import SeedsOfClaims, first_seeds

THREE, FIVE = tuple(range(3)), tuple(range(5))


def planned(seeds=THREE):
    return SimpleNamespace(
        loaded=SimpleNamespace(suite=SimpleNamespace(claims=(claim(),), seeds=seeds))
    )


class FakeStore:
    def __init__(self):
        self.files = {}

    def put(self, run_id, path, content):
        self.files[run_id, path] = content

    def get(self, run_id, path):
        content = self.files.get((run_id, path))
        return None if content is None else content.encode()


def reported(looks, outcome="inconclusive", seeds=THREE):
    """The looks after a report that reached this outcome."""
    current = current_looks(planned(seeds), looks, SeedsOfClaims(seeds))
    return with_reached(looks, [Verdict(claim(), outcome, "", (), looks=current["c"])])


def test_a_verdict_that_was_reached_is_a_look():
    assert reported({})["c"].seeds == (THREE,)
    assert reported({}, "not evaluable") == {}
    assert reported(reported({}), seeds=FIVE)["c"].seeds == (THREE, FIVE)
    assert reported(reported({}))["c"].seeds == (THREE,)


def test_a_look_at_more_seeds_than_a_report_has_is_not_its_own_and_is_kept():
    wider = reported(reported({}), seeds=FIVE)
    assert current_looks(planned(), wider, SeedsOfClaims(THREE))["c"].seeds == (THREE,)
    assert reported(wider)["c"].seeds == (THREE, FIVE)


def test_the_store_keeps_them():
    store, looks = FakeStore(), reported({"c": ClaimLooks(most=9)})
    write_looks(store, "run", looks)
    assert read_looks(store, "run") == looks == {"c": ClaimLooks((THREE,), 9)}
    assert read_looks(store, None) == read_looks(store, "other") == {}
    with pytest.raises(ValueError, match="seeds"):
        looks_from(json.loads('{"c": {"seeds": "many"}}'))


def test_the_greatest_number_of_seeds_is_declared_before_the_first_look_only():
    store = FakeStore()
    declare_most(planned(), store, "run", 12)
    assert read_looks(store, "run")["c"].most == 12
    write_looks(store, "run", reported(read_looks(store, "run")))
    declare_most(planned(), store, "run", 20)
    assert read_looks(store, "run")["c"].most == 12


def test_open_claims_alone_get_more_seeds():
    verdicts = [
        Verdict(claim(id=name), outcome, "", ())
        for name, outcome in (("open", "inconclusive"), ("done", "supported"))
    ]
    seeds = SeedsOfClaims((0, 1, 7), most=12)
    assert seeds.later_looks() == [5, 8, 12]
    assert SeedsOfClaims(THREE).later_looks() == []
    wider = seeds.widened(verdicts, 5)
    assert wider.of("open") == (0, 1, 2, 3, 7)
    assert wider.of("done") == (0, 1, 7)
    assert wider.all == (0, 1, 2, 3, 7)
    assert first_seeds(THREE, 3) == THREE
