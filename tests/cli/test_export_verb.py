"""`harness export` and `harness badge`: from a store and from a report's folder alone."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from running import Inside

from harness.core.errors import BadInput
from harness.report.export import target as targets
from harness.report.export.contents import checksums
from harness.report.export.target import check_target, write_export

SUITE = """\
title: A small suite
seeds: [0, 1]
budget: {images: 128}
samples: 64
datasets: [digits]
models: [mine/small.yaml, vae/vae]
metrics: [mse, 'tools.errors:brightness']
claims:
  - {from: mine/claims.yaml}
"""
CLAIMS = """\
title: Mine
claims:
  - {id: better, statement: The autoencoder is better., source: "Me & You 2020, a page",
     metric: mse, model: mine/small.yaml, against: vae/vae}
"""
RECIPE = "extends: autoencoder/conv\ndescription: Mine.\npaper: Ho et al. 2020, arXiv:2006.11239\n"
CODE = """\
def helper(images):
    return float(images.float().mean())
"""
METRIC = """\
from tools.helper import helper

from harness.metrics.base import Estimate, Metric


def mean(reconstructions) -> Estimate:
    return Estimate(helper(reconstructions))


brightness = Metric("brightness", mean, "neither", "brightness", "")
"""


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def checks(folder: Path) -> int:
    command = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, check=False).returncode


SMALL = {
    "export.json": b'{"suite": "s"}',
    "rerun.sh": b"#!/bin/sh\n",
    "report/results.csv": b"dataset\n",
}


def small(**more: bytes) -> dict[str, bytes]:
    files = SMALL | {name.replace("__", "."): content for name, content in more.items()}
    return files | {"SHA256SUMS": checksums(files).encode()}


def test_an_export_takes_the_place_of_an_earlier_one(tmp_path: Path):
    folder = tmp_path / "out"
    write_export(small(old__txt=b"1"), folder)
    assert os.access(folder / "rerun.sh", os.X_OK)
    check_target(folder)
    write_export(small(new__txt=b"2"), folder)
    assert contents(folder) == small(new__txt=b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_zip_has_one_folder_and_the_same_bytes_each_time(tmp_path: Path):
    file = tmp_path / "out.zip"
    write_export(small(), file)
    first = file.read_bytes()
    check_target(file)
    write_export(small(), file)
    assert file.read_bytes() == first
    with zipfile.ZipFile(file) as archive:
        assert {name: archive.read(f"out/{name}") for name in small()} == small()
        assert archive.getinfo("out/rerun.sh").external_attr >> 16 == 0o100755


@pytest.mark.parametrize("change", ["changed", "added", "link"])
def test_an_earlier_export_with_work_in_it_is_kept(tmp_path: Path, change: str):
    folder = tmp_path / "out"
    write_export(small(), folder)
    if change == "changed":
        (folder / "report/results.csv").write_text("mine")
    elif change == "added":
        (folder / "notes.txt").write_text("mine")
    else:
        (folder / "link").symlink_to("report/results.csv")
    with pytest.raises(BadInput, match="added or changed since; move it away"):
        check_target(folder)


def test_what_is_no_earlier_export_is_kept(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other.zip").write_bytes(b"PK nothing")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("a/b.txt", "mine")
    (tmp_path / "link").symlink_to("thesis")
    for name in ("thesis", "file", "other.zip", "foreign.zip"):
        with pytest.raises(BadInput, match="is no earlier export"):
            check_target(tmp_path / name)
    with pytest.raises(BadInput, match="a link"):
        check_target(tmp_path / "link")
    with pytest.raises(BadInput, match="there is no folder"):
        check_target(tmp_path / "a/b")
    with pytest.raises(BadInput, match=r"ends in \.zip"):
        check_target(tmp_path / "out.tar.gz")
    with pytest.raises(BadInput, match="many files"):
        check_target(Path("-"))
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty")


def test_places_where_an_export_does_not_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    report = tmp_path / "reports/small"
    report.mkdir(parents=True)
    (report / "report.json").write_text("{}")
    with pytest.raises(BadInput, match="read by this command"):
        check_target(report / "export", report)
    with pytest.raises(BadInput, match="in a folder of reports"):
        check_target(tmp_path / "reports/export")
    monkeypatch.chdir(report)
    with pytest.raises(BadInput, match="the current folder, or around it"):
        check_target(tmp_path / "reports")


def test_the_harnesss_own_folders_are_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "free").mkdir()
    (tmp_path / "docs/page.md").write_text("x")
    for command in (["init", "-q"], ["add", "docs"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    monkeypatch.setattr(targets.harness, "__file__", str(tmp_path / "harness/__init__.py"))
    with pytest.raises(BadInput, match="docs, which is part of the harness's own repository"):
        check_target(tmp_path / "docs/export")
    check_target(tmp_path / "free/export")
    check_target(tmp_path / "export")


def test_nothing_is_half_written_where_writing_fails(tmp_path: Path, monkeypatch):
    folder = tmp_path / "out"
    write_export(small(old__txt=b"1"), folder)

    def fail(file: Path, content: bytes) -> None:
        if file.name == "rerun.sh":
            raise OSError(5, "Input/output error")
        file.write_bytes(content)

    monkeypatch.setattr(targets, "write_output", fail)
    with pytest.raises(BadInput, match="cannot be written"):
        write_export(small(new__txt=b"2"), folder)
    assert contents(folder) == small(old__txt=b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLED = """\
import os, signal, sys
from pathlib import Path
from harness.report.export import target
done = target.write_output
def write(file, content):
    if file.name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    done(file, content)
target.write_output = write
rename = Path.rename
def second(self, other):
    if sys.argv[2] == "rename" and ".part-" in self.name and "earlier" not in self.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, other)
Path.rename = second
files = {"export.json": b'{"suite": "s"}', "rerun.sh": b"", "x": b"2"}
target.write_export(files, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", ["rerun.sh", "rename"])
def test_a_killed_export_leaves_the_earlier_one(tmp_path: Path, moment: str):
    folder = tmp_path / "out"
    write_export(small(old__txt=b"1"), folder)
    killed = subprocess.run([sys.executable, "-c", KILLED, folder, moment], check=False)
    assert killed.returncode == -9
    assert moment == "rename" or contents(folder) == small(old__txt=b"1")
    assert len(list(tmp_path.iterdir())) == 2
    write_export(small(new__txt=b"3"), folder)
    assert contents(folder) == small(new__txt=b"3")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Inside:
    """A folder in which a suite with a recipe, claims and code of the user's was run."""
    harness = Inside(tmp_path_factory.mktemp("user"))
    for name, text in {
        "study/small.yaml": SUITE,
        "study/mine/claims.yaml": CLAIMS,
        "study/mine/small.yaml": RECIPE,
        "study/tools/__init__.py": "",
        "study/tools/helper.py": CODE,
        "study/tools/errors.py": METRIC,
        "study/unused.py": "raise SystemExit",
    }.items():
        (harness.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (harness.folder / name).write_text(text)
    ended = harness("run", "study/small.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    return harness


def test_a_suite_leaves_with_the_users_files_and_runs_again(ran: Inside, tmp_path: Path):
    ended = ran("export", "study/small.yaml", "--to", str(tmp_path / "out"), "--plain")
    assert ended.returncode == 0, ended.stderr
    out = tmp_path / "out"
    assert checks(out) == 0
    suite = contents(out / "suite")
    assert set(suite) == {"small.yaml", "mine/claims.yaml", "mine/small.yaml",
                          "tools/__init__.py", "tools/errors.py", "tools/helper.py"}  # fmt: skip
    assert suite["mine/small.yaml"].decode() == RECIPE
    assert b"family: autoencoder" in (out / "recipes/mine-small-yaml.yaml").read_bytes()
    assert "author = {Me and You}" in (out / "tex/references.bib").read_text()
    environment = json.loads((out / "environment/environment.json").read_text())
    assert {"python", "torch", "device", "harness"} <= set(environment)
    again = rerun(out)
    assert again.returncode == 0, again.stderr
    for column in (0, 1, 2, 3, 5):
        assert column_of(out / "rerun/small/results.csv", column) == column_of(
            out / "report/results.csv", column
        )
    assert checks(out) == 0
    refused = ran("export", "study/small.yaml", "--to", str(out), "--plain")
    assert refused.returncode == 2
    assert "added or changed since" in refused.stderr


def column_of(file: Path, place: int) -> list[str]:
    return [line.split(",")[place] for line in file.read_text().splitlines()]


def rerun(folder: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "HARNESS": f"{sys.executable} -m harness",
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    return subprocess.run(
        ["./rerun.sh", "--jobs", "1"],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_without_a_name_it_goes_to_the_folder_of_results(ran: Inside):
    for _ in range(2):
        ended = ran("export", "study/small.yaml", "--plain")
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("runs/exports/small: ")
    assert checks(ran.folder / "runs/exports/small") == 0


def test_a_published_report_is_exported_without_its_store(ran: Inside, tmp_path: Path):
    folder = ran.folder / "runs/small"
    shutil.copytree(folder, tmp_path / "reports/small")
    away = Inside(tmp_path)
    ended = away("export", "--from", "reports/small", "--to", "out.zip", "--plain")
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "runs").exists()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    out = tmp_path / "unpacked/out"
    assert checks(out) == 0
    assert (out / "report/results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    assert b"family: autoencoder" in (out / "suite/mine/small.yaml").read_bytes()


def test_badges_of_a_report(ran: Inside):
    ended = ran("badge", "--from", "runs/small", "--claim", "better", "-o", "better.svg")
    assert ended.returncode == 0, ended.stderr
    assert "The autoencoder is better." in (ran.folder / "better.svg").read_text()
    ended = ran("badge", "study/small.yaml", "--metric", "mse", "--model", "vae/vae", "-o", "m.svg")
    assert ended.returncode == 0, ended.stderr
    assert "squared error of vae/vae on digits" in (ran.folder / "m.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "quickstrt", "--plain"), "unknown suite 'quickstrt'; did you mean"),
        (("export",), "name either a suite or, with --from"),
        (("export", "quickstart", "--plain"), "quickstart: not run yet"),
        (("export", "--from", "runs", "--plain"), "runs: has no report.json"),
        (("export", "--from", "runs/small", "--to", "runs/small/x", "--plain"), "is read by"),
        (("export", "--from", "runs/small", "--to", "study", "--plain"), "is no earlier export"),
        (("badge", "--from", "runs/small"), "name either a --claim, or a --metric"),
        (("badge", "--from", "runs/small", "--claim", "bettr"), "did you mean 'better'"),
        (("badge", "--from", "runs/small", "--claim", "better", "--model", "x"), "go with"),
        (("badge", "--from", "runs/small", "--claim", "better", "-o", "x.png"), "with the suffix"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(ran: Inside, arguments: tuple[str, ...], message: str):
    before = contents(ran.folder / "study")
    ended = ran(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("harness: ")
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr
    assert contents(ran.folder / "study") == before
