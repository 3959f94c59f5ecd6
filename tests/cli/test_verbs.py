"""The verbs that look and run nothing."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.main import get_command

from harness.cli import options, suite_options
from harness.cli.main import app, main
from harness.config.shipped import shipped_files
from harness.core.errors import BadInput
from harness.networks.classifier_weights import DIGESTS


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: str) -> str:
        monkeypatch.setenv("COLUMNS", "160")
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return call


VERBS = [
    "run",
    "score",
    "plan",
    "list",
    "validate",
    "report",
    "schema",
    "extractor train",
    "extractor fetch",
    "data list",
    "data fetch",
    "data verify",
    "data show",
    "leaderboard",
    "compare",
    "vote page",
    "vote tally",
]


ABOUT_A_SUITE = ["run", "report", "plan", "claims", "check", "baseline save", "vote page"]


@pytest.mark.parametrize("verb", ABOUT_A_SUITE)
def test_verbs_about_a_suite_share_the_options_that_say_which_numbers_are_meant(verb: str):
    command: Any = get_command(app)
    for name in verb.split():
        command = command.commands[name]
    found = {parameter.name for parameter in command.params}
    groups = (suite_options.SuiteOptions, suite_options.ComputeOptions, suite_options.StoreOptions)
    shared = {field.name for group in groups for field in dataclasses.fields(group)}
    assert found >= shared - {"compute", "results"}
    assert command.params[0].name == "suite"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(harness, verb: str):
    text = harness(*verb.split(), "--help")
    assert "Examples" in text
    assert f"harness {verb}" in text


@pytest.mark.parametrize("suite", shipped_files("suites"))
def test_every_shipped_suite_is_valid_here_and_for_an_editor(harness, suite: str):
    assert f"{suite}: valid" in harness("validate", suite)
    schema = json.loads(harness("schema"))
    Draft202012Validator.check_schema(schema)
    written = yaml.safe_load(shipped_files("suites")[suite].read_text(encoding="utf-8"))
    assert not list(Draft202012Validator(schema).iter_errors(written))


@pytest.mark.parametrize("model", shipped_files("models"))
def test_every_shipped_recipe_fits_the_schema_of_recipes(harness, model: str):
    schema = json.loads(harness("schema", "recipe"))
    written = yaml.safe_load(shipped_files("models")[model].read_text(encoding="utf-8"))
    assert not list(Draft202012Validator(schema).iter_errors(written))


def test_list_names_everything_a_suite_may_name(harness):
    text = harness("list")
    for name in ("quickstart", "gan/dcgan", "fashion-mnist", "coverage", "classifier:digits"):
        assert name in text
    assert "coverage" not in harness("list", "models")


def test_fetch_says_where_weights_are_and_their_digest(harness):
    names = ("classifier:digits", "random:resnet18", "classifier:digits")
    first, second = harness("extractor", "fetch", *names).splitlines()
    assert first.startswith("classifier:digits: ")
    assert first.endswith(f"digits.safetensors sha256:{DIGESTS['digits']}")
    assert second == "random:resnet18: needs no weights"


def test_plan_tells_what_is_left_and_what_can_be_decided(
    harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    arguments = ("--models", "autoencoder/conv,vae/vae", "--output", str(tmp_path), "--jobs", "2")
    text = " ".join(harness("plan", "quickstart", *arguments).split())
    assert "digits[unseen=8]" in text
    assert "with 2 at a time on" in text
    assert "ae-anomaly" in text
    assert "can be decided where the effect is at least" in text
    text = harness("plan", "quickstart", *arguments, "--seeds", "0,1")
    assert "cannot be decided" in text


def test_seeds_are_read_as_people_write_them():
    assert options.seed_list("0,2,5-7") == [0, 2, 5, 6, 7]
    assert options.seed_list(None) is None
    for wrong in ("", "a", "3-1", "-1"):
        with pytest.raises(BadInput, match="--seeds"):
            options.seed_list(wrong)


def test_commas_within_brackets_do_not_separate():
    assert options.words(["digits[a=1,b=2],mnist", "x"]) == ["digits[a=1,b=2]", "mnist", "x"]
    assert options.words(None) is None


def test_completion_offers_shipped_names():
    complete = options.complete_model
    assert complete("vq/vq-vae") == ["vq/vq-vae", "vq/vq-vae-ema"]
    assert options._complete_suite("q") == ["quickstart"]
