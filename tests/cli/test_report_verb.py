"""`harness report`: from the tracking store, published, and from a folder alone."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from running import Inside

SUITE = """\
title: A small suite
seeds: [0, 1, 2]
budget: {images: 192}
samples: 64
datasets: [digits]
models: [vae/vae, autoencoder/conv]
metrics: [mse, recall, sampling_throughput]
claims:
  - {id: better, statement: The autoencoder is better., metric: mse, model: autoencoder/conv,
     against: vae/vae}
  - {id: early, statement: The VAE learns., metric: mse, model: vae/vae,
     against: {model: vae/vae, at: 0.5}}
"""


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


def rows_of_training(file: Path) -> dict[str, dict[str, object]]:
    return {each["model"]: each for each in json.loads(file.read_text())["training"]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Inside:
    """A repository in which the suite was run."""
    harness = Inside(tmp_path_factory.mktemp("user"))
    (harness.folder / "small.yaml").write_text(SUITE)
    subprocess.run(["git", "init", "-q", harness.folder], check=True)
    ended = harness("run", "small.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    return harness


@pytest.fixture(scope="module")
def published(ran: Inside) -> Path:
    ended = ran("report", "small.yaml", "--publish")
    assert ended.returncode == 0, ended.stderr
    assert "Report: reports/small/index.html" in ended.stdout
    return ran.folder / "reports/small"


def test_a_run_leaves_nothing_that_git_sees_until_it_is_published(ran: Inside, published: Path):
    status = ["git", "-C", ran.folder, "status", "--short"]
    assert subprocess.check_output(status, text=True) == "?? reports/\n?? small.yaml\n"
    assert (ran.folder / "runs/small/index.html").exists()
    assert files(published).keys() == files(ran.folder / "runs/small").keys()


def test_a_folder_alone_gives_the_page_that_the_store_gave(published: Path, tmp_path: Path):
    shutil.copytree(published, tmp_path / "copy")
    before = files(tmp_path / "copy")
    assert any("reconstructions" in name for name in before if name.startswith("pictures/"))
    assert before["curves.csv"].count(b"\n") > 30
    for name in ("index.html", "report.md", "results.csv", "leaderboard.csv", "verdicts.json"):
        (tmp_path / "copy" / name).unlink()
    ended = Inside(tmp_path)("report", "--from", "copy")
    assert ended.returncode == 0, ended.stderr
    assert "Report: copy/index.html" in ended.stdout
    after = files(tmp_path / "copy")
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []
    assert [path.name for path in tmp_path.iterdir()] == ["copy"], "it made no store"


def test_a_published_folder_has_what_the_self_test_of_its_claims_came_to(
    published: Path, tmp_path: Path
):
    shutil.copytree(published, tmp_path / "copy")
    file = tmp_path / "copy/report.json"
    document = json.loads(file.read_text())
    results = document["selftests"]["better"]
    assert {(each["metric"], each["outcome"]) for each in results} == {("mse", "passes")}
    assert "Self-test passed: mean squared error on digits" in page_again(tmp_path)
    for each in results:
        each |= {"outcome": "not run", "moved": ""}
    file.write_text(json.dumps(document))
    assert "Self-test not run: mean squared error on digits with noise and blur." in (
        page_again(tmp_path)
    )
    results[0] |= {"outcome": "fooled", "moved": "better"}
    file.write_text(json.dumps(document))
    assert "mean squared error is fooled by noise on digits" in page_again(tmp_path)
    del document["selftests"]
    file.write_text(json.dumps(document))
    assert "What would fool its metrics is not recorded." in page_again(tmp_path)
    verdicts = json.loads((tmp_path / "copy/verdicts.json").read_text())["verdicts"]
    assert [verdict["selftests"] for verdict in verdicts] == [None, None]


def page_again(folder: Path) -> str:
    """The page of `copy`, written from its files."""
    ended = Inside(folder)("report", "--from", "copy")
    assert ended.returncode == 0, ended.stderr
    return (folder / "copy/index.html").read_text()


def test_verbs_that_rank_and_compare_mark_what_the_report_marks(ran: Inside):
    board = ran("leaderboard", "--metrics", "mse", "--csv", "board.csv", "--markdown", "board.md")
    assert board.returncode == 0, board.stderr
    reasons = {row["model"]: row["undertrained"] for row in rows(ran.folder / "board.csv")}
    reported = rows_of_training(ran.folder / "runs/small/verdicts.json")
    reason = "it has seen only 16% of its training images"
    assert reasons["vae/vae"] == reported["vae/vae"]["undertrained"] == reason
    assert {row["images"] for row in rows(ran.folder / "board.csv")} == {"192"}
    assert "| vae/vae (undertrained) | 192 |" in (ran.folder / "board.md").read_text()
    (ran.folder / "board.csv").unlink()
    (ran.folder / "board.md").unlink()
    shown = ran("leaderboard", "--metrics", "mse")
    assert f"undertrained: vae/vae on digits: {reason}" in shown.stdout
    assert "not recorded" not in shown.stdout
    compared = ran("compare", "vae/vae@digits", "autoencoder/conv@digits")
    assert "A  vae/vae on digits, seed 0  undertrained" in compared.stdout
    assert f"A is undertrained: {reason}" in compared.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "name either a suite or, with --from, the folder of a report"),
        ("small.yaml --from copy", "name either a suite or, with --from, the folder of a report"),
        ("--from copy --publish", "--from writes into the folder that it reads; leave out"),
        ("--from gone", "gone: has no report.json, without which its page cannot be written"),
    ],
)
def test_what_goes_together(tmp_path: Path, arguments: str, reason: str):
    ended = Inside(tmp_path)("report", *arguments.split())
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"harness: {reason}")
    assert ended.stderr.count("\n") == 1
