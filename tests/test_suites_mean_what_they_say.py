"""The shipped suites measure the same data alike, and claims by metrics that mean the word."""

from collections import defaultdict

import pytest

from harness.config.suite import list_suites, load_suite
from harness.core.errors import SpecError
from harness.metrics import METRICS
from harness.plan.suite_checks import check_suite


def test_the_same_data_have_the_same_number_of_samples_in_every_suite():
    """Of other counts FID has another bias, and reports on one dataset would not compare."""
    asked = defaultdict(set)
    sizes = {"mnist": 10_000, "fashion-mnist": 10_000, "cifar10": 10_000}
    for name in list_suites():
        suite = load_suite(name).suite
        for entry in suite.datasets:
            base = entry.name.partition("[")[0]
            counts = asked[f"{base}, resized" if "size=16" in entry.name else base]
            images = sizes.get(base, "as many as test images")
            counts.add(entry.samples or suite.samples or images)
    assert asked["digits"] == {"as many as test images"}
    assert asked["mnist"] == asked["cifar10"] == {10_000}
    # Inpainting and VAEs measure all test images; suites of samplers take up to 1,000 steps each.
    for base in ("mnist", "fashion-mnist"):
        assert asked.pop(f"{base}, resized") <= {2_000, 10_000}
    assert all(len(counts) == 1 for counts in asked.values()), dict(asked)


CLAIM = """
title: Sided
seeds: [0, 1, 2]
budget: {images: 64}
datasets: ["digits[size=8]"]
models: [vae/vae, gan/dcgan]
metrics: [sharpness]
claims:
  - id: blurry
    statement: VAE samples are blurrier.
    metric: sharpness
    model: vae/vae
    against: gan/dcgan
"""


def test_a_claim_that_names_no_direction_where_none_is_better_is_refused(tmp_path):
    file = tmp_path / "suite.yaml"
    file.write_text(CLAIM)
    with pytest.raises(SpecError, match=r"suite.yaml:9.*'blurry': sharpness has no better side"):
        check_suite(load_suite(str(file)))
    file.write_text(CLAIM + "    direction: lower\n")
    check_suite(load_suite(str(file)))


def test_words_of_direction_are_asked_in_that_direction():
    claims = {claim.id: claim for name in list_suites() for claim in load_suite(name).suite.claims}
    blurry = claims["vae-blurry"]
    # A noisy GAN is no sharper one: it has to be nearer to the data too.
    assert (str(blurry.model[0]), str(blurry.against)) == ("gan/dcgan", "vae/vae")
    assert (blurry.higher, blurry.better) == (("sharpness",), ("fid",))
    assert all("best checkpoint" not in claim.statement for claim in claims.values())
    assert METRICS["sharpness"].of_detail
