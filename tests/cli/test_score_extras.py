"""`harness score` beside the table: the curve, the gallery, statistics of shards."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.cli.main import main
from harness.data import load_dataset

DIGITS = load_dataset("digits").train.images[:, 0].numpy()
OWN = ("--extractor", "classifier:digits")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    for name, part in (("a", DIGITS[:300]), ("b", DIGITS[300:500]), ("ab", DIGITS[:500])):
        np.save(tmp_path / f"{name}.npy", part)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "score", *arguments, "--device", "cpu"])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def row(file: Path, metric: str) -> dict:
    return next(r for r in json.loads(file.read_text())["rows"] if r["metric"] == metric)


def test_statistics_of_shards_give_the_fid_of_the_whole(call, tmp_path):
    for name in ("a", "b"):
        code, out, err = call(f"{name}.npy", "--save-statistics", f"{name}.safetensors", *OWN)
        assert code == 0, err
        assert out.splitlines()[1:] == [f"{name}.safetensors: statistics of the samples' features"]
    shards = ("a.safetensors", "b.safetensors")
    code, out, err = call(
        *shards, "--reference", "digits:test", "--metrics", "fid", "--json", "merged.json"
    )
    assert code == 0, err
    assert "samples: statistics a.safetensors, statistics b.safetensors, 500 images" in out
    call("ab.npy", "--reference", "digits:test", "--metrics", "fid", "--json", "whole.json")
    merged, whole = (row(tmp_path / f"{name}.json", "fid") for name in ("merged", "whole"))
    assert merged["value"] == pytest.approx(whole["value"], rel=1e-5)
    assert merged["protocol"] == whole["protocol"]
    assert merged["stderr"] is None
    code, out, err = call(*shards, "--reference", "digits:test", "--metrics", "fid,kid")
    assert (code, out) == (2, "")
    assert "kid: needs the features of single images" in err

    code, *_ = call(*shards, "--save-statistics", "ab.safetensors")
    call("digits:test", "--save-statistics", "test.safetensors")
    options = ("--reference", "test.safetensors", "--json", "third.json")
    code, _, err = call("ab.safetensors", *options)
    assert code == 0, err
    third = row(tmp_path / "third.json", "fid")
    assert third["value"] == pytest.approx(merged["value"], rel=1e-9)
    assert third["protocol"] == whole["protocol"]
    assert third["key"] == merged["key"]
    call("test.safetensors", "--reference", "digits:test", "--json", "same.json")
    assert (
        "samples and reference are the same images" in row(tmp_path / "same.json", "fid")["reason"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.safetensors", "a.safetensors", "--reference", "digits:test"), "must count once"),
        (("a.safetensors", "b.npy", "--reference", "digits:test"), "only files of statistics"),
        (("a.npy", "--draws", "--reference", "digits:test"), "--draws needs several sets"),
        (("a.npy", "b.npy", "--draws", *OWN, "--curve"), "--curve is for one set of samples"),
        (("a.safetensors", "--reference", "digits:test", "--curve"), "--curve needs images"),
        (("b.npy", "--reference", "a.safetensors", "--pairs"), "--pairs needs images"),
        (
            ("a.safetensors", "--reference", "digits:test", "--extractor", "random:resnet18"),
            "extractor differs: ",
        ),
        (("gone.safetensors", "--reference", "digits:test"), "gone.safetensors: cannot be read"),
        (("b.npy", "--save-statistics", "b.csv", *OWN), "b.csv: name a file of statistics"),
        (("b.npy", "--curve"), "--curve needs something to compare with"),
        (("b.npy", "--gallery", "g.png"), "--gallery needs images to look among"),
        (("b.npy", "--gallery", "no/g.png"), "no/g.png: cannot be written"),
        (
            ("b.npy", "--reference", "a.npy", "--curve", "--profile", "clean-fid"),
            "--profile does not go with --curve",
        ),
    ],
)
def test_what_cannot_be_is_one_line(call, arguments, words):
    call("a.npy", "--save-statistics", "a.safetensors", *OWN)
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("harness: ")
    assert words in err
    assert err.count("\n") == 1


def test_the_curve_and_the_gallery_stand_beside_the_table(call, tmp_path):
    np.save(tmp_path / "copies.npy", np.concatenate([255 - DIGITS[:299], DIGITS[7:8]]))
    code, out, err = call(
        "copies.npy", "--reference", "digits:test", "--metrics", "fid", "--curve",
        "--gallery", "g.png", "--json", "x.json",
    )  # fmt: skip
    assert code == 0, err
    content = json.loads((tmp_path / "x.json").read_text())
    sizes = [point["size"] for point in content["curve"]["points"]]
    assert sizes == [37, 75, 150, 300]
    assert content["curve"]["points"][-1]["fid"] == pytest.approx(content["rows"][0]["value"])
    assert content["curve"]["extractor"].startswith("classifier:digits@")
    table = [line.split("\t") for line in out.splitlines()]
    assert [cells[0] for cells in table if cells[0].isdigit()] == [str(n) for n in sizes]
    assert "g.png: samples nearest to a training image (digits:train)" in out
    sheet = np.asarray(Image.open(tmp_path / "g.png"))
    assert sheet.shape == (8 * 17 + 1, 6 * 17 + 1)
    assert np.array_equal(sheet[1:17, 1:17], DIGITS[7]), "the copy is the first"
    assert np.array_equal(sheet[1:17, 18:34], DIGITS[7]), "beside what it is a copy of"


def test_without_a_training_set_the_gallery_is_of_the_reference_and_says_so(call, tmp_path):
    code, out, err = call(
        "a.npy", "--reference", "b.npy", "--metrics", "fid", "--gallery", "g.png", *OWN
    )
    assert code == 0, err
    assert "g.png: samples nearest to a reference image (array b.npy)" in out
    assert "--train says on what" in out
    assert (tmp_path / "g.png").exists()


def test_statistics_that_name_their_network_ask_for_no_other(call, tmp_path):
    assert call("digits:test", "--save-statistics", "a.safetensors", *OWN)[0] == 0
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", rng.integers(0, 256, (30, 16, 16), dtype=np.uint8))
    for sides in (("x.npz", "--reference", "a.safetensors"),
                  ("a.safetensors", "--reference", "x.npz")):  # fmt: skip
        code, out, err = call(*sides)
        assert code == 0, err
        assert "classifier:digits@" in out


def test_values_of_each_image_have_the_means_of_the_table(call, tmp_path):
    noise = np.random.default_rng(0).integers(-9, 10, DIGITS[:40].shape)
    np.save(tmp_path / "made.npy", (DIGITS[:40].astype(int) + noise).clip(0, 255).astype("uint8"))
    np.save(tmp_path / "real.npy", DIGITS[:40])
    pairs = ("made.npy", "--reference", "real.npy", "--pairs", "--per-image", "t.csv", "--log")
    for further in (("--metrics", "mse,psnr,ssim"), ("--profile", "piq", "--metrics", "psnr,ssim")):
        code, out, err = call(*pairs, *further, "--json", "n.json")
        assert code == 0, err
        assert "t.csv: the values of each image" in out
        table = pd.read_csv("t.csv", dtype={"image": str})
        assert table.image.tolist() == [f"{row:05d}" for row in range(40)]
        for metric in further[-1].split(","):
            value = row(tmp_path / "n.json", metric)["value"]
            assert table[metric].mean() == pytest.approx(value, rel=1e-12)
    assert list((tmp_path / "runs").rglob("per_image.csv"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metrics", "fid", "--per-image", "t.csv"), "a value of each image"),
        (("--per-image", "t.png"), "--per-image t.png"),
        (("b.npy", "--per-image", "t.csv"), "--per-image is one file"),
    ],
)
def test_values_of_images_that_cannot_be_written(call, tmp_path, arguments, message):
    code, out, err = call("a.npy", *arguments, "--reference", "digits:test", *OWN)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "t.csv").exists()
