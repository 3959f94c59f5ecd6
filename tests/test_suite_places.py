"""Where a suite's results are kept, and the command that its report prints, on suites that run."""

import html
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from running import Inside

SUITE = """\
title: A small suite
seeds: [0]
budget: {images: 64}
datasets: [digits]
models: [autoencoder/conv]
metrics: [mse]
"""
OTHER = SUITE.replace("autoencoder/conv", "vae/vae")


def ran(harness: Inside, *arguments: str) -> str:
    found = harness(*arguments, "--jobs", "1") if arguments[0] == "run" else harness(*arguments)
    assert found.returncode == 0, found.stderr + found.stdout
    return found.stdout


def written(folder: Path) -> dict[str, Path]:
    """The reports below a folder, by the models that they are of."""
    return {
        verdicts.parent.name: verdicts.parent
        for verdicts in sorted((folder / "runs").glob("*/verdicts.json"))
    }


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Inside:
    """A folder with two suites of one name, both of which have run."""
    folder = tmp_path_factory.mktemp("two")
    for name, text in (("a", SUITE), ("b", OTHER)):
        (folder / name).mkdir()
        (folder / name / "suite.yaml").write_text(text)
    harness = Inside(folder)
    for name in ("a", "b"):
        ran(harness, "run", f"{name}/suite.yaml")
    return harness


def test_suites_of_one_name_have_reports_and_runs_of_their_own(two: Inside):
    reports = written(two.folder)
    first, second = sorted(reports)
    assert first == "suite"
    assert re.fullmatch(r"suite-[0-9a-f]{8}", second)
    models = [(reports[name] / "results.csv").read_text() for name in (first, second)]
    assert "autoencoder/conv" in models[0]
    assert "vae/vae" not in models[0]
    assert "vae/vae" in models[1]
    board = two("leaderboard", "--suites", second).stdout
    assert "vae/vae" in board
    assert "autoencoder" not in board


def test_an_edited_suite_goes_on_where_it_was(two: Inside):
    before = set(written(two.folder))
    for name, text in (("a", SUITE), ("b", OTHER)):
        (two.folder / name / "suite.yaml").write_text(text.replace("[mse]", "[mse, psnr]"))
        said = ran(two, "run", f"{name}/suite.yaml")
        assert "1 of 1 cell to run" in said
    assert set(written(two.folder)) == before
    assert all("psnr" in (p / "results.csv").read_text() for p in written(two.folder).values())


def test_a_baseline_of_another_suite_of_that_name_is_bad_input(two: Inside):
    ran(two, "baseline", "save", "a/suite.yaml", "-o", "a.json")
    assert two("check", "a/suite.yaml", "--baseline", "a.json", "--no-run").returncode == 0
    found = two("check", "b/suite.yaml", "--baseline", "a.json", "--no-run")
    assert found.returncode == 2
    assert "of another suite called 'suite'" in found.stderr
    assert "autoencoder/conv on digits" in found.stderr


def test_a_users_quickstart_does_not_overwrite_the_published_one(two: Inside):
    published = two.folder / "runs/quickstart"
    published.mkdir()
    (published / "verdicts.json").write_text('{"title": "A small suite", "suite": "quickstart"}')
    (published / "index.html").write_text("published")
    (two.folder / "quickstart.yaml").write_text(SUITE)
    ran(two, "run", "quickstart.yaml")
    assert (published / "index.html").read_text() == "published"
    assert [name for name in written(two.folder) if name.startswith("quickstart-")]


def test_a_name_of_its_own(two: Inside):
    (two.folder / "a/named.yaml").write_text(f"name: the one we watch\n{SUITE}")
    ran(two, "run", "a/named.yaml")
    assert "the one we watch" in written(two.folder)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("work", SUITE, "called 'work', which is a name of the harness's own; rename the file, or"),
        ("...yaml", SUITE, "begins with a dot"),
        ("fine", f"name: ../up\n{SUITE}", "has a slash"),
        ("fine", f"name: a/b\n{SUITE}", "has a slash"),
        ("fine", f"name: Score\n{SUITE}", "is a name of the harness's own"),
        ("fine", f"name: 7\n{SUITE}", "fine.yaml:1: name"),
    ],
)
def test_names_that_no_folder_can_have(two: Inside, name: str, text: str, words: str):
    file = two.folder / (name if name.endswith(".yaml") else f"{name}.yaml")
    file.write_text(text)
    found = two("validate", file.name)
    assert found.returncode == 2
    assert words in found.stderr, found.stderr
    assert found.stderr.count("\n") == 1


def command_of(report: Path) -> str:
    """The command under "How to reproduce", as the page and the Markdown have it alike."""
    page = (report / "index.html").read_text()
    found = re.search(r"<h2>How to reproduce .*?</h2>\s*<pre>(.*?)</pre>", page, re.DOTALL)
    command = html.unescape(found[1])
    assert command.replace("\n", "\n    ") in (report / "report.md").read_text()
    assert command == json.loads((report / "verdicts.json").read_text())["command"]
    return command


def in_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a reader does: paste it into a shell in the folder where the report was made."""
    (folder / "bin").mkdir(exist_ok=True)
    script = folder / "bin/harness"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m harness "$@"\n')
    script.chmod(0o755)
    root = Path(__file__).parent.parent
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    environment |= {"PATH": f"{script.parent}:{os.environ['PATH']}", "PYTHONPATH": str(root)}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("it's (1) $HOME & `x`.yaml", ["--seeds", "0", "--memory-format", "channels_last"]),
        ("-v.yaml", ["--output", "my runs; exit 3", "--budget-scale", "0.5"]),
        ("-", ["--seeds", "0"]),
        (
            "猫/suite.yaml",
            ["--metrics", "mse", "--datasets", "digits", "--models", "autoencoder/conv"],
        ),
    ],
)
def test_the_printed_command_gives_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, options: list[str]
):
    if file == "-":
        text = SUITE.replace("A small suite", "It's $HOME `x` \\ <&>")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    else:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(SUITE)
    verb = ["run", file if file == "-" else f"./{file}", "--jobs", "1", *options]
    found = Inside(tmp_path)(*verb)
    assert found.returncode == 0, found.stderr
    (report,) = [page.parent for page in tmp_path.glob("*/*/index.html")]
    table, page = ((report / name).read_text() for name in ("results.csv", "leaderboard.csv"))
    again = in_shell(command_of(report), tmp_path)
    assert again.returncode == 0, again.stderr
    assert "0 of 1 cell to run" in again.stdout
    assert [p.parent for p in tmp_path.glob("*/*/index.html")] == [report]
    assert (report / "results.csv").read_text() == table
    assert (report / "leaderboard.csv").read_text() == page
