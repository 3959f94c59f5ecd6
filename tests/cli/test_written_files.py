"""What verbs write, over files that they read."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.cli.main import main

SUITE = """
title: two models
datasets: [digits, {name: faces, models: [./theirs.yaml]}]
models: [vae/vae, ./mine.yaml]
seeds: [0, 1, 2]
budget: {images: 1000}
metrics: [mse]
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process and in a folder with inputs: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("samples", "real"):
        (tmp_path / name).mkdir()
        for i, image in enumerate(IMAGES):
            Image.fromarray(image + (name == "real")).save(tmp_path / name / f"{i}.png")
    (tmp_path / "prompts.csv").write_text(
        "file,caption\n" + "".join(f"{i}.png,a {i}\n" for i in range(6))
    )
    (tmp_path / "suite.yaml").write_text(SUITE)
    (tmp_path / "mine.yaml").write_text("extends: vae/vae\n")
    (tmp_path / "theirs.yaml").write_text("extends: vae/vae\n")
    (tmp_path / "quoted.yaml").write_text("[]\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").write_bytes(b"")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


SCORE = ("score", "samples", "--reference", "real", "--metrics", "sharpness")


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ((*SCORE, "--json", "samples/0.png"), "samples/0.png"),
        ((*SCORE, "--gallery", "real/0.png"), "real/0.png"),
        ((*SCORE, "--captions", "prompts.csv", "--json", "prompts.csv"), "prompts.csv"),
        ((*SCORE, "--log", "--json", "runs/mlflow.db"), "runs/mlflow.db"),
        (("data", "show", "folder:./real", "--sheet", "real/1.png"), "real/1.png"),
        (("baseline", "save", "suite.yaml", "-o", "suite.yaml"), "suite.yaml"),
        (("baseline", "save", "suite.yaml", "-o", "mine.yaml"), "mine.yaml"),
        (("baseline", "save", "suite.yaml", "-o", "theirs.yaml"), "theirs.yaml"),
        (("vote", "suite.yaml", "-o", "suite.yaml"), "suite.yaml"),
        (("leaderboard", "--quoted", "quoted.yaml", "--csv", "quoted.yaml"), "quoted.yaml"),
        (("leaderboard", "--html", "runs/mlflow.db"), "runs/mlflow.db"),
        (("compare", "a", "b", "--html", "runs/mlflow.db"), "runs/mlflow.db"),
    ],
)
@pytest.mark.parametrize("by", ["name", "link"])
def test_no_verb_writes_over_what_it_reads(call, tmp_path, arguments, file, by):
    before = (tmp_path / file).read_bytes()
    if by == "link":
        (tmp_path / "link").symlink_to(file)
        arguments = (*arguments[:-1], "link")
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert "is an input of this command" in err
    assert err.count("\n") == 1
    assert (tmp_path / file).read_bytes() == before


def test_json_to_the_standard_output_is_all_that_is_there(call, tmp_path):
    code, out, err = call(*SCORE, "--json", "-")
    assert code == 0, err
    assert [row["metric"] for row in json.loads(out)["rows"]] == ["sharpness"]
    assert "sharpness\t" in err
    assert not (tmp_path / "-").exists()


def test_json_to_a_device_leaves_the_device(call, tmp_path):
    (tmp_path / "link.json").symlink_to(os.devnull)
    assert call(*SCORE, "--json", "link.json")[0] == 0
    assert (tmp_path / "link.json").is_symlink()
    assert Path(os.devnull).is_char_device()
