"""How much worse a metric may become."""

import math

import pytest
from analysis_tables import METRICS

from harness.core.errors import BadInput
from harness.regression.tolerance import Tolerance, parse_tolerances


def test_amounts_and_shares_are_read_as_people_write_them():
    found = parse_tolerances(["fid=5%", " recall = 0.02 ", "coverage=1e-3"], METRICS)
    assert found == {
        "fid": Tolerance(0.05, relative=True),
        "recall": Tolerance(0.02),
        "coverage": Tolerance(0.001),
    }
    assert [str(t) for t in found.values()] == ["5 %", "0.02", "0.001"]


@pytest.mark.parametrize("text", ["fid", "fid=", "fid=-1", "fid=nan", "fid=inf", "fid=5%%"])
def test_what_is_no_tolerance_says_how_to_write_one(text: str):
    with pytest.raises(BadInput, match=r"METRIC=AMOUNT, as in fid=5%"):
        parse_tolerances([text], METRICS)


def test_unknown_and_doubled_metrics_are_named():
    with pytest.raises(BadInput, match="unknown metric 'fdi'; did you mean 'fid'"):
        parse_tolerances(["fdi=5%"], METRICS)
    with pytest.raises(BadInput, match="fid has two, 5 % is the other"):
        parse_tolerances(["fid=5%", "fid=3"], METRICS)


def test_margins_are_on_the_scale_that_metrics_are_compared_on():
    assert Tolerance(0.02).margin(0.8, "difference", "higher") == 0.02
    assert Tolerance(0.1, relative=True).margin(-0.8, "difference", "higher") == pytest.approx(0.08)
    assert Tolerance(0.1, relative=True).margin(7.0, "ratio", "higher") == pytest.approx(
        math.log(1.1)
    )
    # From 10 to 12, where lower is better; from 10 to 8, where higher is.
    assert Tolerance(2).margin(10, "ratio", "lower") == pytest.approx(math.log(12 / 10))
    assert Tolerance(2).margin(10, "ratio", "higher") == pytest.approx(-math.log(8 / 10))
    assert Tolerance(10).margin(10, "ratio", "higher") == math.inf
