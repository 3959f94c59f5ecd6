"""`harness metrics selftest`, as a user calls it, and what a report makes of its outcome."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from harness.cli import metrics as verb
from harness.cli.main import main
from harness.data import load_dataset
from harness.extractors import load_extractor
from harness.metrics import METRICS
from harness.metrics.base import worse_with
from harness.selftest import outcomes
from harness.selftest import run as evaluation
from harness.selftest.disturbances import HEADINGS, LADDERS
from harness.tracking import Store, default_uri

FEW = ("--dataset", "digits", "--device", "cpu", "--metrics", "precision,mode_count")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process, on few images: exit code, and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(evaluation, "MOST", 400)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "metrics", "selftest", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def opened(folder: Path) -> Store:
    return Store(default_uri(folder / "runs"), folder / "runs")


@pytest.mark.slow
def test_a_failing_metric_is_a_result_that_is_told_written_and_kept(call, tmp_path, monkeypatch):
    asked = replace(METRICS["mode_count"], fooled_by=worse_with("dropped_modes", "copies"))
    monkeypatch.setattr("harness.metrics.modes.MODE_COUNT", asked)
    code, out, err = call(*FEW, "--json", "out.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    label = load_extractor("classifier:digits").label
    assert lines[0].startswith(f"digits with {label}, 100 images a set.")
    assert lines[1].split("\t") == ["metric", *LADDERS]
    told = {line.split("\t")[0]: line.split("\t")[1:] for line in lines[2:4]}
    assert list(told) == ["precision", "mode_count"]
    assert lines[-1] == "mode_count was fooled by copies of training images"
    content = json.loads((tmp_path / "out.json").read_text(), parse_constant=pytest.fail)
    rows = {(row["metric"], row["disturbance"]): row for row in content["rows"]}
    assert len(rows) == 2 * len(LADDERS)
    for name, cells in told.items():
        for kind, cell in zip(LADDERS, cells, strict=True):
            row = rows[name, kind]
            mark, _, number = cell.partition(" ")
            assert mark == verb.MARKS[row["verdict"]]
            if row["effect"] is not None:
                assert float(number.replace("−", "-")) == pytest.approx(row["effect"], abs=0.51)
    (outcome,) = outcomes.load_selftests(opened(tmp_path), load_dataset("digits").digest)
    assert outcome.tested.images == content["tested"]["images"] == 100
    assert outcome.failed(asked) == ["copies"]
    kept = outcome.table.set_index(["metric", "disturbance"])
    for key, row in rows.items():
        values = [math.nan if value is None else value for value in row["values"]]
        assert str(list(kept.loc[key, "values"])) == str(values), "to the last bit"


@pytest.mark.slow
def test_more_metrics_continue_the_run(call, tmp_path):
    for names in ("mode_count", "precision,mode_count"):
        code, out, _ = call("--dataset", "digits", "--device", "cpu", "--metrics", names)
        assert code == 0
    store, digest = opened(tmp_path), load_dataset("digits").digest
    (run_id,) = store.selftests(digest)
    assert run_id in out
    (outcome,) = outcomes.load_selftests(store, digest)
    assert sorted(outcome.table["metric"]) == sorted(["mode_count", "precision"] * len(LADDERS))
    assert store.selftests("another digest") == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dataset", "digist"), "did you mean 'digits'"),
        (("--dataset", "digits", "--metrics", "fdi"), "did you mean 'fid'"),
        (("--dataset", "digits", "--metrics", "auroc"), "auroc cannot be tested"),
        (("--dataset", "digits", "--extractor", "inceptoin"), "'inception'"),
        (("--dataset", "digits", "--extractor", "classifier:mnist"), "1×28×28"),
        (("--dataset", "digits", "--device", "abacus"), "no device 'abacus'"),
        (("--dataset", "digits", "--json", "no/such/x.json"), "no/such/x.json: cannot be written"),
    ],
)
def test_a_command_that_cannot_be_followed(call, tmp_path, arguments, words):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


ASKED = [metric.name for metric in METRICS.values() if metric.fooled_by]


def table(**changes: object) -> pd.DataFrame:
    """Every metric with long effects on every disturbance."""
    row = {"verdict": "passes", "moved": "worse", "effect": -1234.5, "reason": "", **changes}
    return pd.DataFrame(
        [{"metric": name, "disturbance": kind, **row} for name in ASKED for kind in LADDERS]
    )


@pytest.mark.parametrize("width", [80, 200])
def test_a_terminal_shows_a_table_that_fits(width):
    console = Console(force_terminal=True, width=width, record=True)
    tested = outcomes.SelftestRun("digits", "d", "classifier:digits@22a81ac0", "none", 449)
    verb._show(console, tested, table())
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert text.count("✓ −1234") + text.count("✓ −1235") == len(ASKED) * len(LADDERS)
    assert all(f" {name} " in f" {text} " for name in ASKED)
    assert all(word in text for words in HEADINGS.values() for word in words.split())


@pytest.mark.parametrize(
    ("effect", "text"),
    [(math.inf, "∞"), (-math.inf, "−∞"), (math.nan, ""), (-2.04, "−2.0"), (99.96, "100")],
)
def test_effects_are_short(effect, text):
    assert verb._number(effect) == text


def test_what_has_no_value_is_told_with_its_reason(capsys):
    found = table(verdict="no value", moved="no value", effect=math.nan, reason="no [class] 3")
    verb._say_failures(Console(), found[found["metric"] == "class_fid"][:1])
    assert capsys.readouterr().out == ("class_fid has no value with real images: no [class] 3\n")
