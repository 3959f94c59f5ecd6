"""A whole suite against its baseline: what is compared, and what it comes to."""

from dataclasses import replace
from pathlib import Path

import pytest
from recorded import SUITE, Value, noisy, plan_of, results_of

from harness.core.errors import BadInput
from harness.core.protocol import Protocol
from harness.metrics import load_metric
from harness.plan import Cell, Plan, PlannedMeasurement
from harness.regression.baseline import Baseline, load_baseline, to_json
from harness.regression.baseline_from_plan import make_baseline
from harness.regression.changes import Change, ChangeOutcome, MetricPair, RunSet
from harness.regression.check import Check, compare_with_baseline, outcome
from harness.regression.gate import Gate, open_gate
from harness.regression.noisy_change import ALPHA
from harness.regression.provenance import alterations, protocol_changes
from harness.regression.tolerance import Tolerance
from harness.report.checks.words import CheckText


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_of(tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="module")
def baseline(plan: Plan) -> Baseline:
    return make_baseline(plan, results_of(plan, noisy()))


def gate(baseline: Baseline, plan: Plan, **tolerances: str) -> Gate:
    shares = {name: Tolerance(float(share), True) for name, share in tolerances.items()}
    return open_gate(baseline, plan, shares)


def checked(baseline: Baseline, plan: Plan, value: Value, **tolerances: str) -> Check:
    return gate(baseline, plan, **tolerances).check(results_of(plan, value))


def outcomes(check: Check) -> dict[tuple[str, str], str]:
    return {(c.model, c.metric): c.outcome for c in check.changes}


def test_the_same_numbers_are_unchanged(baseline: Baseline, plan: Plan):
    check = checked(baseline, plan, noisy())
    assert check.exit_code == 0
    assert set(outcomes(check).values()) == {"unchanged"}
    assert len(check.changes) == 4
    assert check.tests == 0
    assert check.timings == ("training_time",)


def test_a_worse_metric_is_found_and_named(baseline: Baseline, plan: Plan):
    check = checked(baseline, plan, noisy({"mse": 1.5}, noise=1))
    assert check.exit_code == 1
    assert [c.metric for c in check.among("regressed")] == ["mse", "mse"]
    assert check.tests == 4
    better = checked(baseline, plan, noisy({"mse": 1 / 1.5}, noise=1))
    assert better.exit_code != 1
    assert [c.metric for c in better.among("improved")] == ["mse", "mse"]


def test_holm_makes_the_intervals_of_many_comparisons_wider(baseline: Baseline, plan: Plan):
    (worst, *others) = checked(baseline, plan, noisy({"vae/vae": 1.5}, noise=1)).among("regressed")
    assert not others, "psnr is better where it is more"
    assert worst.effect.level == 1 - ALPHA / 4


def test_a_tolerance_lets_a_small_worsening_pass(baseline: Baseline, plan: Plan):
    value = noisy({"mse": 1.2}, noise=1)
    assert checked(baseline, plan, value).exit_code == 1
    check = checked(baseline, plan, value, mse="0.5", psnr="0.5")
    assert check.exit_code == 0
    assert set(outcomes(check).values()) <= {"tolerated", "not worse"}


FID = [0.72, 0.64, 0.77, 1.04, 0.79], [1.73, 1.06, 1.67, 1.69, 3.60]
KL = [1.61, 0.75, 0.88, 0.71, 1.38], [12.34, 35.0, 1.63, 7.56, 16.2]


def of_seeds(values: list[float]) -> RunSet:
    return RunSet(dict(enumerate(values)), {}, {})


def test_a_tolerance_of_one_metric_clears_no_other():
    """A large change of both, as where the learning rate is twenty times what it was. A wide
    tolerance of one metric took the other's regression away: by Holm's procedure it was then judged
    more strictly, and by its interval at 95 %, which lay on the worse side, it was "not worse".
    """
    plain, tolerant = (
        compare_with_baseline([
            MetricPair("d", "m", load_metric("fid"), *map(of_seeds, FID), tolerance),
            MetricPair("d", "m", load_metric("mode_kl"), *map(of_seeds, KL)),
        ])[0]
        for tolerance in (None, Tolerance(0.2, relative=True))
    )  # fmt: skip
    assert [change.outcome for change in plain] == ["regressed", "regressed"]
    assert [change.outcome for change in tolerant] == ["worse before correction", "regressed"]
    assert tolerant[1] == plain[1]
    assert outcome(tolerant) == "regression"


def test_no_tolerance_changes_what_another_metric_comes_to(baseline: Baseline, plan: Plan):
    seen = set()
    for noise in range(1, 25):
        value = noisy({"mse": 1 + noise / 200, "psnr": 1 - noise / 300}, noise=noise)
        plain = {(c.model, c.metric): c for c in checked(baseline, plan, value).changes}
        for given in ({"mse": "0.05"}, {"mse": "9"}, {"training_time": "0.1"}):
            found = checked(baseline, plan, value, **given)
            for change in found.changes:
                if change.metric not in given:
                    assert change == plain[change.model, change.metric], given
        seen |= {change.outcome for change in plain.values()}
    assert {"regressed", "worse before correction"} <= seen


def test_what_is_worse_before_correction_passes_no_check():
    assert outcome([suspect("worse before correction"), suspect("unchanged")]) == "inconclusive"
    assert outcome([suspect("tolerated"), suspect("not worse")]) == "no regression"


def suspect(said: ChangeOutcome) -> Change:
    return Change("d", "m", "fid", said, "")


def test_timings_are_compared_where_they_have_a_tolerance(baseline: Baseline, plan: Plan):
    same, slower = noisy(), noisy({"training_time": 3.0}, noise=1)

    def slow(cell: Cell, planned: PlannedMeasurement) -> float:
        return (slower if planned.metric == "training_time" else same)(cell, planned)

    assert checked(baseline, plan, slow).exit_code == 0
    check = checked(baseline, plan, slow, training_time="0.2")
    assert check.timings == ()
    assert {c.metric for c in check.among("regressed")} == {"training_time"}


def test_one_undecided_comparison_makes_the_check_inconclusive(baseline: Baseline, plan: Plan):
    def value(cell, wanted):
        late = (cell.model, wanted.metric, cell.seed) == ("vae/vae", "psnr", 4)
        return "" if late else noisy()(cell, wanted)

    check = checked(baseline, plan, value)
    assert check.exit_code == 4
    assert [c.reason for c in check.among("inconclusive")] == ["not measured yet for seed 4"]


def test_a_regression_counts_more_than_what_is_undecided(baseline: Baseline, plan: Plan):
    def value(cell, wanted):
        late = (cell.model, wanted.metric, cell.seed) == ("vae/vae", "psnr", 4)
        return "" if late else noisy({"mse": 2.0}, noise=1)(cell, wanted)

    assert checked(baseline, plan, value).exit_code == 1


def test_a_diverged_cell_is_a_regression_of_all_its_numbers(baseline: Baseline, plan: Plan):
    def value(cell, wanted):
        gone = (cell.model, cell.seed) == ("vae/vae", 0)
        return "diverged: the loss was nan" if gone else noisy()(cell, wanted)

    check = checked(baseline, plan, value)
    assert check.exit_code == 1
    assert outcomes(check) == {
        ("autoencoder/conv", "mse"): "unchanged",
        ("autoencoder/conv", "psnr"): "unchanged",
        ("vae/vae", "mse"): "regressed",
        ("vae/vae", "psnr"): "regressed",
    }


def test_another_suites_baseline_is_bad_input(baseline: Baseline, plan: Plan):
    other = baseline.model_copy(update={"suite": "cifar10"})
    with pytest.raises(BadInput, match="is of suite 'cifar10', and this is 'guarded'"):
        open_gate(other, plan, {})


def test_another_budget_is_not_comparable_and_known_before_anything_runs(
    baseline: Baseline, tmp_path: Path
):
    found = gate(baseline, plan_of(tmp_path, budget=1280))
    assert not found.comparable
    check = found.check([])
    assert check.exit_code == 3
    assert {c.reason for c in check.changes} == {"budget (640 against 1,280 training images)"}


def test_the_budget_of_each_dataset_is_compared_with_its_own(tmp_path: Path):
    two = SUITE.replace("[digits]", '[digits, {name: "digits[unseen=8]", budget: {images: 1280}}]')
    before = plan_of(tmp_path / "before", two)
    baseline = make_baseline(before, results_of(before, noisy()))
    assert baseline.budgets == {"digits[unseen=8]": 1280}
    file = tmp_path / "baseline.json"
    file.write_text(to_json(baseline))
    assert load_baseline(file) == baseline
    after = plan_of(tmp_path / "after", two.replace("1280", "640"))
    lost = open_gate(load_baseline(file), after, {}).check(results_of(after, noisy()))
    reasons = {(c.dataset, c.reason) for c in lost.among("not comparable")}
    assert reasons == {("digits[unseen=8]", "budget (1,280 against 640 training images)")}


def test_a_baseline_of_one_budget_is_written_as_it_was(baseline: Baseline):
    assert "budgets" not in baseline.model_dump(mode="json")
    assert '"budgets"' not in to_json(baseline)


def test_another_protocol_is_named_field_by_field(baseline: Baseline, plan: Plan):
    protocols = {
        key: {**how, "version": 7} if how["metric"] == "mse" else how
        for key, how in baseline.protocols.items()
    }
    other = baseline.model_copy(update={"protocols": protocols})
    check = checked(other, plan, noisy())
    assert check.exit_code == 4, "the others pass, and nothing is known of this one"
    lost = check.among("not comparable")
    assert [c.metric for c in lost] == ["mse", "mse"]
    assert {c.reason for c in lost} == {"version (7 against 1)"}


def test_differing_names_settings_and_fields_that_labels_hide():
    a = Protocol("fid", reference_digest="ab", settings={"k": 3})
    b = Protocol("fid", extractor="x@1", reference_digest="cd", settings={"k": 5, "m": 1})
    assert protocol_changes(a, b) == (
        "extractor (none against x@1), reference_digest (ab against cd), k (3 against 5), "
        "m (none against 1)"
    )
    assert protocol_changes(a, a) == ""


def test_what_left_the_suite_is_missed_and_what_the_command_leaves_out_is_not(
    baseline: Baseline, tmp_path: Path
):
    smaller = plan_of(tmp_path / "a", SUITE.replace(", vae/vae", "").replace(" psnr,", ""))
    check = checked(baseline, smaller, noisy())
    assert check.exit_code == 4
    assert {c.reason for c in check.among("not comparable")} == {
        "the suite has no vae/vae on digits any more",
        "the suite does not measure psnr on digits any more",
    }
    chosen = plan_of(tmp_path / "b", models=["autoencoder/conv"], metrics=["mse"])
    check = checked(baseline, chosen, noisy())
    assert check.exit_code == 0
    assert outcomes(check) == {("autoencoder/conv", "mse"): "unchanged"}


def test_what_is_new_is_told_and_not_compared(baseline: Baseline, tmp_path: Path):
    larger = plan_of(tmp_path, SUITE.replace("psnr,", "psnr, ssim,"))
    check = checked(baseline, larger, noisy())
    assert check.exit_code == 0
    assert check.new == (
        ("digits", "autoencoder/conv", "ssim"),
        ("digits", "vae/vae", "ssim"),
    )


def test_a_metric_that_no_longer_applies_says_why(baseline: Baseline, plan: Plan, tmp_path: Path):
    swapped = plan_of(tmp_path, SUITE.replace("vae/vae", "gan/dcgan"))
    other = baseline.model_copy(
        update={
            "numbers": tuple(
                n.model_copy(update={"model": "gan/dcgan"}) if n.model == "vae/vae" else n
                for n in baseline.numbers
            )
        }
    )
    check = checked(other, swapped, noisy())
    (reason,) = {c.reason for c in check.among("not comparable")}
    assert reason.startswith("not applicable: gan/dcgan does not reconstruct")


def test_an_empty_choice_compares_nothing(baseline: Baseline, plan: Plan):
    nothing = baseline.model_copy(update={"numbers": ()})
    assert checked(nothing, plan, noisy()).exit_code == 3


def test_alterations_name_settings_code_data_and_machine(baseline: Baseline, plan: Plan):
    assert list(alterations(baseline, plan)) == []
    vae = baseline.models["vae/vae"]
    settings = {**vae.settings, "optimizer": {**vae.settings["optimizer"], "lr": 0.5}}
    changed = baseline.model_copy(
        update={
            "models": {
                "vae/vae": vae.model_copy(update={"settings": settings, "code": "0"}),
                "gone": vae,
            },
            "datasets": {"digits": "0"},
            "numerics": {**baseline.numerics, "name": "Abacus"},
        }
    )
    model, data, machine = alterations(changed, plan)
    assert model == "vae/vae: optimizer.lr was 0.5 and is 0.001, its code has changed"
    assert data == "digits: its training images are others"
    assert machine.startswith("machine: name was Abacus and is ")


def test_metrics_of_which_nothing_is_worse_are_left_out(baseline: Baseline, plan: Plan):
    psnr = replace(plan.metrics["psnr"], better="neither", fooled_by={})
    sideless = replace(plan, metrics={**plan.metrics, "psnr": psnr})
    check = checked(baseline, sideless, noisy({"psnr": 9.0}, noise=1))
    assert {metric for _, metric in outcomes(check)} == {"mse"}
    assert check.sideless == ("psnr",)
    assert "worse: psnr" in " ".join(CheckText(check, plan.metrics).remarks())


def test_farther_from_an_ideal_is_worse_on_either_side(baseline: Baseline, plan: Plan):
    for ideal, worse in ((0.0, 1.5), (1000.0, 1 / 1.5)):
        psnr = replace(plan.metrics["psnr"], better="nearer", ideal=ideal, fooled_by={})
        nearer = replace(plan, metrics={**plan.metrics, "psnr": psnr})
        found = outcomes(checked(baseline, nearer, noisy({"psnr": worse}, noise=1)))
        assert {found[name, "psnr"] for name, _ in found} == {"regressed"}
        found = outcomes(checked(baseline, nearer, noisy({"psnr": 1 / worse}, noise=1)))
        assert {found[name, "psnr"] for name, _ in found} == {"improved"}
