"""`harness watermark`, `harness copies` and `harness detect`, as a user calls them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.cli.main import main
from harness.data import load_dataset


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process, beside sets of digits: exit code, and what it wrote."""
    monkeypatch.chdir(tmp_path)
    digits = load_dataset("digits")
    for name, images in (
        ("samples", digits.test.images[:40]),
        ("train", digits.train.images[:300]),
        ("held", digits.test.images[40:240]),
    ):
        np.savez(tmp_path / f"{name}.npz", images.permute(0, 2, 3, 1).numpy())
    (tmp_path / "key.txt").write_text("a secret\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def test_a_mark_is_embedded_and_found_with_its_key_only(call, tmp_path):
    key = ("--key-file", "key.txt")
    code, out, _ = call("watermark", "embed", "samples.npz", *key, "-o", "marked.npz")
    assert code == 0
    assert "marked.npz: 40 images with the watermark, PSNR 3" in out
    code, out, _ = call("watermark", "detect", "marked.npz", *key)
    assert (code, out) == (
        0,
        "marked.npz: 40 of 40 images have the watermark; of as many images without it 0.004 would "
        "be expected to test positive\n",
    )
    (tmp_path / "key.txt").write_text("another")
    assert ": 0 of 40 images" in call("watermark", "detect", "marked.npz", *key)[1]


def test_copies_are_listed_and_written(call, tmp_path):
    train = np.load(tmp_path / "train.npz")["arr_0"]
    samples = np.load(tmp_path / "samples.npz")["arr_0"]
    samples[3] = train[17]
    samples[3, 0, 0] = 7
    np.savez(tmp_path / "samples.npz", samples)
    code, out, _ = call(
        "copies", "samples.npz", "--train", "train.npz", "--held-out", "held.npz", "-o", "n.csv"
    )
    assert code == 0
    assert "samples are nearer to a training image than all but 1% of the held-out images" in out
    table = pd.read_csv(tmp_path / "n.csv")
    assert len(table) == 40
    assert (table["sample"][0], table["training image"][0]) == (3, 17)
    assert table["p"][0] == pytest.approx(1 / 201)
    assert table["p"].is_monotonic_increasing


def test_a_detector_is_tested_on_the_samples_of_others(call, tmp_path):
    """Noisy and dim digits are told from others, and a detector of noise does not find dim ones."""
    samples = np.load(tmp_path / "samples.npz")["arr_0"].astype(int)
    noise = np.random.default_rng(0).integers(-200, 200, samples.shape)
    np.savez(tmp_path / "noisy.npz", np.clip(samples + noise, 0, 255).astype(np.uint8))
    dim = samples // 4
    np.savez(tmp_path / "dim.npz", dim.astype(np.uint8))
    sets = ("noisy.npz", "dim.npz", "samples.npz")
    real = ("--train", "train.npz", "--held-out", "held.npz")
    code, out, _ = call("detect", *sets, *real, "--extractor", "classifier:digits", "-o", "a.csv")
    assert code == 0
    assert "Areas under the ROC curve by classifier:digits@22a81ac0, against 200 images" in out
    table = pd.read_csv(tmp_path / "a.csv").set_index(["learnt from", "tested on"])["area"]
    assert len(table) == 9
    assert table["noisy.npz", "noisy.npz"] > 0.9
    assert table["dim.npz", "dim.npz"] > 0.9
    assert 0.3 < table["samples.npz", "samples.npz"] < 0.7
    assert table["noisy.npz", "dim.npz"] < table["noisy.npz", "noisy.npz"]


def test_bad_input_is_one_line(call, tmp_path):
    (tmp_path / "empty.txt").write_text(" \n")
    np.savez(
        tmp_path / "wide.npz", np.random.default_rng(0).integers(0, 256, (9, 9, 9, 1), "uint8")
    )
    embed = ("watermark", "embed", "samples.npz", "-o", "m.npz", "--key-file")
    copies = ("copies", "samples.npz", "--train", "wide.npz", "--held-out", "held.npz")
    detect = ("detect", "samples.npz", "--train", "wide.npz", "--held-out", "held.npz")
    twice = ("detect", "held.npz", "held.npz", "--train", "train.npz", "--held-out", "held.npz")
    for arguments, message in (
        ((*embed, "empty.txt"), "empty.txt is empty; a key of a watermark is needed"),
        ((*embed, "none.txt"), "none.txt: no key can be read"),
        ((*embed[:3], "-o", "m.png", "--key-file", "key.txt"), "suffix .npz"),
        (copies, "differ in size or channels"),
        (detect, "differ in size or channels"),
        (twice, "a set of samples is given twice"),
    ):
        code, _, err = call(*arguments)
        assert code == 2
        assert message in err
        assert err.count("\n") == 1
