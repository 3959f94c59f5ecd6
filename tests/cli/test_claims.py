"""`harness claims` and `harness ledger`, on a suite of ways to sample one small model."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from harness.cli.main import main
from harness.tracking import Store, default_uri

pytestmark = pytest.mark.slow

SUITE = """\
title: Ways of sampling
seeds: [0, 1, 2]
budget: {images: 256}
samples: 40
datasets: [digits]
models: [steps2.yaml, steps5.yaml, steps20.yaml]
metrics: [fid, recall, training_time]
claims:
  - {from: ways.yaml, datasets: [digits]}
  - id: quicker
    statement: Two steps train faster than twenty.
    metric: training_time
    model: steps2.yaml
    against: steps20.yaml
"""
WAYS = """\
title: Ways
claims:
  - id: more-is-better
    statement: FID falls with the number of steps.
    source: Somebody 2020
    why: Any step counts.
    shape: monotone
    metric: fid
    models: [steps2.yaml, steps5.yaml, steps20.yaml]
    direction: falls
    at_budget: true
  - id: alike
    statement: Five steps are as good as twenty.
    shape: equivalence
    metric: fid
    model: steps5.yaml
    against: steps20.yaml
    delta: 0.3
    at_budget: true
  - id: ranks
    statement: FID and recall agree.
    shape: correlation
    metric: [fid, recall]
    models: [steps2.yaml, steps5.yaml, steps20.yaml]
    above: 0
    failures: drop
"""
RECIPE = """\
extends: diffusion/mlp
description: Small.
width: 16
depth: 1
timesteps: 20
batch_size: 32
"""
IDS = ["more-is-better", "alike", "ranks", "quicker"]


class Verbs:
    """The command in this process; what it printed, and its exit code."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.code, self.err = folder, patch, 0, ""

    def __call__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
        self.patch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, self.err = capsys.readouterr()
        self.code = int(ended.value.code or 0)
        return out


@pytest.fixture(scope="module")
def verbs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    folder = tmp_path_factory.mktemp("user")
    (folder / "ways.yaml").write_text(WAYS)
    (folder / "small.yaml").write_text(SUITE)
    for steps in (2, 5, 20):
        recipe = f"{RECIPE}sampling: {{steps: {steps}}}\n"
        (folder / f"steps{steps}.yaml").write_text(recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr("sys.argv", ["harness", "run", "small.yaml", "--jobs", "1"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        yield Verbs(folder, patch)


def test_models_that_differ_in_sampling_are_trained_once(verbs: Verbs):
    table = pd.read_csv(verbs.folder / "runs/small/results.csv")
    fid = table[(table.metric == "fid") & table.model.str.startswith("steps")]
    assert len(fid) == 9
    assert fid.run_id.nunique() == fid.training_key.nunique() == 3
    assert fid.value.nunique() == 9
    assert fid.measurement_key.nunique() == 9
    assert table[table.metric == "training_time"].value.nunique() == 3
    page = (verbs.folder / "runs/small/index.html").read_text()
    shown = re.findall(r'<img class="pixels[^"]*" src="([^"]*)" alt="The first 64 samples', page)
    assert len(set(shown)) == 10, "each way of sampling and seed has its own, and training images"


def test_claims_prints_verdict_effect_blocks_tests_and_runs(verbs: Verbs, capsys):
    out = verbs(capsys, "claims", "small.yaml")
    assert verbs.code == 0
    assert all(re.search(rf"^(supported|refuted|inconclusive|not evaluable)  {i}  ", out, re.M)
               for i in IDS)  # fmt: skip
    assert "(Somebody 2020)" in out
    assert "Tested: paired t interval over training seeds in each of 2 comparisons" in out
    assert "Holm's correction over 4 claims" in out
    assert "Fréchet distance: steps5.yaml against steps2.yaml, digits" in out
    store = Store(default_uri(verbs.folder / "runs"), verbs.folder / "runs")
    table = pd.read_csv(verbs.folder / "runs/small/results.csv")
    for run in table.run_id[table.model == "steps2.yaml"].unique():
        assert run[:8] in out
        assert store.client.get_run(run)
    assert "the same in all 3 seeds" in out, "all ways of sampling took the same training"


def test_the_files_hold_all_that_a_verdict_rests_on(verbs: Verbs, capsys):
    out = verbs(capsys, "claims", "small.yaml", "--json", "v.json", "--markdown", "v.md")
    assert "Written: v.json" in out
    written = json.loads((verbs.folder / "v.json").read_text())
    beside = json.loads((verbs.folder / "runs/small/verdicts.json").read_text())
    assert {**written, "generated_at": ""} == {**beside, "generated_at": ""}
    assert written["suite"] == "small"
    assert written["images"] == [256]
    assert written["command"] == "harness run small.yaml"
    assert written["machine"]
    assert written["version"]
    first = written["verdicts"][0]
    assert first["claim"]["id"] == "more-is-better"
    assert first["datasets"] == ["digits"]
    assert first["seeds"] == [0, 1, 2]
    assert len(first["runs"]) == 3
    assert first["protocols"][0].startswith("fid[")
    assert first["parts"][0]["blocks"][0]["run_id"] in first["runs"]
    text = (verbs.folder / "v.md").read_text()
    assert all(run in text for run in first["runs"])
    assert "FID falls with the number of steps." in text
    assert "| Fréchet distance | steps5.yaml | steps2.yaml | digits |" in text


def test_plan_says_of_each_shape_what_it_takes(verbs: Verbs, capsys):
    out = " ".join(verbs(capsys, "plan", "small.yaml").split())
    for words in ("every step is at least", "the sides are equal and the margin is", "over seeds"):
        assert words in out
    out = verbs(capsys, "plan", "small.yaml", "--seeds", "0,1")
    assert out.count("cannot be decided: at least 3 seeds are needed") == 4


def test_one_seed_decides_nothing_and_says_so(verbs: Verbs, capsys):
    out = verbs(capsys, "claims", "small.yaml", "--seeds", "0")
    assert verbs.code == 2
    assert verbs.err == (
        "harness: small.yaml:8: no claim can be evaluated: 1 block on digits, and at least 3 are "
        "needed\n"
    )
    assert out.count("Not evaluable: 1 block on digits, and at least 3 are needed.") == 4


def test_claims_of_a_suite_that_was_not_run_are_not_evaluable(verbs: Verbs, capsys):
    out = verbs(capsys, "claims", "small.yaml", "--seeds", "7-9", "--json", "none.json")
    assert len(re.findall(r"^not evaluable  ", out, re.M)) == 4
    assert verbs.code == 2
    assert "no claim can be evaluated: " in verbs.err
    assert (verbs.folder / "none.json").exists()


def test_where_all_cells_diverged_nothing_can_be_evaluated(verbs: Verbs, capsys):
    for name, rate in (("boom", "1e30"), ("bang", "1e31")):
        recipe = f"extends: autoencoder/mlp\ndescription: Too fast.\noptimizer: {{lr: {rate}}}\n"
        (verbs.folder / f"{name}.yaml").write_text(recipe)
    (verbs.folder / "broken.yaml").write_text(
        "title: Broken\nseeds: [0, 1, 2]\nbudget: {images: 512}\ndatasets: [digits]\n"
        "models: [boom.yaml, bang.yaml]\nmetrics: [mse]\nclaims:\n"
        "  - {id: c, statement: S., metric: mse, model: boom.yaml, against: bang.yaml}\n"
    )
    verbs(capsys, "run", "broken.yaml", "--jobs", "1")
    assert verbs.code == 0, "divergence is a result"
    out = verbs(capsys, "claims", "broken.yaml")
    assert verbs.code == 2
    said = "withheld, because boom.yaml diverged on digits at seed 0"
    assert f"broken.yaml:7: no claim can be evaluated: {said}" in verbs.err
    assert f"Not evaluable: {said}" in out


def test_a_suite_without_claims_is_bad_input(verbs: Verbs, capsys):
    (verbs.folder / "none.yaml").write_text(SUITE[: SUITE.index("claims:")])
    verbs(capsys, "claims", "none.yaml")
    assert (verbs.code, verbs.err) == (2, "harness: none.yaml has no claims\n")
    verbs(capsys, "claims", "small.yaml", "--models", "steps2.yaml")
    assert verbs.code == 2
    assert "small.yaml has no claims left: model 'steps5.yaml' is not in the suite" in verbs.err


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_folder_that_is_not_there_is_bad_input(verbs: Verbs, capsys, option: str):
    verbs(capsys, "claims", "small.yaml", option, "gone/v")
    assert (verbs.code, verbs.err) == (
        2,
        "harness: gone/v: cannot be written; there is no folder gone\n",
    )


def test_files_of_claims_are_validated_alone(verbs: Verbs, capsys):
    assert verbs(capsys, "validate", "ways.yaml") == "ways.yaml: valid; 3 claims\n"
    (verbs.folder / "wrong.yaml").write_text(WAYS.replace("delta: 0.3", "delta: no"))
    verbs(capsys, "validate", "wrong.yaml")
    assert verbs.code == 2
    assert verbs.err.startswith("harness: wrong.yaml:18: claims[1].delta: 'no': should be a")


def test_the_ledger_is_written_where_it_is_asked(verbs: Verbs, capsys):
    out = verbs(capsys, "ledger", "page.md")
    assert re.fullmatch(r"page\.md: \d+ claims, 0 with a verdict\n", out)
    assert (verbs.folder / "page.md").read_text().startswith("# Claims\n")
    (verbs.folder / "runs/small/verdicts.json").write_text("{}")
    verbs(capsys, "ledger", "page.md", "--reports", "runs")
    assert verbs.code == 2
    assert "runs/small/verdicts.json: not what a report writes" in verbs.err
