"""A suite's claims wait for the self-test of their metrics, which a run begins with."""

import json
from pathlib import Path

import pytest
from running import Inside

from harness.config.claim import Claim
from harness.config.claim_shapes import make_claim
from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.plan import check_suite, make_plan
from harness.plan.selftests import recorded_selftests
from harness.report.archive import read_record
from harness.tracking import Store, default_uri

NAIVE = """
from harness.metrics import Estimate, Metric


def gradient(samples):
    steps = samples.double().diff(dim=-1).abs().mean(dim=(1, 2, 3))
    return Estimate(float(steps.mean()), float(steps.std()) / len(steps) ** 0.5, "images")


SHARPNESS = Metric("naive", gradient, "higher", "naive sharpness", "", of_pixels=True)
"""
SUITE = """
title: Fooled
seeds: [0, 1, 2]
budget: {images: 64}
datasets: ["digits[size=8]"]
models: [vae/vae, autoencoder/conv]
metrics: [mse, "naive:SHARPNESS", parameters]
claims:
  - id: bright
    statement: The VAE's samples are sharp.
    metric: "naive:SHARPNESS"
    model: vae/vae
    above: 0
    fooled_by: noise
    at_budget: true
  - id: exact
    statement: The autoencoder's error is below 1.
    metric: mse
    model: autoencoder/conv
    below: 1
    at_budget: true
  - id: small
    statement: The autoencoder is small.
    metric: parameters
    model: autoencoder/conv
    below: 1_000_000_000
    fooled_by: nothing
    at_budget: true
"""


@pytest.fixture
def command(tmp_path: Path) -> Inside:
    (tmp_path / "naive.py").write_text(NAIVE)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return Inside(tmp_path)


def test_a_claim_on_a_metric_that_noise_fools_is_withheld_everywhere(command: Inside):
    plan = command("plan", "suite.yaml", "--output", "out")
    assert "The run begins with the self-test of naive:SHARPNESS on digits[size=8], mse" in (
        " ".join(plan.stdout.split())
    )
    ran = command("run", "suite.yaml", "--output", "out", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    assert "self-test of naive:SHARPNESS, mse on digits[size=8]" in ran.stdout
    said = "naive sharpness is fooled by noise on digits[size=8] (real images "
    assert f"claim bright will not be evaluable: {said}" in ran.stdout
    folder = command.folder / "out" / "suite"
    verdicts = json.loads((folder / "verdicts.json").read_text())["verdicts"]
    bright, exact, small = verdicts
    assert bright["outcome"] == "not evaluable"
    assert bright["sentence"].startswith(f"Not evaluable: {said}")
    assert (exact["outcome"], small["reason"]) == ("supported", "")
    assert {each["outcome"] for each in exact["selftests"]} == {"passes"}
    assert [each["disturbance"] for each in exact["selftests"]] == ["noise", "blur"]
    assert small["selftests"] == []
    page = (folder / "index.html").read_text()
    assert "Self-test passed: mean squared error on digits[size=8] with noise and blur." in page
    assert "No disturbance of images that the self-test tries" in page
    kept = read_record(folder)
    assert kept.selftests["bright"][0].outcome == "fooled"
    assert kept.selftests["bright"][0].needed == "worse"

    again = command("run", "suite.yaml", "--output", "out", "--jobs", "1")
    assert "self-test of" not in again.stdout, "it is kept by the images' content"
    withheld = " ".join(command("plan", "suite.yaml", "--output", "out").stdout.split())
    assert "No: naive sharpness is" in withheld
    assert "The run begins with" not in withheld


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("fooled_by: nothing", "'exact': fooled_by says 'nothing', but the self-test of mse "
         "tries noise and blur: name these, or leave fooled_by out"),
        ("fooled_by: nois", "unknown disturbance 'nois'; did you mean 'noise'? (there is: "
         "nothing, noise, blur, grey, "),
        ("fooled_by: [noise, nothing]", "either 'nothing' or disturbances"),
        ("fooled_by: [noise, noise]", "names 'noise' twice"),
    ],
)  # fmt: skip
def test_a_claim_against_its_own_self_test_is_refused(command: Inside, written, words):
    text = SUITE.replace("    metric: mse\n", f"    {written}\n    metric: mse\n")
    (command.folder / "suite.yaml").write_text(text)
    ran = command("validate", "suite.yaml")
    line = text.splitlines().index(f"    {written}") + 1
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert f"suite.yaml:{line}: " in ran.stderr
    assert words in ran.stderr


def test_what_is_shipped_of_the_digits_needs_no_run(tmp_path: Path):
    """The quickstart's claims cost no self-test."""
    plan = make_plan(load_suite("quickstart"), "cpu", None)
    selftests = recorded_selftests(plan, Store(default_uri(tmp_path), tmp_path))
    results = [each for of_claim in selftests.values() for each in of_claim]
    assert {each.outcome for each in results} == {"passes"}
    assert {(each.metric, each.disturbance) for each in results} == {
        ("fid", "noise"), ("fid", "blur"), ("fid", "dropped_modes"), ("mse", "noise"),
        ("mse", "blur"),
    }  # fmt: skip


def test_claims_on_disturbed_images_are_tests_themselves(tmp_path: Path):
    file = tmp_path / "suite.yaml"
    file.write_text(DISTURBED)
    loaded = load_suite(str(file))
    check_suite(loaded)  # that nothing fools IS here is allowed
    plan = make_plan(loaded, "cpu", None)
    selftests = recorded_selftests(plan, Store(default_uri(tmp_path), tmp_path))
    assert {(each.outcome, each.reason) for each in selftests["itself"]} == {
        ("not applicable", "the claim is itself a test with disturbed images")
    }
    file.write_text(DISTURBED.replace("against: disturbed/blur", "against: vae/vae"))
    with pytest.raises(BadInput, match=r"suite.yaml:14: claim 'itself': fooled_by says 'nothing'"):
        check_suite(load_suite(str(file)))


DISTURBED = """
title: Disturbed
seeds: [0]
budget: {images: 64}
datasets: [digits]
models: [disturbed/none, disturbed/blur, vae/vae]
metrics: [fid]
claims:
  - id: itself
    statement: FID notices blur.
    metric: fid
    model: disturbed/none
    against: disturbed/blur
    fooled_by: nothing
"""


def test_the_field_changes_no_question():
    def asked(**fields: object) -> Claim:
        return make_claim(id="c", statement="S.", metric="mse", model="a", against="b", **fields)

    assert asked(fooled_by=["noise", "grey"], why="Because.").asks_as(asked())
    assert not asked(delta=0.1).asks_as(asked())
    assert asked(fooled_by="noise").disturbances == ("noise",)
    assert asked(fooled_by="nothing").disturbances == asked().disturbances == ()
