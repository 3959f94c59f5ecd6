"""Entries are undertrained or overfitted where the reports of their suites say so."""

import json
import logging
from types import SimpleNamespace

import pytest
from stored_runs import cell, fid, gathered, value

from harness.leaderboards.reported_maturity import REPORT, ReportedMaturity

FALLS = "its loss still falls 9 % in the last tenth of training"
UNDERTRAINED = {"undertrained": FALLS}


def training(model: str, runs: list[str], undertrained: str = "") -> dict[str, object]:
    return {"model": model, "runs": runs, "undertrained": undertrained, "dataset": "digits",
            "images": 100, "steps": 5, "epochs": 2.0}  # fmt: skip


def reports(**by_suite: object) -> ReportedMaturity:
    """What is read of a store whose suites' runs have these reports."""
    files = {
        run: each if isinstance(each, bytes) else json.dumps({"training": each}).encode()
        for run, each in by_suite.items()
    }

    def get(run_id: str, path: str) -> bytes | None:
        assert path == REPORT
        return files.get(run_id)

    return ReportedMaturity.read(SimpleNamespace(get=get), [*by_suite, "without-report"])


def test_a_model_is_what_the_report_on_its_runs_says():
    reported = reports(a=[training("m", ["1", "2"], FALLS), training("n", ["3"])])
    assert reported.marks({"m"}, {"1", "2", "4"}) == UNDERTRAINED
    assert reported.marks({"n"}, {"3"}) == {}
    assert reported.marks({"n"}, {"4"}) is None, "of other runs nothing is known"


def test_of_several_reports_the_one_on_most_of_the_runs_counts():
    few, many = training("m", ["1"], FALLS), training("m", ["1", "2", "3"])
    for order in ({"a": [few], "b": [many]}, {"a": [many], "b": [few]}):
        assert reports(**order).marks({"m"}, {"1", "2", "3"}) == {}
    assert reports(a=[few], b=[training("m", ["1"])]).marks({"m"}, {"1"}) == UNDERTRAINED


def test_a_model_may_be_overfitted_and_earlier_reports_say_nothing_of_it():
    rose = "its held-out loss rose 9 % from its lowest"
    reported = reports(a=[training("m", ["1"]) | {"overfitted": rose}, training("n", ["2"])])
    assert reported.marks({"m"}, {"1"}) == {"overfitted": rose}
    assert reported.marks({"n"}, {"2"}) == {}


def test_models_that_differ_in_sampling_share_runs_and_are_told_apart_by_name():
    reported = reports(a=[training("ddpm", ["1", "2"], FALLS), training("ddim", ["1"])])
    assert reported.marks({"ddim"}, {"1", "2"}) == {}
    assert reported.marks({"ddpm"}, {"1", "2"}) == UNDERTRAINED
    assert reported.marks({"renamed"}, {"1", "2"}) == UNDERTRAINED, "by the runs alone"


@pytest.mark.parametrize("text", [b"", b"[]", b'{"training": 3}', b'{"training": [{"runs": []}]}'])
def test_a_report_that_cannot_be_read_is_left_out_and_named(text, caplog):
    with caplog.at_level(logging.WARNING):
        suite = f"suite-{text.hex()}"  # each is named once
        reported = reports(**{suite: text, "b": [training("m", ["1"], FALLS)]})
    assert reported.marks({"m"}, {"1"}) == UNDERTRAINED
    assert "its report cannot be read and is left out" in caplog.text


def test_a_report_of_an_earlier_version_says_nothing():
    assert reports(a=b'{"undertrained": []}').by_run == {}


def test_entries_are_told_apart_by_budget_and_each_has_its_own_maturity():
    long = {"params": {"budget.images": "5000"}}
    collected = gathered(
        *(cell(seed=seed, numbers=(value(9.0, fid()),)) for seed in (0, 1)),
        cell(numbers=(value(5.0, fid()),), day=1, **long),
        cell("pca", numbers=(value(7.0, fid()),), params={"budget.images": "0"}),
    )
    reported = reports(
        a=[training("gan/mlp", ["gan/mlp-0-0", "gan/mlp-1-0"], FALLS)],
        b=[training("gan/mlp", ["gan/mlp-0-1"])],
    )
    assert collected.with_maturity(reported).maturity == {
        ("digits", "gan/mlp (images=100)"): UNDERTRAINED,
        ("digits", "gan/mlp (images=5000)"): {},
    }
    assert collected.with_maturity(reports()).maturity == {}
