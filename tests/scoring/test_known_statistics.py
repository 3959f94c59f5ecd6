"""Other people's statistics: known by name, pickled, beside images, and written for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.cli.main import main
from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.profiles import adm, load_profile
from harness.metrics.inception_score import exp_mean_kl
from harness.scoring.comparing import compares_statistics
from harness.scoring.known_statistics import KNOWN, known_statistics
from harness.scoring.statistics import load_statistics

DIGITS = load_dataset("digits").train.images[:, 0].numpy()
OWN = ("--extractor", "classifier:digits", "--device", "cpu")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "score", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def values(out: str) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in json.loads(out)["rows"]}


@pytest.mark.parametrize(
    ("name", "extractor", "images"),
    [
        ("VIRTUAL_imagenet256_labeled.npz", "inception", 0),
        ("VIRTUAL_lsun_bedroom256.npz", "inception", 0),
        ("cifar10-32x32.npz", "inception", 50_000),
        ("ffhq-64x64.npz", "inception", 70_000),
        ("cifar10_clean_train_na.npz", "inception:pil-bicubic", 0),
        ("ffhq_clean_trainval70k_1024.npz", "inception:pil-bicubic", 0),
        ("cifar10_legacy_tensorflow_train_na.npz", "inception", 0),
    ],
)
def test_published_files_are_known_by_name(name: str, extractor: str, images: int):
    known = known_statistics(Path("somewhere") / name)
    assert known is not None
    assert (known.extractor, known.images) == (extractor, images)
    assert "not compared with the original" in known.note


def test_other_names_are_not_known():
    for name in ("real.npz", "my-cifar10-32x32.npz", "cifar10-32x32.npz.bak"):
        assert known_statistics(Path(name)) is None
    assert len({each.pattern for each in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize("suffix", ["pt", "pth", "pkl", "pickle"])
def test_pickled_statistics_are_refused_with_their_conversion(call, tmp_path, suffix: str):
    (tmp_path / f"stats.{suffix}").write_bytes(b"x")
    np.save(tmp_path / "a.npy", DIGITS[:150])
    code, out, err = call("a.npy", "--reference", f"stats.{suffix}", *OWN)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert f"'stats.{suffix}'" in err
    assert "numpy.savez('statistics.npz', mu=s['mu'], sigma=s['sigma'])" in err


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_statistics_that_are_written_for_others_come_back(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS[:300])
    np.save(tmp_path / "b.npy", DIGITS[300:600])
    assert call("a.npy", "--save-statistics", "a.npz", *OWN)[0] == 0
    assert call("a.npy", "--save-statistics", "a.safetensors", *OWN)[0] == 0
    arrays = np.load(tmp_path / "a.npz")
    assert sorted(arrays) == ["mu", "sigma"]
    exact = load_statistics([str(tmp_path / "a.safetensors")]).statistics
    assert np.array_equal(arrays["mu"], exact.mean.numpy())
    found = []
    for reference in ("a.npz", "a.safetensors"):
        code, out, err = call("b.npy", "--reference", reference, *OWN, "--json", "-")
        assert code == 0, err
        found.append(values(out)["fid"])
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    code, _, err = call("a.npy", "--save-statistics", "a.csv", *OWN)
    assert (code, ".npz for mu and sigma" in err) == (2, True)


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_of_a_file_with_images_too_the_metrics_say_what_is_compared(call, tmp_path):
    """FID is of the statistics, and not of the few images beside them."""
    np.save(tmp_path / "a.npy", DIGITS[:150])
    np.save(tmp_path / "all.npy", DIGITS[300:900])
    assert call("all.npy", "--save-statistics", "all.npz", *OWN)[0] == 0
    arrays = dict(np.load(tmp_path / "all.npz"))
    np.savez(tmp_path / "both.npz", arr_0=DIGITS[300:350], **arrays)
    np.save(tmp_path / "few.npy", DIGITS[300:350])
    found = {}
    for metric, other in (("fid", "all.npz"), ("recall", "few.npy")):
        for reference in ("both.npz", other):
            options = ("--metrics", metric, *OWN, "--json", "-")
            code, out, err = call("a.npy", "--reference", reference, *options)
            assert code == 0, err
            found[metric, reference] = values(out)[metric]
        assert found[metric, "both.npz"] == found[metric, other]
    code, out, err = call("a.npy", "--reference", "both.npz", "--metrics", "fid,recall", *OWN)
    assert (code, out) == (2, "")
    assert "fid would be of the one, recall of the other; ask for them in two commands" in err
    assert compares_statistics([str(tmp_path / "both.npz")], None)


def test_sfid_of_other_statistics_is_refused(call, tmp_path):
    np.save(tmp_path / "a.npy", DIGITS[:150])
    assert call("a.npy", "--save-statistics", "a.safetensors", *OWN)[0] == 0
    code, _, err = call(
        "a.safetensors", "--reference", "a.safetensors", "--metrics", "sfid", "--device", "cpu"
    )
    assert code == 2
    assert "has statistics of classifier:digits@" in err
    assert "sfid compares those of inception:spatial" in err


def adm_score(logits: np.ndarray) -> float:
    """The mean over splits of 5000, in order, in NumPy."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    scores = []
    for start in range(0, len(p), 5000):
        part = p[start : start + 5000]
        kl = part * (np.log(part) - np.log(part.mean(axis=0, keepdims=True)))
        scores.append(np.exp(kl.sum(axis=1).mean()))
    return float(np.mean(scores))


def test_the_inception_score_of_adm():
    logits = 3 * torch.randn(7000, 8, generator=torch.Generator().manual_seed(0)).double()
    logits[5000:, :4] += 9  # the order counts: nothing is shuffled
    estimate = load_profile("adm").metric("is").compute(logits)
    assert estimate.value == pytest.approx(adm_score(logits.numpy()), rel=1e-9)
    assert estimate.value != pytest.approx(float(exp_mean_kl(logits)), rel=1e-3)
    assert adm.SPLIT == 5000


def test_what_the_profiles_have():
    assert set(load_profile("adm").metrics) == {"fid", "sfid", "is", "precision", "recall"}
    assert set(load_profile("edm").metrics) == {"fid"}
    with pytest.raises(BadInput, match="means the extractor inception, not dinov2"):
        load_profile("edm").fix({"extractor": "dinov2"})
