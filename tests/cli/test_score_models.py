"""`harness score` of models: their numbers are those of the same samples as a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from running import Inside
from torch import nn

from harness.cli.main import main

CODE = """
import torch
def plain(n, generator):
    return torch.rand(n, 1, 16, 16, generator=generator) * 2 - 1
def labelled(n, generator, labels):
    x = plain(n, generator)
    return (x / 2 + labels.view(-1, 1, 1, 1) / 20).clamp(-1, 1)
def captioned(n, generator, captions):
    return plain(n, generator)
def colour(n, generator):
    return torch.rand(n, 3, 16, 16, generator=generator) * 2 - 1
def large(n, generator):
    return torch.rand(n, 1, 32, 32, generator=generator) * 2 - 1
def unit(n, generator):
    return torch.rand(n, 1, 16, 16, generator=generator)
def nan(n, generator):
    return torch.full((n, 1, 16, 16), float("nan"))
def dim(images):
    return images / 2 - 0.5
def small(images):
    return images[:, :, ::2, ::2]
"""
METRICS = ("--metrics", "fid,recall", "--device", "cpu")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "drawing.py").write_text(CODE)

    def run(*arguments: str) -> tuple[int, str, str]:
        sys.modules.pop("drawing", None)
        monkeypatch.setattr("sys.argv", ["harness", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


class Half(nn.Module):
    """An autoencoder that makes images darker, as `drawing:dim`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2 - 0.5


def rows(file: Path) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(file.read_text())["rows"]
    return [{name: value for name, value in row.items() if name != "key"} for row in content]


def save_folder(samples: Path, folder: Path) -> None:
    """The samples of an `.npz` as PNG files."""
    folder.mkdir()
    for number, image in enumerate(np.load(samples)["arr_0"]):
        plain = image[:, :, 0] if image.shape[2] == 1 else image
        Image.fromarray(plain).save(folder / f"{number:05d}.png")


def test_a_callable_is_scored_as_the_folder_of_its_samples(call, tmp_path):
    code, out, err = call(
        "drawing:plain", "--reference", "digits:test", "-n", "150", *METRICS, "--json", "a.json"
    )
    assert code == 0, err
    (samples,) = (tmp_path / "cache" / "samples").glob("*.npz")
    assert f"150 samples of drawing:plain, seed 0, kept as {samples}" in out
    save_folder(samples, tmp_path / "folder")
    code, _, err = call("folder", "--reference", "digits:test", *METRICS, "--json", "b.json")
    assert code == 0, err
    assert rows(tmp_path / "a.json") == rows(tmp_path / "b.json")


def test_an_exported_program_is_scored_as_the_folder_of_its_samples(call, tmp_path):
    layers = nn.Linear(8, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16))
    shapes = ({0: torch.export.Dim("n")},)
    program = torch.export.export(
        nn.Sequential(*layers), (torch.zeros(2, 8),), dynamic_shapes=shapes
    )
    torch.export.save(program, tmp_path / "net.pt2")
    options = ("--reference", "digits:test", *METRICS)
    code, _, err = call("net.pt2", "-n", "120", *options, "--json", "a.json")
    assert code == 0, err
    (samples,) = (tmp_path / "cache" / "samples").glob("*.npz")
    drawn_at = samples.stat().st_mtime_ns
    save_folder(samples, tmp_path / "folder")
    assert call("folder", *options, "--json", "b.json")[0] == 0
    assert rows(tmp_path / "a.json") == rows(tmp_path / "b.json")
    (tmp_path / "net.pt2").rename(tmp_path / "moved.pt2")
    assert call("moved.pt2", "-n", "120", *options)[0] == 0
    assert samples.stat().st_mtime_ns == drawn_at, "the same content is drawn once"


def test_classes_are_asked_as_the_reference_has_them(call, tmp_path):
    options = ("--reference", "digits:test", "-n", "150", "--metrics", "intra_fid")
    code, _, err = call("drawing:labelled", *options, "--device", "cpu", "--json", "a.json")
    assert code == 0, err
    assert rows(tmp_path / "a.json")[0]["status"] == "ok"
    (samples,) = (tmp_path / "cache" / "samples").glob("*.npz")
    arrays = np.load(samples)
    means = [arrays["arr_0"][arrays["labels"] == label].mean() for label in range(10)]
    assert means == sorted(means)


def test_captions_are_asked_in_the_order_of_their_file(call, tmp_path):
    (tmp_path / "prompts.txt").write_text("a cat\na dog, running\n")
    options = ("--captions", "prompts.txt", "--save-statistics", "s.safetensors")
    code, _, err = call("drawing:captioned", *options, "--extractor", "classifier:digits")
    assert code == 0, err
    (captions,) = (tmp_path / "cache" / "samples").glob("*.jsonl")
    lines = [json.loads(line) for line in captions.read_text().splitlines()]
    asked = ["a cat", "a dog, running"]
    assert lines == [{"file": f"0000{i}", "caption": text} for i, text in enumerate(asked)]
    code, _, err = call("drawing:captioned", *options[:2], "-n", "3")
    assert code == 2
    assert "prompts.txt: 2 captions, and 3 samples are to be drawn" in err


def test_an_autoencoder_is_scored_as_the_folder_of_its_reconstructions(call, tmp_path):
    options = ("--reference", "digits:test", "--pairs", "--metrics", "mse,psnr", "--device", "cpu")
    code, out, err = call("drawing:dim", *options, "--json", "a.json")
    assert code == 0, err
    (folder,) = (tmp_path / "cache" / "reconstructions").iterdir()
    assert f"by drawing:dim, kept as {folder}" in out
    code, _, err = call(str(folder), *options, "--json", "b.json")
    assert code == 0, err
    assert rows(tmp_path / "a.json") == rows(tmp_path / "b.json")
    torch.jit.script(Half()).save(tmp_path / "half.pt")
    code, _, err = call("half.pt", *options, "--json", "c.json")
    assert code == 0, err
    assert rows(tmp_path / "c.json") == rows(tmp_path / "a.json")
    assert len(list((tmp_path / "cache" / "reconstructions").iterdir())) == 1, "kept by content"


def test_names_of_originals_are_those_of_reconstructions(call, tmp_path):
    (tmp_path / "real" / "in").mkdir(parents=True)
    shade = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for name in ("a.bmp", "in/b.png"):
        Image.fromarray(shade).save(tmp_path / "real" / name)
    metrics = ("--metrics", "mse", "--device", "cpu")
    code, _, err = call("drawing:dim", "--reference", "real", "--pairs", *metrics)
    assert code == 0, err
    (folder,) = (tmp_path / "cache" / "reconstructions").iterdir()
    assert {str(f.relative_to(folder)) for f in folder.rglob("*.png")} == {"a.png", "in/b.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("drawing:colour", "-n", "9"), "samples are 3×16×16 and the reference's are 1×16×16"),
        (("drawing:large", "-n", "9"), "samples are 1×32×32"),
        (("drawing:unit", "-n", "9"), "lie in [0, 1] and not in [-1, 1]"),
        (("drawing:nan", "-n", "9"), "not finite"),
        (("drawing:captioned", "-n", "9"), "takes captions; give --captions FILE"),
        (("drawing:plain", "--pairs"), "drawing:plain cannot be called as f(images): missing"),
        (("drawing:dim", "--pairs", "-n", "9"), "-n is for models that make new images"),
        (("drawing:dim", "--pairs", "--metrics", "fid,fdi"), "unknown metric 'fdi'"),
        (("drawing:small", "--pairs"), "drawing:small was given images 1×16×16 and returned 1×8×8"),
        (("absent:plain",), "No module named 'absent'"),
        (("drawing:plain", "--argument", "x"), "NAME=VALUE"),
        (("drawing:plain", "--argument", "x=1"), "cannot be called as f(n, generator, x=…)"),
        (("drawing:plain", "--latent", "x"), "--latent x"),
        (("digits:train", "-n", "9"), "-n is for models"),
        (("digits:train", "--range", "0..1"), "--range is for models"),
        (("model.pth",), "torch.export.save"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_kept(call, tmp_path, arguments, message):
    code, out, err = call(*arguments, "--reference", "digits:test", *METRICS)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_labels_and_counts_that_nobody_knows(call):
    code, _, err = call("drawing:plain", *METRICS)
    assert (code, "say how many samples are drawn" in err) == (2, True)
    code, _, err = call("drawing:labelled", "-n", "5", *METRICS)
    assert (code, "--classes N" in err) == (2, True)


SUITE = """
title: Models that somebody trained
seeds: [0, 1]
budget: {images: 320}
samples: 150
datasets: [digits]
models: [plain.yaml, labelled.yaml]
metrics: [fid, recall]
"""


def test_in_a_suite_it_has_the_numbers_of_its_samples_and_stands_in_the_gate(call, tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    for name in ("plain", "labelled"):
        (tmp_path / f"{name}.yaml").write_text(f"family: pretrained\nsource: drawing:{name}\n")
    command = Inside(tmp_path)
    run = ("run", "suite.yaml", "--output", "out", "--jobs", "1", "--device", "cpu")
    ended = command(*run)
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(tmp_path / "out/suite/results.csv")
    for name in ("plain", "labelled"):
        for seed in (0, 1):
            options = ("--reference", "digits:test", "-n", "150", "--seed", str(seed))
            code, _, err = call(f"drawing:{name}", *options, *METRICS, "--json", "a.json")
            assert code == 0, err
            cell = table[(table.model == f"{name}.yaml") & (table.seed == seed)]
            values = dict(zip(cell.metric, cell.value, strict=True))
            scored = {row["metric"]: row["value"] for row in rows(tmp_path / "a.json")}
            assert values == pytest.approx(scored, abs=1e-12)
    check = ("check", *run[1:4], *run[6:], "--baseline", "b.json")
    ended = command("baseline", "save", "suite.yaml", "-o", "b.json", "--output", "out")
    assert ended.returncode == 0, ended.stderr
    ended = command(*check)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    worse = CODE.replace("torch.rand(n, 1, 16, 16", "0.4 * torch.rand(n, 1, 16, 16")
    (tmp_path / "drawing.py").write_text(worse)
    ended = command(*check)
    assert ended.returncode != 0
    assert "fid" in ended.stdout


def test_a_suite_whose_model_fails_ends_before_anything_runs(tmp_path):
    (tmp_path / "drawing.py").write_text(CODE)
    (tmp_path / "suite.yaml").write_text(SUITE.replace("plain.yaml, labelled.yaml", "nan.yaml"))
    (tmp_path / "nan.yaml").write_text("family: pretrained\nsource: drawing:nan\n")
    ended = Inside(tmp_path)("run", "suite.yaml", "--output", "out", "--device", "cpu")
    assert ended.returncode == 2
    assert "not finite" in ended.stderr
    assert "nan.yaml:1" in ended.stderr


TRAINED = """
title: A model of the store
seeds: [3]
budget: {images: 640}
samples: 150
datasets: [digits]
models: [vae/vae, autoencoder/conv]
metrics: [fid, recall]
"""


def test_a_run_of_the_store_has_its_cells_numbers(call, tmp_path):
    (tmp_path / "suite.yaml").write_text(TRAINED)
    ended = Inside(tmp_path)(
        "run", "suite.yaml", "--output", "runs", "--jobs", "1", "--device", "cpu"
    )
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(tmp_path / "runs/suite/results.csv")
    cell = table[table.model == "vae/vae"]
    options = ("--reference", "digits:test", "-n", "150", *METRICS)
    code, _, err = call(f"run:{cell.run_id.iloc[0]}", *options, "--json", "a.json")
    assert code == 0, err
    scored = {row["metric"]: row["value"] for row in rows(tmp_path / "a.json")}
    assert scored == pytest.approx(dict(zip(cell.metric, cell.value, strict=True)), rel=1e-6)
    (samples,) = (tmp_path / "cache" / "samples").glob("*.npz")
    save_folder(samples, tmp_path / "folder")
    assert call("folder", *options[:2], *METRICS, "--json", "b.json")[0] == 0
    assert rows(tmp_path / "a.json") == rows(tmp_path / "b.json")
    other = table[table.model == "autoencoder/conv"].run_id.iloc[0]
    for source, message in (
        (other, "autoencoder/conv, which makes no new images"),
        ("0" * 32, "no such run"),
        (f"{cell.run_id.iloc[0]} --output=elsewhere", "there is no tracking store"),
    ):
        run, *further = source.split()
        code, _, err = call(f"run:{run}", *options, *further)
        assert (code, err.count("\n")) == (2, 1), err
        assert message in err
