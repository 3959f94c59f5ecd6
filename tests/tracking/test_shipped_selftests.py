"""What the project's own self-test said is said in every report, whatever its store has."""

import pytest

from harness.data import load_dataset
from harness.metrics import METRICS
from harness.selftest import outcomes
from harness.selftest.run import run_selftest


@pytest.fixture(scope="module")
def outcome():
    (found,) = outcomes.shipped_outcomes(load_dataset("digits").digest)
    return found


def test_it_is_of_the_metrics_as_they_are_now(outcome):
    """Else reports would say nothing of them: run `harness metrics selftest --json` again."""
    rows = outcome.table[["metric", "definition"]].drop_duplicates()
    assert {"fid", "authpct", "fid_gap", "recall", "vendi"} <= set(rows["metric"])
    for name, definition in rows.itertuples(index=False):
        assert definition == outcomes.definition(METRICS[name]), name


def test_the_gap_that_notices_no_copies_is_known_to(outcome):
    assert outcome.failed(METRICS["fid_gap"]) == ["copies"]
    assert outcome.failed(METRICS["authpct"]) == []
    assert outcomes.shipped_outcomes("another dataset") == []


@pytest.mark.slow
def test_it_is_what_the_selftest_says(outcome):
    metrics = [METRICS[name] for name in ("fid", "authpct", "fid_gap")]
    table = run_selftest(load_dataset("digits"), "classifier:digits", metrics)
    shipped = outcome.table.set_index(["metric", "disturbance"])["verdict"]
    for row in table.itertuples():
        assert shipped[row.metric, row.disturbance] == row.verdict
