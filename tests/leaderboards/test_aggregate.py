import numpy as np
import pandas as pd
import pytest
from analysis_tables import METRICS, failed, table
from scipy import stats

from harness.leaderboards.aggregate import (
    improvement,
    improvement_interval,
    interquartile_mean,
    iqm_interval,
    summaries,
)
from harness.leaderboards.leaderboard import boards


def runs(seed: int, sizes: tuple[int, ...] = (5, 5, 5)) -> list[np.ndarray]:
    draws = np.random.default_rng(seed)
    return [draws.normal(size=n) for n in sizes]


def test_the_interquartile_mean_is_that_of_the_middle_half():
    values = [np.array([1.0, 100.0, 4.0, 2.0]), np.array([3.0, -50.0, 5.0, 6.0])]
    assert interquartile_mean(values) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_the_probability_of_improvement_counts_pairs_and_half_a_tie():
    x = [np.array([1.0, 2.0]), np.array([5.0])]
    y = [np.array([1.0, 0.0]), np.array([5.0])]
    assert improvement(x, y) == pytest.approx(((0.5 + 1 + 1 + 1) / 4 + 0.5) / 2)
    u = stats.mannwhitneyu(x[0], y[0]).statistic
    assert improvement(x[:1], y[:1]) == pytest.approx(u / 4)


def test_the_interval_of_improvement_is_that_of_resampled_pairs():
    """Uneven seeds, with ties: against a plain loop over resamples."""
    x = [np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 1.0, 5.0])]
    y = [np.array([2.0, 0.0, 2.0]), np.array([1.0, 1.0, 4.0, 0.0])]
    draws = np.random.default_rng(3)
    plain = [
        improvement([draws.choice(v, len(v)) for v in x], [draws.choice(v, len(v)) for v in y])
        for _ in range(4000)
    ]
    assert improvement_interval(x, y) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.03)


def test_a_single_seed_has_no_interval():
    assert iqm_interval([np.array([1.0]), np.array([1.0, 2.0])]) is None
    assert improvement_interval([np.array([1.0])], [np.array([1.0, 2.0])]) is None


def two_datasets(name: str = "recall") -> pd.DataFrame:
    first = {"a": [0.9, 0.8, 0.85], "b": [0.5, 0.4, 0.45], "here alone": [0.1, 0.2, 0.3]}
    second = {"a": [0.7, 0.6, 0.65], "b": [0.75, 0.1, 0.2]}
    return pd.concat([
        table(first, metric=name, protocol_key="k1"),
        table(second, metric=name, dataset="mnist", protocol_key="k2"),
    ])  # fmt: skip


def summary(frame: pd.DataFrame, **options: str):
    (found,) = summaries(boards(frame, METRICS), frame, METRICS, **options)
    return found


def test_a_summary_has_the_models_that_all_datasets_have():
    found = summary(two_datasets())
    assert [(s.model, s.runs) for s in found.standings] == [("a", 6), ("b", 6)]
    assert found.partial == {"here alone": "mnist"}
    assert (found.reference, found.standings[0].improvement) == ("a", None)
    # On mnist b's 0.75 beats all three of a.
    assert found.standings[1].improvement.value == pytest.approx((0 + 3 / 9) / 2)
    assert summary(two_datasets(), against="b").reference == "b"


def test_of_what_is_less_the_better_it_is_turned():
    found = summary(two_datasets("fid"))
    assert [s.model for s in found.standings] == ["b", "a"]
    assert found.relative
    # Ratios to the geometric mean of all: the same whatever the level of a dataset.
    frame = two_datasets("fid")
    frame.loc[frame["dataset"] == "mnist", "value"] *= 1000
    assert summary(frame).standings[0].iqm.value == pytest.approx(found.standings[0].iqm.value)


def test_cells_without_numbers_are_no_numbers():
    frame = failed(two_datasets(), "a", 1)
    assert summary(frame).standings[0].runs == 4
    frame.loc[(frame["model"] == "b") & (frame["dataset"] == "mnist"), "model"] = "c"
    found = summary(frame)
    assert found.standings == ()
    assert found.partial == {"b": "mnist", "here alone": "mnist", "c": "digits"}
    assert found.problem == "fewer than two models are measured on all of these datasets"


def test_what_is_not_above_zero_has_no_ratios():
    frame = two_datasets("fid")
    frame.loc[frame.index[0], "value"] = 0.0
    assert "not above zero" in summary(frame).problem


def test_one_dataset_has_no_summary():
    frame = table({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]})
    assert summaries(boards(frame, METRICS), frame, METRICS) == []
