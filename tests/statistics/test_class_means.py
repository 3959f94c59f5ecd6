import math

import pandas as pd
import pytest

from harness.core.measurement import COLUMNS
from harness.leaderboards.leaderboard import boards
from harness.metrics import METRICS
from harness.statistics.class_means import with_means

EACH = {"d[unseen=each]": ("d[unseen=0]", "d[unseen=1]")}


def row(dataset: str, model: str, seed: int, value: float, status: str = "ok") -> dict[str, object]:
    given = {
        "dataset": dataset, "model": model, "seed": seed, "metric": "auroc", "status": status,
        "value": value, "stderr": 0.1, "over": "images", "protocol": "auroc[n=9 test]",
        "protocol_key": dataset, "reason": "" if status == "ok" else "no luck",
    }  # fmt: skip
    return dict.fromkeys(COLUMNS, "") | given


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_every_class_counts_the_same_and_stays_in_the_table():
    rows = [
        row(f"d[unseen={c}]", model, seed, 0.5 + 0.1 * c + 0.01 * seed)
        for c in range(2) for model in ("a", "b") for seed in range(3)
    ]  # fmt: skip
    both = with_means(table(*rows), EACH)
    means = both[both.dataset == "d[unseen=each]"]
    assert len(means) == 6
    assert means.value.to_list() == pytest.approx([0.55, 0.56, 0.57] * 2)
    assert set(means.protocol) == {"auroc[n=9 test], mean over 2 classes"}
    assert means.protocol_key.nunique() == 1
    first, *others = boards(both, METRICS)
    assert first.dataset == "d[unseen=each]"
    assert first.rows[0].mean == pytest.approx(0.56)
    assert [board.dataset for board in others] == ["d[unseen=0]", "d[unseen=1]"]


@pytest.mark.parametrize("status", ["failed", "diverged", "not applicable"])
def test_a_class_without_a_number_leaves_no_mean(status: str):
    broken = table(row("d[unseen=0]", "a", 0, 0.5), row("d[unseen=1]", "a", 0, math.nan, status))
    mean = with_means(broken, EACH).iloc[0]
    assert (mean.status, mean.reason) == (status, "no luck")
    assert math.isnan(mean.value)


def test_a_class_that_is_missing_leaves_no_mean():
    mean = with_means(table(row("d[unseen=0]", "a", 0, 0.5)), EACH).iloc[0]
    assert mean.status == "failed"
    assert mean.reason == "not every class is measured"


def test_tables_without_such_datasets_stay_as_they_are():
    plain = table(row("d", "a", 0, 0.5))
    pd.testing.assert_frame_equal(with_means(plain, {}), plain)
    pd.testing.assert_frame_equal(with_means(table(), EACH), table())
