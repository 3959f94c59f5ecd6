import pandas as pd
import pytest
from analysis_tables import METRICS, metric, table

from harness.leaderboards.leaderboard import boards
from harness.leaderboards.pareto import fronts, pareto


def test_the_front_has_no_point_that_another_beats():
    points = {"a": (1.0, 5.0), "b": (2.0, 9.0), "c": (3.0, 8.0), "d": (4.0, 10.0)}
    assert pareto(points, "higher") == ["a", "b", "d"]
    assert pareto(points, "lower") == ["a"]


def test_of_equal_cost_or_quality_only_the_better_is_on_it():
    assert pareto({"a": (1.0, 5.0), "b": (1.0, 6.0), "c": (2.0, 6.0)}, "higher") == ["b"]


ALL = METRICS | {
    "sampling_throughput": metric("sampling_throughput", "higher", "log"),
    "parameters": metric("parameters", "lower", "log"),
}


def found():
    return pd.concat([
        table({"slow": [0.9, 0.91, 0.92], "fast": [0.5, 0.51, 0.52], "lost": [0.4, 0.41, 0.42]}),
        table({"slow": [10.0] * 3, "fast": [1000.0, 1100.0, 900.0], "other": [1.0] * 3},
              metric="sampling_throughput"),
    ])  # fmt: skip


def test_a_rate_is_drawn_as_the_time_for_1000_images():
    (front,) = fronts(boards(found(), ALL), ALL, ["recall"])
    assert front.axis == "seconds for 1000 images"
    assert front.points["slow"] == pytest.approx((100.0, 0.91))
    assert front.points.keys() == {"slow", "fast"}, "what lacks a number is not drawn"
    assert front.best == ("fast", "slow")
    low, high = front.spread("fast")
    assert low < front.points["fast"][0] < high
    assert front.spread("nobody") is None


def test_one_model_has_no_front():
    alone = found()
    alone = alone[(alone["model"] == "slow")]
    assert fronts(boards(alone, ALL), ALL, ["recall"]) == []
