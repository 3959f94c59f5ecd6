from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analysis_tables import METRICS, failed, row, table
from scipy import stats

from harness.core.measurement import COLUMNS, HELD_OUT, TRAINING_IMAGES
from harness.leaderboards.board import to_table
from harness.leaderboards.leaderboard import _remarks, boards

VALUES = {"worst": [0.1, 0.13, 0.11], "best": [0.9, 0.92, 0.91], "near": [0.89, 0.93, 0.9]}


def board(frame):
    (found,) = boards(frame, METRICS)
    return found


def test_models_that_cannot_be_told_apart_share_a_rank():
    found = board(table(VALUES))
    assert [(row.model, row.rank) for row in found.rows] == [("best", 1), ("near", 1), ("worst", 3)]


def test_the_interval_is_the_t_interval_over_training_seeds():
    found = board(table(VALUES))
    theirs = stats.ttest_1samp(VALUES["best"], 0).confidence_interval(0.95)
    first = found.rows[0]
    assert (first.low, first.high) == pytest.approx(tuple(theirs))
    assert (found.level, found.over, first.seeds) == (0.95, "training seeds", 3)


def test_metrics_on_the_log_scale_have_geometric_means():
    found = board(table({"a": [10.0, 20.0, 40.0], "b": [100.0, 100.0, 100.0]}, metric="fid"))
    assert found.mean == "geometric mean"
    assert found.rows[0].model == "a"
    assert found.rows[0].mean == pytest.approx(20.0)
    assert found.rows[0].low > 0
    assert (found.rows[1].low, found.rows[1].high) == pytest.approx((100.0, 100.0))


HELD_OUT_METRIC = replace(METRICS["recall"], better="nearer", ideal="held-out")


def beside_held_out(frame, floor=60.0, model=HELD_OUT):
    return pd.concat([frame, pd.DataFrame([row(model, 0, floor)], columns=COLUMNS)])


MEMORISATION = {"vae": [95.0, 95.2, 94.9], "ddpm": [62.0, 61.8, 62.2], "copies": [1.0, 1.2, 0.9]}


def test_what_is_to_be_as_of_held_out_images_ranks_by_the_distance_from_them():
    """The most authentic samples of all are not the best: they are the farthest from the data."""
    (found,) = boards(
        beside_held_out(table(MEMORISATION)), {"recall": HELD_OUT_METRIC}, against=["ddpm"]
    )
    assert [(r.model, r.rank) for r in found.rows] == [("ddpm", 1), ("vae", 2), ("copies", 3)]
    assert [r.mean for r in found.rows] == pytest.approx([62.0, 95.0333, 1.0333], abs=1e-3)
    assert (found.floor.model, found.floor.mean) == (HELD_OUT, 60.0)
    assert found.by == "the distance from 60"
    assert not found.unranked
    assert found.row("vae").versus.outcome == "worse"
    assert found.row("vae").versus.value == pytest.approx(35.0333 - 2, abs=1e-3)


@pytest.mark.parametrize("floors", [None, TRAINING_IMAGES])
def test_without_held_out_images_nothing_is_ranked(floors):
    frame = table(MEMORISATION)
    frame = frame if floors is None else beside_held_out(frame, 0.0, floors)
    (found,) = boards(frame, {"recall": HELD_OUT_METRIC}, against=["ddpm"])
    assert [r.rank for r in found.rows] == [None] * 3
    assert found.floor is None, "all copies is no floor of a measure of copies"
    assert found.unranked == "what held-out images get was not measured"
    assert found.row("vae").versus.outcome == "higher"
    assert found.row("copies").versus.outcome == "lower"


def test_a_fixed_ideal_ranks_by_the_distance_from_it():
    values = {
        "blurred": [-0.3, -0.31, -0.32],
        "fine": [0.02, -0.01, 0.0],
        "noisy": [0.2, 0.21, 0.2],
    }
    metric = replace(METRICS["recall"], better="nearer", ideal=0.0)
    (found,) = boards(table(values), {"recall": metric})
    assert [(r.model, r.rank) for r in found.rows] == [("fine", 1), ("noisy", 2), ("blurred", 3)]
    assert found.row("blurred").mean == pytest.approx(-0.31)
    assert found.row("blurred").low < -0.31 < found.row("blurred").high < 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"better": "neither"}, "no value is better"),
        ({"own_scale": True}, "judged by its own adversary"),
        ({"better": "nearer", "ideal": 0.5, "own_scale": True}, "judged by its own adversary"),
    ],
)
def test_values_without_an_order_between_models_are_not_ranked(changes, why):
    (found,) = boards(table(VALUES), {"recall": replace(METRICS["recall"], **changes)})
    assert [r.rank for r in found.rows] == [None] * 3
    assert why in found.unranked


def test_a_model_with_fewer_than_three_seeds_is_not_ranked():
    found = board(pd.concat([table(VALUES), table({"young": [0.99, 0.98]})]))
    assert [(row.model, row.rank) for row in found.rows] == [
        ("young", None), ("best", 1), ("near", 1), ("worst", 3),
    ]  # fmt: skip


def test_a_model_that_alone_has_numbers_is_not_ranked():
    found = board(table({"alone": VALUES["best"]}))
    assert [(row.model, row.rank, row.seeds) for row in found.rows] == [("alone", None, 3)]


def test_a_board_says_whether_any_model_is_told_apart():
    assert board(table(VALUES)).tells_apart
    assert not board(table({name: VALUES[name] for name in ("best", "near")})).tells_apart


def test_exact_differences_are_differences():
    frame = table({"a": [5.0] * 3, "b": [4.0] * 3, "c": [4.0] * 3})
    parameters = METRICS | {"recall": replace(METRICS["recall"], of_recipe=True)}
    (found,) = boards(frame, parameters)
    assert [row.rank for row in found.rows] == [1, 2, 2]
    assert [row.rank for row in board(frame).rows] == [1, 1, 1]


def test_no_interval_leaves_the_range_of_its_metric():
    bounded = METRICS | {"recall": replace(METRICS["recall"], range=(0.0, 1.0))}
    frame = table({"a": [0.99, 0.96, 0.999], "b": [0.01, 0.04, 0.001]})
    (found,) = boards(frame, bounded, against=["a"])
    assert all(0 < row.low < row.high < 1 for row in found.rows)
    assert found.row("b").versus.interval[0] >= -1


def test_counts_do_not_pass_the_largest_where_real_images_are_counted():
    counts = METRICS | {
        "recall": replace(METRICS["recall"], range=(0.0, None), counts=True),
    }
    held_out = row(HELD_OUT, 0, 25.0)
    frame = pd.concat([table({"a": [25.0, 23.0, 24.0]}), pd.DataFrame([held_out])])
    (found,) = boards(frame, counts)
    assert 0 < found.rows[0].low < 24 < found.rows[0].high <= 25


def test_failures_stand_on_the_board():
    found = board(failed(table(VALUES), "best", 1))
    assert found.row("best").failures == {"diverged": 1}
    assert found.row("best").seeds == 2
    assert found.row("best").reason == "loss became NaN"


def test_a_model_without_numbers_is_last_and_has_no_rank():
    away = table({"none": [np.nan] * 3}, status="not applicable", reason="no decoder")
    found = board(pd.concat([away, table(VALUES)]))
    assert found.rows[-1].model == "none"
    assert found.rows[-1].rank is None
    assert found.rows[-1].mean is None
    assert found.row("nobody") is None


def test_another_protocol_is_another_board_and_names_the_field():
    other = table({"c": [0.99] * 3}, protocol="recall[n=5/9 test]", protocol_key="z")
    first, second = boards(pd.concat([other, table(VALUES)]), METRICS)
    assert [row.model for row in first.rows] == ["best", "near", "worst"]
    assert first.apart == ""
    assert second.apart == "counts (n=9/9 test against n=5/9 test)"


def test_the_table_has_a_row_for_each_model_of_each_board():
    found = to_table(boards(failed(table(VALUES), "best", 1), METRICS))
    assert len(found) == 3
    assert found.set_index("model").loc["best", "failures"] == "1 diverged"
    assert found.set_index("model").loc["worst", "rank"] == 2
    assert found["rank"].isna().sum() == 1


def test_a_tier_is_judged_against_its_leader():
    # A chain: each is near the next, the ends are apart.
    drift = np.linspace(-0.02, 0.02, 8)
    chain = {"a": 0.53 + drift, "b": 0.52 - drift, "c": 0.505 + drift}
    found = board(table({model: values.tolist() for model, values in chain.items()}))
    assert {row.model: row.rank for row in found.rows} == {"a": 1, "b": 1, "c": 3}


def test_remarks_of_seeds_that_differ_in_figures_are_one():
    rows = {
        "m": {0: "only 9 samples; 3 of 9 are copies", 1: "only 9 samples; 5 of 9 are copies"},
        "n": {0: "", 1: "2.5e-3 off"},
    }
    found = {model: _remarks(by_seed) for model, by_seed in rows.items()}
    assert found == {
        "m": ("only 9 samples", "3 of 9 are copies (seed 0; and in 1 more of 2 seeds)"),
        "n": ("2.5e-3 off (seed 1)",),
    }
