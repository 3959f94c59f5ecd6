"""What claims ask of a suite, by name; and claims whose names are none."""

import pytest

from harness.config.claim_files import load_claims
from harness.config.members import Members
from harness.config.repeats import repeated
from harness.config.suite import load_suite
from harness.core.errors import SpecError

SUITE = """\
title: A suite
seeds: [0]
budget: {images: 64}
datasets: [digits, {name: ring, models: [gan/mlp], metrics: [mode_count]}]
models: [vae/vae, gan/dcgan]
metrics: [mse, fid]
claims:
  - {id: everywhere, statement: S., metric: mse, model: vae/vae, against: gan/dcgan}
  - {id: one, statement: S., metric: mode_count, model: gan/mlp, below: 8, datasets: ring}
"""


def test_a_claim_holds_where_the_suite_has_what_it_names(tmp_path):
    (tmp_path / "s.yaml").write_text(SUITE)
    suite = load_suite(str(tmp_path / "s.yaml")).suite
    members = Members(suite)
    assert [members.datasets_of(claim) for claim in suite.claims] == [("digits",), ("ring",)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ring}", "digits}", "dataset 'digits' has no model 'gan/mlp' in the suite"),
        ("metric: mse,", "metric: ssim,", "metric 'ssim' is not in the suite"),
        ("gan/dcgan}", "gan/dcgn}", "model 'gan/dcgn' is not in the suite; did you mean"),
    ],
)
def test_a_claim_that_the_suite_cannot_decide(tmp_path, old: str, new: str, said: str):
    (tmp_path / "s.yaml").write_text(SUITE.replace(old, new))
    with pytest.raises(SpecError, match=said):
        load_suite(str(tmp_path / "s.yaml"))


@pytest.mark.parametrize("name", ["[a, b]", "{a: b}", "[[a]]", "3", "null"])
@pytest.mark.parametrize("key", ["id", "shape"])
def test_what_is_no_name(tmp_path, key: str, name: str):
    own = "" if key == "id" else "id: a, "
    claim = f"  - {{{own}statement: S., metric: mse, model: vae/vae, below: 8, {key}: {name}}}\n"
    (tmp_path / "c.yaml").write_text(f"title: Claims\nclaims:\n{claim}{claim.replace('a,', 'b,')}")
    with pytest.raises(SpecError, match=r"c\.yaml:3: "):
        load_claims(tmp_path / "c.yaml")


def test_the_first_value_that_is_there_again():
    assert repeated([]) is None
    assert repeated("abcb") == "b"
    assert repeated(range(100_000)) is None
