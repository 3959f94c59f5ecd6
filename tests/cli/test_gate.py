"""`harness baseline save` and `harness check`, on numbers that are put where a run would."""

import errno
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer
from recorded import SUITE, Value, noisy, plan_of, records_of

from harness.cli.main import main
from harness.regression.baseline import checksum_of
from harness.regression.check import EXIT_CODES
from harness.tracking import Record


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Shelf(dict[str, Record]):
    """Stands in for the tracking store: what is recorded, by training key."""

    def records(self, keys: list[str], suite: str = "") -> dict[str, Record]:
        return {key: self[key] for key in keys if key in self}


class Project:
    """A folder with a suite, what is recorded of it, and whatever the command writes."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture) -> None:
        self.folder, self._patch, self._capture = folder, patch, capture
        self._shelf = Shelf()
        patch.chdir(folder)
        patch.setattr("harness.cli.suite_options.StoreOptions.open", lambda options: self._shelf)
        (folder / "runs").mkdir()
        (folder / "runs/mlflow.db").touch()
        for name in ("MLFLOW_TRACKING_URI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
            patch.delenv(name, raising=False)

    def put(self, value: Value, text: str = SUITE, **overrides: object) -> None:
        self._shelf.update(records_of(plan_of(self.folder, text, **overrides), value))

    def __call__(self, *arguments: str) -> Answer:
        self._patch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capture.readouterr()
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    def saved(self, *options: str) -> Answer:
        return self("baseline", "save", "guarded.yaml", "-o", "b.json", *options)

    def check(self, *options: str) -> Answer:
        return self("check", "guarded.yaml", "--baseline", "b.json", "--no-run", *options)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Project:
    return Project(tmp_path, monkeypatch, capsys)


def other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every family's code had changed: other training keys."""
    monkeypatch.setattr("harness.plan.trained_cells.code_version", lambda family: "changed")


def test_unchanged_worse_and_tolerated(project: Project, monkeypatch: pytest.MonkeyPatch):
    project.put(noisy())
    saved = project.saved()
    assert (saved.code, saved.out) == (0, "b.json: 6 metrics of models on datasets, 5 seeds each\n")
    same = project.check()
    assert same.code == 0
    assert "No regression in 4 comparisons: 4 unchanged." in same.out
    assert "compared only where they have a tolerance: training_time" in same.out

    other_code(monkeypatch)
    project.put(noisy({"mse": 1.3}, noise=1))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    worse = project.check("--junit", "j.xml", "--markdown", "m.md")
    assert worse.code == 1
    assert (
        "Regression in 2 of 4 comparisons: mean squared error of autoencoder/conv on digits, mean"
        in worse.out
    )
    assert "changed since the baseline: vae/vae: its code has changed" in worse.out
    assert worse.out.count("::error title=mean squared error of ") == 2
    assert ET.parse("j.xml").getroot().attrib["failures"] == "2"
    assert Path("m.md").read_text().startswith("### ❌ guarded")

    monkeypatch.delenv("GITHUB_ACTIONS")
    tolerated = project.check("--tolerance", "mse=60%,psnr=60%")
    assert tolerated.code == 0, tolerated.out
    assert "::" not in tolerated.out
    chosen = project.check("--metrics", "psnr", "--tolerance", "psnr=60%")
    assert "No regression in 2 comparisons" in chosen.out


def test_other_seeds_are_other_draws(project: Project):
    project.put(noisy())
    assert project.saved().code == 0
    project.put(noisy({"mse": 1.5}, noise=1), seeds=range(5, 10))
    found = project.check("--seeds", "5-9")
    assert found.code == 1
    assert "regressed" in found.out


def test_the_step_summary_is_added_to_and_other_files_are_replaced(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    project.put(noisy())
    project.saved()
    for name in ("summary.md", "other.md"):
        Path(name).write_text("Earlier.\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    project.check("--markdown", "summary.md")
    project.check("--markdown", "other.md")
    assert Path("summary.md").read_text().startswith("Earlier.\n### ✅ guarded")
    assert Path("other.md").read_text().startswith("### ✅ guarded")


def test_what_is_not_measured_yet(project: Project):
    project.put(noisy(), seeds=[0, 1, 2])
    missing = project.saved()
    assert missing.code == 2
    assert "guarded: 4 of 10 cells not measured yet" in missing.err
    assert not Path("b.json").exists()
    assert project.saved("--seeds", "0-2").code == 0
    found = project.check()
    assert found.code == 4
    assert "not measured yet for seed 3, 4" in found.out
    assert project.check("--seeds", "0-2").code == 0


def test_one_seed_can_be_equal_or_undecided(project: Project, monkeypatch: pytest.MonkeyPatch):
    project.put(noisy(), seeds=[0])
    assert "Below 3 seeds" in project.saved("--seeds", "0").out
    assert project.check("--seeds", "0").code == 0
    other_code(monkeypatch)
    project.put(noisy(noise=1), seeds=[0])
    found = project.check("--seeds", "0")
    assert found.code == 4
    assert "1 value against 1 of the baseline, and at least 3 of each are needed" in found.out


def test_all_cells_failed(project: Project, monkeypatch: pytest.MonkeyPatch):
    project.put(noisy())
    project.saved()
    other_code(monkeypatch)
    project.put(lambda cell, wanted: "diverged: the loss was nan")
    found = project.check()
    assert found.code == 1
    assert "seed 0 diverged: the loss was nan (and 4 more)" in found.out
    refused = project("baseline", "save", "guarded.yaml", "-o", "c.json")
    assert refused.code == 2
    assert "no cell of guarded has a number to compare with" in refused.err
    assert not Path("c.json").exists()


def test_failed_before_and_now_is_nothing_comparable(project: Project):
    def value(cell, wanted):
        return noisy()(cell, wanted) if cell.model == "vae/vae" else "failed: no memory"

    project.put(value)
    project.saved()
    found = project.check("--models", "autoencoder/conv")
    assert found.code == 3
    assert "Nothing comparable was measured: no number, now or before (failed: no m" in found.out


def test_another_protocol_is_exit_3_and_names_the_field(project: Project):
    project.put(noisy())
    project.saved()
    content = json.loads(Path("b.json").read_text())
    for how in content["protocols"].values():
        how["version"] += 1
    Path("b.json").write_text(json.dumps(content | {"checksum": checksum_of(content)}))
    found = project.check()
    assert found.code == 3
    assert "Nothing comparable was measured: version (2 against 1)." in found.out


def test_nothing_runs_where_nothing_can_be_compared(project: Project):
    project.put(noisy())
    project.saved()
    found = project("check", "guarded.yaml", "--baseline", "b.json", "--budget", "64")
    assert found.code == 3
    assert "budget (640 against 64 training images)" in found.out
    assert "cells to run" not in found.out


def bad(answer: Answer, *expected: str) -> None:
    assert answer.code == 2
    assert answer.err.startswith("harness: ")
    assert answer.err.count("\n") == 1
    for words in expected:
        assert words in answer.err


def test_bad_input_is_one_line_and_exit_2(project: Project):
    bad(project.check(), "b.json", "No such file")
    project.put(noisy())
    project.saved()
    content = json.loads(Path("b.json").read_text())
    bad(project.check("--tolerance", "fid=5%"), "unknown metric 'fid'")
    bad(project.check("--tolerance", "mse=much"), "METRIC=AMOUNT")
    bad(project.check("--metrics", "msee"), "did you mean 'mse'")
    bad(project.check("--junit", "nowhere/j.xml"), "nowhere")
    Path("b.json").write_text(json.dumps({**content, "images": "many"}))
    bad(project.check(), "b.json:1: images: 'many'")
    Path("b.json").write_text(json.dumps({**content, "images": 1}))
    bad(project.check(), "the checksum does not fit")
    bad(project("baseline", "save", "guarded.yaml", "-o", "nowhere/b.json"), "nowhere")


@pytest.mark.parametrize(
    ("accident", "code"),
    [
        (KeyError("fault"), 70), (EOFError("Ran out of input"), 70), (RecursionError(), 70),
        (typer.Abort(), 70), (SystemExit(1), 70), (SystemExit("no"), 70), (MemoryError(), 75),
        (OSError(errno.ENOSPC, "No space left on device"), 75), (PermissionError(13, "no"), 2),
        (ConnectionResetError(104, "gone"), 75), (BrokenPipeError(32, "gone"), 141),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("place", ["regression.baseline.load_baseline", "plan.make_plan"])
def test_no_accident_ends_as_a_regression_does(
    project: Project, monkeypatch: pytest.MonkeyPatch, accident: BaseException, code: int, place
):
    project.put(noisy())
    project.saved()

    def fails(*_: object) -> None:
        raise accident

    monkeypatch.setattr(f"harness.{place}", fails)
    found = project.check()
    assert found.code == code
    assert found.code not in EXIT_CODES.values()


@pytest.mark.parametrize(
    "reason",
    [
        "failed: OSError: [Errno 28] No space left on device", "failed: out of memory: 3 GiB",
        "failed: its worker process died (killed by the system, perhaps for memory)",
        "failed: ConnectionError: the store is away",
    ],
)  # fmt: skip
def test_a_cell_that_the_machine_kept_from_its_number_is_no_regression(
    project: Project, monkeypatch: pytest.MonkeyPatch, reason: str
):
    project.put(noisy())
    project.saved()
    other_code(monkeypatch)
    project.put(lambda cell, wanted: reason if cell.seed == 3 else noisy()(cell, wanted))
    found = project.check()
    assert found.code == 4
    assert f"seed 3 could not be measured: {reason.removeprefix('failed: ')}" in found.out
    project.put(lambda cell, wanted: "failed: ValueError: no" if cell.seed == 3 else 1.0)
    assert project.check().code == 1


def test_another_suites_baseline(project: Project):
    project.put(noisy())
    project.saved()
    (project.folder / "other.yaml").write_text(SUITE)
    bad(project("check", "other.yaml", "--baseline", "b.json"), "is of suite 'guarded'", "'other'")
