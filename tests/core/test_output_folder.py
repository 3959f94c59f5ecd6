"""Where results go when nobody says: a folder that git ignores, or where they were before."""

import subprocess
from pathlib import Path

import pytest

from harness.core.output_folder import default_output, ensure_output


def test_results_go_to_runs(tmp_path: Path):
    assert default_output(tmp_path) == tmp_path / "runs"
    (tmp_path / "reports").mkdir()
    assert default_output(tmp_path) == tmp_path / "runs"


def test_an_earlier_store_is_used_until_there_is_another(tmp_path: Path):
    for name, expected in (("reports", "reports"), ("runs", "runs")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.db").touch()
        assert default_output(tmp_path) == tmp_path / expected


@pytest.mark.parametrize("folder", ["runs", "results/gpu"])
def test_git_ignores_a_new_folder_and_not_one_that_was_there(tmp_path: Path, folder: str):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    ensure_output(tmp_path / folder)
    (tmp_path / folder / "mlflow.db").touch()
    (tmp_path / "mine").mkdir()
    ensure_output(tmp_path / "mine")
    (tmp_path / "mine/a").touch()
    status = ["git", "-C", tmp_path, "status", "--short", "-uall"]
    assert subprocess.check_output(status, text=True) == "?? mine/a\n"
