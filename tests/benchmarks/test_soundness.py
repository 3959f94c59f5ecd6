"""The simulation counts what it says: wrong verdicts, and rates that lie beyond alpha."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundness
from simulated_suites import AVOID, KINDS, METRICS, SETTINGS, pair_case, standard, two_sides
from soundness import Table, Tally, beyond

from harness.claims.verdicts import decide, decisions
from harness.core.measurement import COLUMNS


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_standard_and_share_what_is_the_seeds(kind: str):
    rng = np.random.default_rng(0)
    scores = standard(kind, rng, 200_000)
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1), abs=0.05)
    a, b = two_sides(kind, rng, 200_000, shared=0.5)
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.5, abs=0.05)


def test_a_verdict_counts_as_false_where_the_truth_is_another():
    a, b = np.array([5.0, 5.1, 4.9]), np.array([1.0, 1.2, 0.9])
    tally = Tally()
    tally.add(pair_case(a, b))
    assert (tally.false_supported, tally.false_refuted, tally.covered) == (1, 0, 0)
    tally.add(pair_case(b, a))
    assert (tally.false_supported, tally.false_refuted) == (1, 1)
    tally.add(pair_case(a, b, holds=True))
    tally.add(pair_case(b, a, opposite=True))
    assert (tally.suites, tally.false_supported, tally.false_refuted) == (4, 1, 1)


def test_a_rate_is_marked_only_where_chance_does_not_explain_it():
    assert not beyond(0, 100)
    assert not beyond(60, 1000)
    assert beyond(80, 1000)
    assert soundness.share(80, 1000, mark=True) == "**8.0**"


def test_every_setting_can_be_judged():
    for name in SETTINGS:
        assert soundness.simulate(name, 3, 1).suites == 1


def tidy(values: dict[tuple[str, str, str], np.ndarray]) -> pd.DataFrame:
    """The tidy table of a simulated suite."""
    rows = [
        (
            dataset, model, seed, name, "ok" if np.isfinite(value) else "diverged", value, 0.01,
            "", "", name, name, "", "", f"{model}{seed}",
        )
        for (dataset, model, name), scores in values.items()
        for seed, value in enumerate(scores)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_simulated_is_what_decides_a_suite_in_earnest(name: str):
    case = SETTINGS[name](np.random.default_rng(1), 6)
    verdicts = decide(case.claims, tidy(case.values), METRICS, 6, training=case.training)
    decided = decisions(
        case.claims, soundness.measured(case.values), METRICS, training=case.training
    )
    assert [v.outcome for v in verdicts] == [d.outcome for d in decided]
    for verdict, decision in zip(verdicts, decided, strict=True):
        if decision.test is not None:
            assert verdict.effect == decision.test.effect(decision.level)


def test_a_row_beyond_alpha_is_an_alarm_unless_it_is_to_be_avoided():
    avoided = next(iter(AVOID))
    rows = [["new", "1.0", "**9.0**"], [avoided, "**9.0**"], ["sound", "2.0"]]
    assert soundness.alarms(rows) == ["new"]


def test_the_page_names_every_setting_that_is_wrong_more_often_than_alpha():
    page = (Path(__file__).parents[2] / "docs/statistics.md").read_text(encoding="utf-8")
    advice = page.split("## Settings to avoid")[1].split("\n## ")[0]
    for name, words in AVOID.items():
        assert name in SETTINGS
        assert words in advice
    table = page.split("<!-- soundness: verdicts -->")[1].split("<!-- end -->")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert set(AVOID) <= {row[0] for row in rows[1:]} <= set(SETTINGS)
    assert soundness.alarms(rows) == []


def test_a_table_is_written_between_its_marks(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("A\n<!-- soundness: t -->\nold\n<!-- end -->\nB <!-- end -->\n")
    soundness.write_table(page, Table("t", "Title", ["x", "y"], [["1", "2"]]))
    soundness.write_table(page, Table("other", "Title", ["x"], []))
    assert page.read_text() == (
        "A\n<!-- soundness: t -->\nTitle:\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n<!-- end -->\n"
        "B <!-- end -->\n"
    )


def test_bounded_means_stay_in_their_range_and_looks_and_maturity_are_counted():
    covered, plain, outside = soundness.bounded("AUROC: mean 0.97, sd 0.03", 3, 20)
    assert outside == 0
    assert 0 <= plain <= covered <= 20
    assert soundness.looked_at("normal", None, 6, 3) <= (3, 3)
    assert soundness.undertrained(0.09, 0.02, 3, 5) == 5
    assert soundness.undertrained(0.0, 0.02, 3, 5) == 0


def test_rules_see_a_difference_that_nobody_could_miss_and_the_gate_too():
    count = 3
    assert soundness.says_better("normal", 10, 50.0, count) == [count] * len(soundness.RULES)
    alarms, passes = soundness.rates(soundness.Checks(5, 5, 0.9), 50.0, count)
    assert (alarms, passes) == (count, 0)
