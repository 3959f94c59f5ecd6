"""`harness score`, as a user calls it."""

import csv
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from running import Command, Inside
from tiny_clip import save_tiny_clip
from tiny_preference import save_tiny_image_reward, save_tiny_pick_score, save_tiny_vqa

from harness.cli.main import main
from harness.core.measurement import Measurement
from harness.data import load_dataset
from harness.tracking import Store, default_uri
from harness.tracking.records import NUMBER

DIGITS = load_dataset("digits").train.images[:60, 0].numpy()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def folder(path: Path, images: np.ndarray = DIGITS) -> Path:
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / f"{i:03d}.png")
    return path


def numbers(file: Path) -> dict[str, Measurement]:
    content = json.loads(file.read_text())
    found = (Measurement.from_json(json.dumps(row)) for row in content["rows"])
    return {row.metric: row for row in found}


@pytest.mark.slow
def test_a_folder_and_an_array_of_the_same_images_have_the_same_numbers(tmp_path):
    folder(tmp_path / "samples")
    np.savez(tmp_path / "samples.npz", DIGITS)
    command = Inside(tmp_path)
    options = ("--reference", "digits:test", "--metrics", "fid,recall,is", "--device", "cpu")
    for samples in ("samples", "samples.npz"):
        ended = command("score", samples, *options, "--json", f"{samples}.json")
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""
        assert "fid\t" in ended.stdout
    assert numbers(tmp_path / "samples.json") == numbers(tmp_path / "samples.npz.json")


@pytest.mark.slow
def test_bad_input_is_one_line_of_a_process_too(tmp_path):
    folder(tmp_path / "samples")
    (tmp_path / "samples" / "007.png").write_bytes(b"no image")
    ended = Command(tmp_path)("score", "samples", "--reference", "digits:test")
    assert ended.returncode == 2
    assert ended.stderr.startswith("harness: samples/007.png: not an image")
    assert ended.stderr.count("\n") == 1


def test_rows_for_people_and_for_programs(call, tmp_path):
    np.save(tmp_path / "samples.npy", DIGITS)
    (tmp_path / "deep").mkdir()
    code, out, err = call(
        "samples.npy", "--reference", "digits:test", "--metrics", "fid", "--metrics", "is",
        "--json", "deep/scores.json", "--device", "cpu",
    )  # fmt: skip
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "samples: array samples.npy, 60 images 1×16×16",
        "reference: digits:test, 599 images 1×16×16",
        "train: digits:train, 1,198 images 1×16×16",
    ]
    found = numbers(tmp_path / "deep" / "scores.json")
    by_name = {line.split("\t")[0]: line.split("\t") for line in lines[3:]}
    assert list(by_name) == ["fid", "is"]
    assert by_name["fid"][1] == f"{found['fid'].value:.2f}"
    assert by_name["is"][2].endswith("over splits")
    assert "n=60/599 test" in by_name["fid"][3]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["scores.json"], "nothing is left"


def test_pairs_are_compared_image_by_image(call, tmp_path):
    folder(tmp_path / "originals")
    folder(tmp_path / "decoded", 255 - DIGITS)
    code, out, _ = call(
        "decoded", "--reference", "originals", "--pairs", "--metrics", "mse,psnr,ssim",
        "--json", "x.json",
    )  # fmt: skip
    assert code == 0
    x = DIGITS / 255
    assert numbers(tmp_path / "x.json")["mse"].value == pytest.approx(np.mean((1 - 2 * x) ** 2))
    assert "over images" in out


def test_captions(call, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    save_tiny_clip(tmp_path / "weights" / "tiny")
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "weights"))
    folder(tmp_path / "samples", DIGITS[:5])
    with (tmp_path / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "caption"), *((f"{i:03d}.png", "a b") for i in range(5))]
        )
    options = (
        "samples",
        "--captions",
        "c.csv",
        "--metrics",
        "clip_score",
        "--text",
        "clip:tiny",
        "--json",
        "x.json",
    )
    code, _, err = call(*options)
    assert code == 0, err
    row = numbers(tmp_path / "x.json")["clip_score"]
    assert 0 <= row.value <= 100
    assert row.over == "images"
    assert row.protocol.dataset == "captions"
    assert row.protocol.extractor.startswith("clip:tiny@")
    with (tmp_path / "c.csv").open("a") as file:
        file.write("004.png,again\n")
    code, _, err = call(*options)
    assert (code, err.count("\n")) == (2, 1)
    assert "c.csv:7: '004.png' has a caption on line 6 already" in err


def test_caption_scores(call, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    weights = tmp_path / "weights"
    monkeypatch.setenv("HARNESS_WEIGHTS", str(weights))
    save_tiny_pick_score(weights)
    save_tiny_image_reward(weights)
    save_tiny_vqa(weights / "me" / "vqa", "blip-2")
    folder(tmp_path / "samples", DIGITS[:5])
    lines = ["file,caption", *(f"{i:03d}.png,a b" for i in range(5))]
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    names = ["pick_score", "image_reward", "vqa_score@vqa:me/vqa"]
    options = ("samples", "--captions", "c.csv", "--metrics")
    code, _, err = call(*options, ",".join(names), "--json", "x.json", "--per-image", "each.csv")
    assert code == 0, err
    rows, each = numbers(tmp_path / "x.json"), pd.read_csv(tmp_path / "each.csv")
    for name in names:
        assert rows[name].value == pytest.approx(each[name].mean(), rel=1e-4)
        assert rows[name].over == "images"
    assert rows["pick_score"].protocol.extractor.startswith(
        "pick-score:yuvalkirstain/PickScore_v1@"
    )
    (tmp_path / "c.csv").write_text("\n".join(lines[:-1]) + "\n")
    code, _, err = call(*options, "pick_score", "--json", "y.json")
    assert (code, err.count("\n")) == (2, 1)
    assert "1 of 5 images without a caption: 004.png" in err
    assert not (tmp_path / "y.json").exists()
    (weights / "zai-org" / "ImageReward" / "ImageReward.pt").unlink()
    (tmp_path / "c.csv").write_text("\n".join(lines) + "\n")
    code, _, err = call(*options, "image_reward")
    assert (code, err.count("\n")) == (2, 1)
    assert "put the files of https://huggingface.co/zai-org/ImageReward into" in err


def test_what_fails_is_named_and_the_rest_is_kept(call, tmp_path):
    """scikit-image's PSNR of equal images is infinite."""
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", DIGITS)
    code, out, _ = call(
        "a.npy", "--reference", "b.npy", "--pairs", "--metrics", "psnr,ssim", "--json", "x.json",
        "--profile", "scikit-image",
    )  # fmt: skip
    assert code == 1
    assert out.splitlines()[-1].startswith("failed: psnr: BadInput: 60 of 60 pairs are equal")
    assert {row.metric: row.status for row in numbers(tmp_path / "x.json").values()} == {
        "psnr": "failed", "ssim": "ok",
    }  # fmt: skip


def test_a_run_in_mlflow_that_the_same_command_continues(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS)
    options = ("a.npy", "--reference", "digits:test", "--log", "--json", "x.json")
    for metrics in ("recall", "recall,precision"):
        code, out, err = call(*options, "--metrics", metrics)
        assert code == 0, err
    store = Store(default_uri(tmp_path / "runs"), tmp_path / "runs")
    experiment = store.client.get_experiment_by_name("score")
    (run,) = store.client.search_runs([experiment.experiment_id])
    assert run.info.run_id in out
    assert run.info.status == "FINISHED"
    found = numbers(tmp_path / "x.json")
    logged = {k: v for k, v in run.data.tags.items() if k.startswith(NUMBER)}
    assert sorted(logged.values()) == sorted(row.to_json() for row in found.values())
    assert run.data.metrics["recall"] == found["recall"].value
    assert run.data.params["reference.description"] == "digits:test"
    assert len(run.inputs.dataset_inputs) == 3


# What a user can put right


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def empty(path: Path) -> None:
    (path / "bad").mkdir()


def truncated(path: Path) -> None:
    file = folder(path / "bad") / "001.png"
    file.write_bytes(file.read_bytes()[:-40])


def mixed_sizes(path: Path) -> None:
    Image.fromarray(DIGITS[0, :8]).save(folder(path / "bad") / "001.png")


def mixed_channels(path: Path) -> None:
    Image.fromarray(DIGITS[0]).convert("RGB").save(folder(path / "bad") / "001.png")


def bombs(path: Path) -> None:
    empty(path)
    for name in "ab":
        (path / "bad" / f"{name}.png").write_bytes(png_header(40_000, 25_000))


def link(path: Path) -> None:
    (path / "bad").symlink_to("gone")


def other_size(path: Path) -> None:
    folder(path / "bad", DIGITS[:, :8, :8])


def two(path: Path) -> None:
    folder(path / "bad", DIGITS[:2])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, "bad: no images in it"),
        (truncated, "bad/001.png: cannot be decoded; cut short or damaged"),
        (mixed_sizes, "bad/000.png is 16×16 grey and bad/001.png is 16×8 grey"),
        (mixed_channels, "bad/000.png is 16×16 grey and bad/001.png is 16×16 RGB"),
        (bombs, "bad/a.png: more than 89,478,485 pixels"),
        (link, "bad: a link to gone, which does not exist"),
        (other_size, "samples (folder bad) are 1×8×8 and reference (digits:test) 1×16×16"),
        (two, "precision: needs at least 4 samples, not 2 (samples: folder bad, 2 images; "),
    ],
)
def test_a_folder_that_cannot_be_used(call, tmp_path, make, words):
    make(tmp_path)
    before = sorted(tmp_path.iterdir())
    code, out, err = call("bad", "--reference", "digits:test", "--log", "--metrics", "precision")
    assert (code, out) == (2, "")
    assert err.startswith(f"harness: {words}")
    assert err.count("\n") == 1
    assert "bad" in err
    assert sorted(tmp_path.iterdir()) == before, "something was written"


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (DIGITS / 255, "bad.npz: values are float64"),
        (np.array([{}, {}], dtype=object), "bad.npz: pickled objects"),
        (DIGITS[:, None].repeat(3, axis=1), "bad.npz: shape (60, 3, 16, 16)"),
        (DIGITS[:1], "bad.npz: 1 image;"),
    ],
)
def test_an_array_that_cannot_be_used(call, tmp_path, array, words):
    np.savez(tmp_path / "bad.npz", array)
    for sides in (("bad.npz", "--reference", "digits:test"), ("digits:test", "--train", "bad.npz")):
        code, out, err = call(*sides)
        assert (code, out) == (2, "")
        assert err.startswith(f"harness: {words}")
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("digits:tset",), "did you mean 'test'"),
        (("gone/",), "gone/: no such file or folder"),
        (("digits:test", "--pairs"), "--pairs needs the originals"),
        (("digits:test", "--metrics", "fdi"), "did you mean 'fid'"),
        (("digits:test", "--metrics", "FID"), "did you mean 'fid'"),
        (("digits:test", "--metrics", "Psnr"), "did you mean 'psnr'"),
        (("digits:test", "--metrics", "fid"), "give --reference, such as cifar10:test"),
        (("digits:test", "--metrics", "clip_score"), "give --captions, such as prompts.csv"),
        (("digits:test", "--metrics", "psnr"), "--pairs and the originals as --reference"),
        (
            (
                "digits:test",
                "--extractor",
                "random",
                "--reference",
                "digits:test",
                "--metrics",
                "fid",
            ),
            "such as random:resnet18",
        ),
        (("digits:test", "--reference", "digits:test", "--extractor", "inceptoin"), "'inception'"),
        (("digits:test", "--captions", "none.csv"), "none.csv: cannot be read"),
        (("digits:test", "--device", "abacus"), "no device 'abacus'"),
        (("digits:test", "--json", "no/such/place.json"), "no/such/place.json: cannot be written"),
        (("digits:train", "--reference", "digits:test", "--pairs"), "a partner in digits:test"),
    ],
)
def test_a_command_that_cannot_be_followed(call, arguments, words, monkeypatch):
    monkeypatch.setenv("HARNESS_WEIGHTS", "nowhere")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("harness: ")
    assert words in err
    assert err.count("\n") == 1
