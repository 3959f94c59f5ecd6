"""`harness reconcile`, as a user calls it."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.cli.main import main
from harness.data import load_dataset
from harness.data.disturbances import blur
from harness.extractors import load_extractor
from harness.metrics import frechet_distance

DIGITS = load_dataset("digits")
MADE = blur(DIGITS.train.images[:150], 0.7)
LINE = ("made.npz", "--reference", "real.npz", "--extractor", "classifier:digits")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name, images in (("made", MADE), ("real", DIGITS.test.images[:150])):
        np.savez(f"{name}.npz", images.permute(0, 2, 3, 1).numpy())

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "reconcile", *arguments, "--device", "cpu"])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def fid() -> float:
    network = load_extractor("classifier:digits")
    sides = (network.extract(x).pooled for x in (MADE, DIGITS.test.images[:150]))
    return frechet_distance(*sides)


def test_a_cause_is_the_last_line_and_exit_0(call):
    code, out, err = call(*LINE, "--claimed", f"fid={fid() ** 0.5:.5g}", "--json", "all.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("default protocol: reference: real.npz")
    assert lines[1].split("\t") == ["protocol", "value", "change", "gap", "within tolerance"]
    assert lines[2].startswith("the default\t")
    assert lines[-1].startswith("cause: estimator: the root of the distance gives")
    document = json.loads(Path("all.json").read_text())
    assert document["causes"] == ["estimator: the root of the distance"]
    assert document["attempts"][0]["value"] == pytest.approx(fid())
    assert document["attempts"][0]["deviations"] == []


def test_none_is_exit_1_and_json_can_be_all_of_the_output(call):
    code, out, err = call(*LINE, "--claimed", "fid=0.0001", "--json", "-")
    assert code == 1
    document = json.loads(out)
    assert not document["is_explained"]
    assert document["conclusion"].startswith("none of")
    assert err.splitlines()[-1] == document["conclusion"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((*LINE, "--claimed", "fid=one"), "METRIC=NUMBER is needed"),
        ((*LINE, "--claimed", "lpips=0.1"), "--extractor is not for lpips"),
        (("made.npz", "--reference", "no.npz", "--claimed", "fid=1"), "no.npz: no such file"),
        ((*LINE, "--claimed", "fid=1", "--json", "real.npz"), "real.npz: is an input"),
        ((*LINE, "--claimed", "fid=1", "--perceptual", "lpips:alex"), "--perceptual is for lpips"),
        ((*LINE, "--claimed", "fid=1", "--network", "dinov3"), "unknown"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(call, arguments, line: str):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
