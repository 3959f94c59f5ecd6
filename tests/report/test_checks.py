"""A check for terminals, CI servers and pull requests: well formed whatever names and reasons."""

import dataclasses
from xml.etree import ElementTree as ET

import junitparser
import pytest

from harness.metrics import load_metric
from harness.regression.baseline import Baseline, BaselineOrigin
from harness.regression.changes import Change, ChangeEffect
from harness.regression.check import Check
from harness.report.checks.annotations import MOST, workflow_commands
from harness.report.checks.junit import junit
from harness.report.checks.markdown import check_markdown
from harness.report.checks.words import HEADINGS, CheckText, amount

METRICS = {name: load_metric(name) for name in ("fid", "recall")}
WORSE = Change(
    "digits", "gan/dcgan", "fid", "regressed", "worse beyond noise", (5, 5), None, 12.31, 14.77,
    ChangeEffect("ratio", 1.2, 1.1, 1.31, 0.975, 1.3, 1.123),
)  # fmt: skip
UNSURE = Change(
    "digits", "gan/dcgan", "recall", "inconclusive", "a worsening by 0.02 is not ruled out", (5, 3),
    None, 0.61, 0.6, ChangeEffect("difference", -0.01, -0.04, 0.02, 0.95, -0.02, -0.051), 9,
)  # fmt: skip
SUSPECT = dataclasses.replace(WORSE, outcome="worse before correction", reason="worse at 95 %")
SAME = Change(
    "digits", "vae/vae", "fid", "unchanged", "equal to the last digit", (5, 5), None, 3.0, 3.0
)
NASTY = Change(
    'a]]>"<b>',
    "m|x\n,:%",
    "gone",
    "not comparable",
    "seed 1 failed: \x1b[31mno\x00\nluck\ud800 & <b>",
)


def words(*changes: Change, **more) -> CheckText:
    baseline = Baseline.model_construct(
        made=BaselineOrigin(date="2025-01-31", harness="1.0", commit="abc", machine="Abacus")
    )
    check = Check("guarded", baseline, changes, tests=2, **more)
    return CheckText(check, METRICS, ("gan/dcgan: its code has changed",))


EVERYTHING = words(WORSE, UNSURE, SAME, NASTY)


def test_amounts_are_shares_of_ratios_and_units_of_differences():
    assert amount(WORSE.effect) == "+20 % [+10 %, +31 %]"
    assert amount(UNSURE.effect) == "−0.010 [−0.040, +0.020]"
    exact = dataclasses.replace(WORSE.effect, value=1.5, low=1.5, high=1.5, shows=None)
    assert amount(exact) == "+50.0 %"


def test_a_row_has_a_cell_for_every_heading():
    assert EVERYTHING.row(WORSE) == (
        "digits", "gan/dcgan", "fid ↓", "12.3", "14.8", "+20 % [+10 %, +31 %]", "97.5 %",
        "+12 %", "regressed",
    )  # fmt: skip
    assert EVERYTHING.row(UNSURE)[2:8] == (
        "recall ↑", "0.610", "0.600", "−0.010 [−0.040, +0.020]", "95 %", "−0.051",
    )  # fmt: skip
    assert EVERYTHING.row(SAME)[5:] == ("–", "–", "–", "unchanged")
    assert {len(EVERYTHING.row(c)) for c in EVERYTHING.check.changes} == {len(HEADINGS)}


def test_the_smaller_mean_keeps_its_digits_where_the_other_is_many_times_as_large():
    effect = ChangeEffect("ratio", 14.46, 4.22, 49.57, 0.975, 2.0, 7.65)
    change = dataclasses.replace(WORSE, before=0.0177, now=0.256, effect=effect)
    assert EVERYTHING.row(change)[3:5] == ("0.018", "0.256")


@pytest.mark.parametrize(
    ("changes", "code", "summary"),
    [
        ([SAME], 0, "No regression in 1 comparison: 1 unchanged."),
        (
            [SAME, WORSE],
            1,
            "Regression in 1 of 2 comparisons: Fréchet distance of gan/dcgan on digits.",
        ),
        ([NASTY], 3, "Nothing comparable was measured: seed 1 failed"),
        ([], 3, "Nothing comparable was measured: nothing was chosen."),
        ([SAME, UNSURE], 4, "Inconclusive: no regression is seen, and 1 of 2 comparisons cannot"),
        ([SAME, NASTY], 4, "Inconclusive"),
        (
            [SAME, SUSPECT],
            4,
            "Inconclusive: Fréchet distance of gan/dcgan on digits worse before correction, and 1",
        ),
        ([WORSE] * 5, 1, "Fréchet distance of gan/dcgan on digits and 2 more."),
    ],
)
def test_the_summary_goes_with_the_exit_code(changes, code, summary):
    found = words(*changes)
    assert found.check.exit_code == code
    assert summary in found.summary()


def test_the_report_says_why_what_changed_and_how_fine_the_check_is():
    text = "\n".join(EVERYTHING.report())
    assert "12.3 → 14.8, +20 % [+10 %, +31 %] (97.5 % interval, 5 seeds)" in text
    assert "3 against 5 seeds); about 9 seeds would decide it" in text
    assert "changed since the baseline: gan/dcgan: its code has changed" in text
    assert "2 tested" in text
    left_out = words(SAME, new=(("d", "m", "x"),), timings=("training_time",))
    assert "compared only where they have a tolerance: training_time" in left_out.remarks()
    assert "1 not in the baseline, and not compared" in left_out.remarks()


def test_junit_is_read_by_a_parser_with_a_test_for_each_comparison():
    suites = junitparser.JUnitXml.fromstring(junit(EVERYTHING, 3.21).encode())
    assert (suites.tests, suites.failures, suites.errors) == (4, 1, 2)
    (suite,) = suites
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 2, 0)
    assert suite.time == 3.21
    worse, unsure, same, nasty = suite
    assert (worse.classname, worse.name) == ("digits.gan/dcgan", "fid")
    assert isinstance(worse.result[0], junitparser.Failure)
    assert "+20 % [+10 %, +31 %]" in worse.result[0].text
    assert isinstance(unsure.result[0], junitparser.Error)
    assert unsure.result[0].message == UNSURE.reason
    assert same.is_passed
    assert nasty.classname == 'a]]>"<b>.m|x\n,:%'
    assert "�[31mno�" in nasty.result[0].message


@pytest.mark.parametrize(
    "changes", [[SAME], [SAME, WORSE], [SAME, UNSURE], [SAME, NASTY], [NASTY], [SUSPECT]]
)
def test_all_junit_tests_pass_exactly_where_the_command_does(changes):
    found = words(*changes)
    root = ET.fromstring(junit(found, 0.0))
    bad = int(root.attrib["failures"]) + int(root.attrib["errors"])
    assert (bad == 0) == (found.check.exit_code == 0)


def test_annotations_are_escaped_as_github_reads_them():
    error, unsure, nasty = workflow_commands(EVERYTHING)
    assert error.startswith(
        "::error title=Fréchet distance of gan/dcgan on digits%3A regressed::regressed: "
    )
    assert "+20 %25 [+10 %25, +31 %25]" in error
    assert unsure.startswith("::warning title=recall of gan/dcgan on digits%3A inconclusive::")
    assert nasty.startswith('::warning title=gone of m|x%0A%2C%3A%25 on a]]>"<b>%3A not comparable')
    assert "\n" not in nasty


def test_annotations_beyond_what_github_shows_are_counted():
    lines = list(workflow_commands(words(*[WORSE] * 14, UNSURE)))
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == MOST
    assert errors[-1].startswith("::error title=5 more::Fréchet distance of gan/dcgan on digits; ")
    assert len(lines) == MOST + 1
    assert len(list(workflow_commands(words(*[WORSE] * MOST)))) == MOST
    assert list(workflow_commands(words(SAME))) == []
    (suspect,) = workflow_commands(words(SAME, SUSPECT))
    assert suspect.startswith("::warning title=Fréchet distance of gan/dcgan on digits%3A worse be")


def test_markdown_puts_what_needs_a_look_first_and_folds_the_rest():
    text = check_markdown(EVERYTHING)
    assert text.startswith("### ❌ guarded\n\nRegression in 1 of 4 comparisons")
    above, below = text.split("<details><summary>1 more</summary>")
    assert "❌ regressed" in above
    assert "❔ inconclusive" in above
    assert "| unchanged |" in below
    assert (
        "❔ worse before correction" in check_markdown(words(SAME, SUSPECT)).split("<details>")[0]
    )
    assert "Baseline saved 2025-01-31 with harness 1.0 at abc on Abacus." in below
    assert check_markdown(words(SAME)).startswith("### ✅ guarded")
    assert check_markdown(words(NASTY)).startswith("### ❔ guarded")


def test_markdown_takes_names_and_reasons_for_text():
    text = check_markdown(EVERYTHING)
    assert "<b>" not in text
    assert "m\\|x ,:%" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = {line.replace("\\|", "").count("|") for line in rows}
    assert columns == {len(HEADINGS) + 1}
