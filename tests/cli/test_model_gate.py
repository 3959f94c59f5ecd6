"""`harness check MODEL --against MODEL2`: outcomes, files, and what is refused."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_clip import save_tiny_clip
from torch import nn

from harness.cli.main import main

CODE = """
import torch
def good(n, generator):
    return torch.tanh(torch.randn(n, 1, 16, 16, generator=generator))
def more_noise(n, generator):
    images = good(n, generator)
    torch.randn(1000, generator=generator)
    return images
def rounded(n, generator):
    return good(n, generator).to(torch.float8_e4m3fn).float()
def broken(n, generator):
    images = good(n, generator)
    images[0] = -1
    return images
def labelled(n, generator, labels):
    return good(n, generator)
def captioned(n, generator, captions):
    return good(n, generator)
def nan(n, generator):
    return good(n, generator) * float("nan")
def unit(n, generator):
    return torch.rand(n, 1, 16, 16, generator=generator)
def large(n, generator):
    return torch.tanh(torch.randn(n, 1, 32, 32, generator=generator))
"""
NETWORKS = ("--extractor", "classifier:digits", "--perceptual", "classifier:digits")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "drawing.py").write_text(CODE)
    sys.modules.pop("drawing", None)

    def run(*arguments: str) -> tuple[int, str, str]:
        command = ["harness", "check", *arguments, "--device", "cpu"]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("good", 0, "Identical in 24 images"),
        ("more_noise", 0, "Identical in 24 images"),
        ("rounded", 1, "Different in 24 images: images differ by 1.9"),
        ("broken", 1, "1 of 24 images is broken (number 0)"),
    ],
)
def test_outcomes(call, model: str, code: int, words: str):
    ended, out, err = call(
        f"drawing:{model}", "--against", "drawing:good", "-n", "24", *NETWORKS,
    )  # fmt: skip
    assert (ended, err) == (code, "")
    assert words in out


def test_every_call_of_the_models_begins_with_the_same_noise(call):
    options = ("--against", "drawing:good", "-n", "24", "--images-at-once", "7", *NETWORKS)
    assert call("drawing:more_noise", *options)[0] == 0


def test_files_and_the_run_have_the_values_of_each_image(call, tmp_path):
    (tmp_path / "prompts.txt").write_text("a cat\n<b>a dog</b>\na cow\n")
    files = ("--per-image", "t.csv", "--page", "p.html", "--json", "c.json", "--markdown", "m.md")
    code, out, err = call(
        "drawing:captioned", "--against", "drawing:captioned", "--prompts", "prompts.txt",
        *files, "--log", *NETWORKS,
    )  # fmt: skip
    assert code == 0, err
    table = pd.read_csv("t.csv")
    assert table.prompt.tolist() == ["a cat", "<b>a dog</b>", "a cow"]
    assert {"rms", "psnr", "lpips", "features", "rerun_rms", "broken"} <= set(table.columns)
    page = Path("p.html").read_text()
    assert page.count("<img") == 9
    assert "<b>a dog" not in page
    assert json.loads(Path("c.json").read_text())["outcome"] == "identical"
    assert Path("m.md").read_text().startswith("### ✅ drawing:captioned against")
    artifacts = {path.name for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert {"per_image.csv", "pairs.html", "check.json"} <= artifacts
    assert "Run: " in out


def test_the_page_has_the_worst_pair_first(call):
    options = ("--against", "drawing:good", "-n", "12", *NETWORKS, "--page", "p.html")
    assert call("drawing:broken", *options)[0] == 1
    page = Path("p.html").read_text()
    first = page.index('<th scope="row" data-sort="')
    assert page[first:].startswith('<th scope="row" data-sort="0">0<span class="more trouble">')


def test_a_tolerance_allows_a_difference(call):
    options = ("--against", "drawing:good", "-n", "24", *NETWORKS, "--tolerance")
    code, out, _ = call("drawing:rounded", *options, "psnr=40")
    assert (code, "Tolerated in 24 images" in out) == (0, True)
    assert call("drawing:rounded", *options, "psnr=45")[0] == 1


def test_a_program_against_its_quantised_copy(call, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))
    for name in ("net", "net8"):
        shapes = ({0: torch.export.Dim("n")},)
        program = torch.export.export(net, (torch.zeros(2, 8),), dynamic_shapes=shapes)
        torch.export.save(program, tmp_path / f"{name}.pt2")
        with torch.no_grad():
            net[0].weight.copy_(net[0].weight.to(torch.float8_e4m3fn).float())
    options = ("--against", "net.pt2", "-n", "24", *NETWORKS)
    assert call("net.pt2", *options)[0] == 0
    assert call("net8.pt2", *options)[0] == 1


def test_the_clip_score_of_both_models(call, tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    save_tiny_clip(tmp_path / "weights" / "tiny")
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "prompts.txt").write_text("a b\n" * 12)
    options = ("--against", "drawing:captioned", "--prompts", "prompts.txt", *NETWORKS)
    code, out, err = call(
        "drawing:captioned", *options, "--text", "clip:tiny", "--per-image", "t.csv"
    )
    assert code == 0, err
    assert "fall of the CLIP score" in out
    table = pd.read_csv("t.csv")
    assert (table.clip_score == 0).all()
    assert (table.clip_score_model == table.clip_score_against).all()
    assert table.clip_score_model.between(0, 100).all()


GOOD = ("--against", "drawing:good")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("drawing:nan", *GOOD), "not finite"),
        (("drawing:unit", *GOOD), "lie in [0, 1] and not in [-1, 1]"),
        (("drawing:large", *GOOD), "samples are 1×32×32 and the reference's are 1×16×16"),
        (("drawing:absent", *GOOD), "absent"),
        (("drawing:captioned", *GOOD), "takes captions and drawing:good no condition"),
        (("drawing:captioned", "--against", "drawing:captioned"), "give --prompts FILE"),
        (("drawing:labelled", "--against", "drawing:labelled"), "--classes N"),
        (("drawing:good", *GOOD, "--classes", "3"), "takes no class labels"),
        (("drawing:good", *GOOD, "--prompts", "p.txt"), "takes no captions"),
        (
            (
                "drawing:captioned",
                "--against",
                "drawing:captioned",
                "--prompts",
                "p.txt",
                "-n",
                "3",
            ),
            "2 prompts, and 3 images are to be drawn",
        ),
        (("drawing:good", *GOOD, "-n", "1"), "at least 2 images"),
        (("drawing:good", *GOOD, "--seeds", "0-2"), "--seeds is for suites"),
        (("drawing:good", *GOOD, "--baseline", "b.json"), "--baseline"),
        (("drawing:good", *GOOD, "--tolerance", "fid=3"), "unknown metric 'fid'"),
        (("drawing:good", *GOOD, "--tolerance", "clip_score=3"), "there are no prompts"),
        (("drawing:good", *GOOD, "--per-image", "t.png"), "--per-image t.png"),
        (("drawing:good", *GOOD, "--page", "t.csv"), "--page t.csv"),
        (("drawing:good", *GOOD, "--extractor", "nothing"), "nothing"),
        (("drawing:good", *GOOD, "--perceptual", "lpips:vgg16"), "lpips:vgg16"),
        (("quickstart", "-n", "5", "--baseline", "b.json"), "-n goes with --against MODEL"),
        (("quickstart", "--page", "p.html"), "--page goes with --against MODEL"),
        (("quickstart",), "give --baseline FILE to check a suite, or --against MODEL"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(call, tmp_path, arguments, message):
    (tmp_path / "p.txt").write_text("a cat\na dog\n")
    before = {path.name for path in tmp_path.iterdir()}
    files = () if "--page" in arguments or "quickstart" in arguments else ("--page", "pairs.html")
    code, out, err = call(*arguments, *files)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message in err
    assert {path.name for path in tmp_path.iterdir()} - before <= {"__pycache__"}
