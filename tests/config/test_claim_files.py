import pytest

from harness.config.suite import list_suites, load_suite
from harness.core.errors import SpecError

SUITE = """\
title: t
seeds: [0, 1, 2]
budget: {images: 1_000}
datasets: [digits, mnist]
models: [gan/dcgan, vae/vae]
metrics: [fid, recall]
claims:
  - from: gans
    ids: [better]
    datasets: [digits]
  - id: own
    statement: Own.
    metric: recall
    model: gan/dcgan
    against: vae/vae
"""
GANS = """\
title: GANs
claims:
  - id: better
    statement: The GAN has the better FID.
    metric: fid
    model: gan/dcgan
    against: vae/vae
    datasets: [ring]
  - id: more
    statement: It covers more.
    shape: equivalence
    metric: recall
    model: gan/dcgan
    against: vae/vae
    delta: 0.1
"""


@pytest.fixture
def suite(zoo, tmp_path):
    """`suite(text, file=text)` writes claim files, shipped ones by a bare name, and reads it."""

    def read(text=SUITE, gans=GANS, **beside):
        zoo({"suites/claims/gans": gans})
        for name, content in beside.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return load_suite(str(path))

    return read


def error(suite, *args, **kwargs):
    with pytest.raises(SpecError) as caught:
        suite(*args, **kwargs)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_an_include_stands_for_claims_of_a_file(suite):
    better, own = suite().suite.claims
    assert (better.id, own.id) == ("better", "own")
    assert better.datasets == ("digits",)
    every = suite(SUITE.replace("    ids: [better]\n", "")).suite.claims
    assert [claim.id for claim in every] == ["better", "more", "own"]
    assert every[1].datasets == ("digits",)


def test_an_include_may_ask_claims_of_the_budget(suite):
    text = SUITE.replace("    ids: [better]\n", "    ids: [better]\n    at_budget: true\n")
    better, own = suite(text).suite.claims
    assert better.at_budget
    assert not own.at_budget
    assert better.datasets == ("digits",)
    assert "mine.yaml:10: at_budget: " in error(suite, text.replace("true", "often"))


def test_claims_keep_the_datasets_they_name(suite):
    text = SUITE.replace("    datasets: [digits]\n", "")
    kept = suite(text, GANS.replace("[ring]", "[mnist]")).suite.claims
    assert kept[0].datasets == ("mnist",)
    # The error is where the claim is written, and says which suite lacks what it names.
    assert "gans.yaml:3: claim 'better': dataset 'ring' is not in the suite" in error(suite, text)
    assert "(included by " in error(suite, text)


def test_files_beside_the_suite_may_be_included_and_include_others(suite):
    text = SUITE.replace("from: gans", "from: here.yaml")
    here = "title: Here\nclaims:\n  - from: gans\n"
    assert [c.id for c in suite(text, here=here).suite.claims] == ["better", "own"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("from: gans", "from: gns", "mine.yaml:8: unknown claim file 'gns'; did you mean 'gans'?"),
        ("ids: [better]", "ids: [beter]", "mine.yaml:9: gans.yaml has no claim 'beter'; did you"),
        ("ids:", "id:", "mine.yaml:9: unknown key 'id'; did you mean 'ids'?"),
        (
            "datasets: [digits]\n  -",
            "datasets: [digit]\n  -",
            "dataset 'digit' is not in the suite",
        ),
        ("from: gans", "from: ../gans.yaml", "mine.yaml:8: from: '../gans.yaml' leads out of"),
        ("from: gans", "from: gone.yaml", "mine.yaml:8: from: there is no file"),
        ("from: gans", "from: 3", "mine.yaml:8: from: 3: should be a valid string"),
        ("id: own", "id: better", "mine.yaml:11: claim 'better' is there twice, first at"),
    ],
)
def test_what_cannot_be_included_is_one_line_with_its_place(suite, old, new, expected):
    assert old in SUITE
    assert expected in error(suite, SUITE.replace(old, new, 1))


def test_the_second_of_two_claims_names_the_first(suite):
    twice = SUITE.replace("id: own", "id: better")
    assert "first at " in error(suite, twice)
    assert error(suite, twice).endswith("gans.yaml:3")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("delta: 0.1", "", "gans.yaml:9: claims[1]: an equivalence needs a 'delta' above 0"),
        ("delta: 0.1", "delt: 0.1", "gans.yaml:15: unknown key 'claims[1].delt'; did you mean"),
        ("shape: equivalence", "shape: equal", "gans.yaml:9: claims[1]: unknown shape 'equal'"),
        ("delta: 0.1", "delta: -0.1", "gans.yaml:15: claims[1].delta: -0.1: should be greater"),
        ("id: more", "id: better", "gans.yaml:9: claim 'better' is there twice, first at"),
        ("title: GANs\n", "", "gans.yaml:1: key 'title' is missing"),
        ("  - id: better", "  - word\n  - id: better", "gans.yaml:3: claims[0]: 'word': should be"),
    ],
)
def test_an_error_in_a_claim_file_has_its_file_and_line(suite, old, new, expected):
    assert old in GANS
    assert expected in error(suite, gans=GANS.replace(old, new, 1))


def test_files_that_include_each_other_are_refused(suite):
    text = SUITE.replace("from: gans", "from: a.yaml")
    loop = {
        "a": "title: A\nclaims: [{from: b.yaml}]\n",
        "b": "title: B\nclaims: [{from: a.yaml}]\n",
    }
    found = error(suite, text, **loop)
    assert "b.yaml:2: from: the file includes itself: mine.yaml → a.yaml → b.yaml → a.yaml" in found


def test_a_point_in_training_is_a_side_of_a_claim(suite):
    timed = GANS.replace("model: gan/dcgan", "model: {model: gan/dcgan, at: 0.5}", 1)
    assert str(suite(gans=timed).suite.claims[0].entrants[0]) == "gan/dcgan@0.5"


def test_shipped_claims_are_no_suites(zoo):
    zoo({"suites/claims/gans": GANS, "suites/quick": SUITE})
    assert list_suites() == ["quick"]
