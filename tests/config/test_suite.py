import io
import re
from pathlib import Path

import pytest

from harness.config.suite import Overrides, list_suites, load_suite
from harness.core.errors import BadInput, SpecError

SUITE = """\
title: Two families on digits
seeds: [0, 1, 2]
budget: {images: 1_000}
samples: 200
datasets:
  - digits
  - name: digits[unseen=8]
    models: [vae/vae]
    metrics: [auroc]
models: [gan/dcgan, vae/vae]
metrics: [fid, recall]
extractor: inception
claims:
  - id: gan-better
    statement: The GAN has the better FID.
    metric: fid
    model: gan/dcgan
    against: vae/vae
  - id: vae-notices
    statement: The VAE notices an eight.
    metric: auroc
    model: vae/vae
    above: 0.5
    datasets: ["digits[unseen=8]"]
"""


@pytest.fixture
def suite_file(tmp_path):
    def write(text=SUITE):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


def changed(old, new):
    assert old in SUITE
    return SUITE.replace(old, new, 1)


def test_a_dataset_may_have_a_budget_and_a_number_of_samples_of_its_own(suite_file):
    own = "    budget: {images: 50_000}\n    samples: 70\n    models: [vae/vae]"
    suite = load_suite(suite_file(changed("    models: [vae/vae]", own))).suite
    assert suite.budgets() == {"digits": 1000, "digits[unseen=8]": 50_000}
    assert [suite.samples_on(entry) for entry in suite.datasets] == [200, 70]


def test_a_resolved_suite_is_as_it_was_where_no_dataset_says_a_budget(suite_file):
    dumped = load_suite(suite_file()).suite.model_dump(mode="json")["datasets"]
    assert dumped == [
        {"name": "digits", "models": None, "metrics": None},
        {"name": "digits[unseen=8]", "models": ["vae/vae"], "metrics": ["auroc"]},
    ]


def test_a_suite_is_read_whole(suite_file):
    loaded = load_suite(suite_file())
    suite = loaded.suite
    assert loaded.name == "mine"
    assert loaded.text == SUITE
    assert suite.seeds == (0, 1, 2)
    assert suite.budget.images == 1000
    assert [entry.name for entry in suite.datasets] == ["digits", "digits[unseen=8]"]
    assert suite.models_on(suite.datasets[0]) == ("gan/dcgan", "vae/vae")
    assert suite.models_on(suite.datasets[1]) == ("vae/vae",)
    assert suite.all_metrics() == ("fid", "recall", "auroc")
    assert [claim.id for claim in suite.claims] == ["gan-better", "vae-notices"]
    assert loaded.dropped == {}


def test_shipped_suites_go_by_name(zoo):
    zoo({"suites/quick": SUITE})
    assert list_suites() == ["quick"]
    assert load_suite("quick").name == "quick"
    with pytest.raises(BadInput, match="unknown suite 'quik'; did you mean 'quick'"):
        load_suite("quik")
    with pytest.raises(BadInput, match=r"unknown suite '\.\./suites/quick'"):
        load_suite("../suites/quick")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metrics: [fid", "metrcs: [fid", ":11: unknown key 'metrcs'; did you mean 'metrics'?"),
        ("seeds: [0, 1, 2]", "seeds: [0, 0]", ":2: seeds: 0 is listed twice"),
        ("seeds: [0, 1, 2]", "seeds: 4-0", ":2: seeds: '4-0': the range 4-0 is empty; write it"),
        ("seeds: [0, 1, 2]", "seeds: 0..4", ":2: seeds: '0..4': write numbers such as 0,1,2 or a"),
        ("seeds: [0, 1, 2]", "seeds: 0-99999999999999999999999", ":2: seeds: '0-9999999999999999"),
        ("1_000", "true", ":3: budget.images: true: should be a number"),
        ("1_000", "0400", ":3: budget.images: '0400': should be a number, without quotes and lead"),
        ("samples: 200", 'samples: "200"', ":4: samples: '200': should be a number"),
        ("seeds: [0, 1, 2]", "seeds: []", ":2: seeds: Tuple should have at least 1 item"),
        ("seeds: [0, 1, 2]", "seeds: [-1]", ":2: seeds[0]: -1: should be greater than or equal"),
        ("seeds: [0, 1, 2]", "seeds: [true]", ":2: seeds[0]: True: should be a valid integer"),
        ("1_000", "0", ":3: budget.images: 0: should be greater than 0"),
        ("1_000", "many", ":3: budget.images: 'many': should be a valid integer"),
        ("title: Two", "title: Two: ", ":1: not YAML"),
        ("title: Two families on digits\n", "", ":1: key 'title' is missing"),
        (
            "    models: [vae/vae]",
            "    budget: {images: 0}",
            ":8: datasets[1].budget.images: 0: should be greater than 0",
        ),
        (
            "    models: [vae/vae]",
            "    budget: 400",
            ":8: datasets[1].budget: 400: should be a valid dictionary or instance of Budget",
        ),
        (
            "    models: [vae/vae]",
            "    budget: {image: 400}",
            ":8: unknown key 'datasets[1].budget.image'; did you mean 'images'?",
        ),
        (
            "    models: [vae/vae]",
            "    samples: -1",
            ":8: datasets[1].samples: -1: should be greater than 0",
        ),
        (
            "    models: [vae/vae]",
            "    samples: true",
            ":8: datasets[1].samples: true: should be a number",
        ),
        ("  - digits\n", "  - digits[x\n", ":6: datasets[0].name: 'digits[x': "),
        ("  - digits\n", "  - digits[unseen=8]\n", "datasets: 'digits[unseen=8]' is listed twice"),
        ("    models: [vae/vae]", "    model: [vae/vae]", ":8: unknown key 'datasets[1].model'"),
        ("[gan/dcgan, vae/vae]", "[vae/vae, vae/vae]", ":10: models: 'vae/vae' is listed twice"),
        ("id: vae-notices", "id: gan-better", ":19: claim 'gan-better' is there twice, first at"),
        ("id: gan-better", "id: ../up", ":14: claims[0].id: '../up': String should match"),
        ("    above: 0.5\n", "", ":19: claims[1]: a claim needs exactly one of"),
        ("    above: 0.5\n", "    above: .nan\n", ":23: claims[1].above: nan: should be a finite"),
        (
            "against: vae/vae",
            "against: vae/va",
            ":14: claim 'gan-better': model 'vae/va' is not in the suite; did you mean 'vae/vae'?",
        ),
        ("metric: fid", "metric: fit", "metric 'fit' is not in the suite; did you mean 'fid'?"),
        ('["digits[unseen=8]"]', '["digit"]', "dataset 'digit' is not in the suite; did you mean"),
        ('["digits[unseen=8]"]', '["digits"]', "dataset 'digits' has no metric 'auroc' in the"),
        ("metric: fid", "metric: auroc", "dataset 'digits' has no metric 'auroc' in the suite"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(suite_file, old, new, message):
    path = suite_file(changed(old, new))
    with pytest.raises(SpecError) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}:")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "seeds"), [("0-4", (0, 1, 2, 3, 4)), ("0,2, 5-6", (0, 2, 5, 6)), ('"3"', (3,))]
)
def test_seeds_as_on_the_command_line(suite_file, written, seeds):
    assert load_suite(suite_file(changed("[0, 1, 2]", written))).suite.seeds == seeds


def test_all_that_is_wrong_is_told(suite_file):
    text = changed("against: vae/vae", "against: vae/va").replace("metric: auroc", "metric: aurox")
    with pytest.raises(SpecError) as caught:
        load_suite(suite_file(text + "external: [{name: o, dataset: dig, samples: o.npz}]\n"))
    assert re.fullmatch(
        r".*mine\.yaml:25: external 'o': dataset 'dig' is not in .*; also line 14: claim "
        r"'gan-better': model 'vae/va' .*; also line 19: claim 'vae-notices': metric 'aurox' is .*",
        str(caught.value),
    )


@pytest.mark.parametrize(
    "stem", ["work", "Locks", "mlflow.db", "score", "selftests", "Default", ".a"]
)
def test_a_suite_is_not_called_as_what_the_harness_keeps(tmp_path, stem):
    (tmp_path / f"{stem}.yaml").write_text(SUITE)
    with pytest.raises(BadInput, match=f"cannot be called '{stem}'.*rename the file"):
        load_suite(str(tmp_path / f"{stem}.yaml"))


def test_a_suite_from_standard_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SUITE.encode())))
    loaded = load_suite("-")
    assert (loaded.name, loaded.suite.seeds, loaded.folder) == ("stdin", (0, 1, 2), Path())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"title: a\nsedes: [0]\n")))
    with pytest.raises(SpecError, match=r"^stdin:2: unknown key 'sedes'; did you mean 'seeds'\?"):
        load_suite("-")


def test_a_name_with_a_space_at_its_end_has_its_line(suite_file):
    loaded = load_suite(suite_file(changed("[fid, recall]", '["fid ", recall]')
                                   .replace("metric: fid", 'metric: "fid "')))  # fmt: skip

    def fail():
        raise BadInput("no such metric")

    with pytest.raises(SpecError, match=r"mine\.yaml:11: no such metric"):
        loaded.at(("metrics", "fid "), fail)
    spelled = changed("name: digits[unseen=8]", 'name: "digits[unseen=8] "')
    with pytest.raises(SpecError, match=r"mine\.yaml:7: no such metric"):
        load_suite(suite_file(spelled)).at(("datasets", "digits[unseen=8]"), fail)


def test_a_suite_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_suite(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("models", "gan/dcgan"), 10),
        (("models", "vae/vae"), 10),
        (("metrics", "auroc"), 9),
        (("datasets", "digits[unseen=8]"), 7),
        (("extractor",), 12),
    ],
)
def test_errors_about_a_name_get_the_line_it_is_written_in(suite_file, where, line):
    loaded = load_suite(suite_file())

    def fail(reason):
        raise BadInput(reason)

    with pytest.raises(SpecError) as caught:
        loaded.at(where, fail, "no such thing")
    assert str(caught.value) == f"{loaded.document.path}:{line}: no such thing"


def test_what_is_not_written_in_the_suite_gets_no_line_of_it(suite_file):
    loaded = load_suite(suite_file(), Overrides(extractor="clip"))

    def fail(error):
        raise error

    with pytest.raises(BadInput, match=r"^no weights$"):
        loaded.at(("extractor",), fail, BadInput("no weights"))
    with pytest.raises(SpecError, match=r"^recipe\.yaml:3: wrong$"):
        loaded.at(("models", "vae/vae"), fail, SpecError("wrong", "recipe.yaml", 3))
    assert loaded.at(("models", "vae/vae"), len, "four") == 4


EXTERNAL = """\
external:
  - {name: theirs, dataset: digits, samples: theirs.npz}
  - name: others
    dataset: "digits[unseen=8]"
    samples: [seed0, seed1]
"""


def test_external_samples_are_entrants_of_their_dataset(suite_file):
    claim = "  - {id: t, statement: Theirs., metric: fid, model: theirs, against: gan/dcgan}\n"
    suite = load_suite(suite_file(SUITE + claim + EXTERNAL)).suite
    assert suite.entrants_on(suite.datasets[0]) == ("gan/dcgan", "vae/vae", "theirs")
    assert suite.entrants_on(suite.datasets[1]) == ("vae/vae", "others")
    assert suite.models_on(suite.datasets[0]) == ("gan/dcgan", "vae/vae")
    assert suite.external[0].samples == ("theirs.npz",)
    assert suite.external[1].samples == ("seed0", "seed1")


def test_external_samples_have_no_points_in_training(suite_file):
    claim = "  - {id: t, statement: T., metric: fid, model: {model: theirs, at: 0.5}, below: 9}\n"
    with pytest.raises(SpecError, match=r"theirs@0\.5 is a training fraction, and theirs is not"):
        load_suite(suite_file(SUITE + claim + EXTERNAL))


def test_external_samples_can_be_chosen_like_models(suite_file):
    suite = load_suite(suite_file(SUITE + EXTERNAL), Overrides(models=["theirs"])).suite
    assert [entry.name for entry in suite.datasets] == ["digits"]
    assert suite.entrants_on(suite.datasets[0]) == ("theirs",)
    assert suite.models_on(suite.datasets[0]) == ()
    chosen = Overrides(models=["vae/vae"], datasets=["digits"])
    assert load_suite(suite_file(SUITE + EXTERNAL), chosen).suite.external == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataset: digits,", "dataset: digit,", r"'digit' is not in the suite; did you mean"),
        ("name: theirs", "name: training images", "'training images' is the name of the floor"),
        ("name: theirs", "name: theirs@0.5", "reads as a training fraction of a model"),
        ("name: theirs", "name: vae/vae", "'vae/vae' is a model of the suite already"),
        ("samples: theirs.npz", "samples: []", "samples"),
        ("samples: theirs.npz", "sample: theirs.npz", "did you mean 'samples'"),
    ],
)
def test_external_samples_that_fit_nowhere_are_named_with_their_line(suite_file, old, new, message):
    text = SUITE + EXTERNAL.replace(old, new, 1)
    line = text[: text.index("external:")].count("\n") + 2
    with pytest.raises(SpecError, match=message) as caught:
        load_suite(suite_file(text))
    assert f"mine.yaml:{line}" in str(caught.value)
