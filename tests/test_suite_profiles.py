"""A suite measured as a library measures: its metrics, its networks, and nothing else."""

from pathlib import Path

import pandas as pd
import pytest
from running import Inside

from harness.config.suite import Overrides, load_suite
from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.profiles import PROFILES
from harness.extractors import EXTRACTORS, load_extractor
from harness.extractors.source import ExtractorSource
from harness.metrics import METRICS
from harness.plan import make_plan
from harness.plan.external_samples import evidence_of
from harness.plan.suite_checks import check_suite
from harness.scoring import load_profile, load_sets, make_scoring
from harness.training.numerics import Numerics

SUITE = """
title: As they measure
seeds: [0]
budget: {images: 64}
samples: 150
datasets: [digits]
models: [vae/vae]
metrics: [fid, kid]
profile: clean-fid
"""
STAND_IN = ExtractorSource(
    lambda name: None, lambda name, device: load_extractor("classifier:digits")
)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch):
    """For Inception, whose weights are not at hand."""
    monkeypatch.setitem(EXTRACTORS.builtin, "inception:pil-bicubic", f"{__name__}:STAND_IN")


def load(folder: Path, text: str = SUITE, overrides: Overrides | None = None):
    (folder / "suite.yaml").write_text(text)
    return load_suite(str(folder / "suite.yaml"), overrides)


def test_its_protocols_are_those_of_scoring_with_the_profile(tmp_path):
    plan = make_plan(load(tmp_path), "cpu", None)
    (cell,) = (cell for cell in plan.cells if cell.model == "vae/vae")
    assert cell.setup.names["extractor"] == "inception:pil-bicubic"
    assert "profile=clean-fid-" in cell.planned_measurements[0].protocol.label()
    scoring = make_scoring(
        load_sets("digits:train", "digits:test"), ["fid", "kid"], {}, Numerics.resolve("cpu"),
        load_profile("clean-fid"),
    )  # fmt: skip
    for ours, theirs in zip(cell.planned_measurements, scoring.planned_measurements, strict=True):
        assert ours.protocol.settings == theirs.protocol.settings
        assert ours.protocol.differs(theirs.protocol) == ["samples"]
    own = make_plan(load(tmp_path, SUITE.replace("profile: clean-fid", "")), "cpu", None).cells[0]
    assert "profile" not in own.planned_measurements[0].protocol.settings
    assert own.training_key == cell.training_key, "it changes what is measured, not what is trained"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SUITE.replace("clean-fid", "clean-fdi"), "unknown profile 'clean-fdi'; did you mean"),
        (SUITE.replace("kid", "is"), "the profile clean-fid has no metric 'is'; it has: fid, kid"),
        (
            SUITE + "extractor: dinov2\n",
            "the profile clean-fid means the extractor inception:pil-bicubic, not dinov2",
        ),
    ],
)
def test_what_does_not_go_together_is_named_with_its_line(tmp_path, text, words):
    with pytest.raises(BadInput, match=words) as caught:
        check_suite(load(tmp_path, text))
    assert "suite.yaml:" in str(caught.value)


def test_an_override_does_not_get_round_it(tmp_path):
    with pytest.raises(BadInput, match="means the extractor"):
        check_suite(load(tmp_path, overrides=Overrides(extractor="classifier:digits")))
    check_suite(load(tmp_path, overrides=Overrides(extractor="inception:pil-bicubic")))


@pytest.mark.slow
def test_its_numbers_are_the_profiles(tmp_path):
    """scikit-image fixes no network, so that a suite with its profile runs anywhere."""
    text = SUITE.replace("clean-fid", "scikit-image").replace("fid, kid", "psnr, ssim")
    (tmp_path / "suite.yaml").write_text(text.replace("vae/vae", "autoencoder/conv"))
    ended = Inside(tmp_path)("run", "suite.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(tmp_path / "runs/suite/results.csv")
    assert (table.status == "ok").all()
    assert table.protocol.str.contains("profile=scikit-image-").all()
    assert (tmp_path / "runs/suite/index.html").exists()


def test_the_floor_is_measured_so_too(tmp_path):
    plan = make_plan(load(tmp_path), "cpu", None)
    (cell,) = (cell for cell in plan.cells if cell.model == "training images")
    assert len(evidence_of(cell, load_dataset("digits"))["samples"]) == 150
    settings = {w.metric: w.protocol.settings for w in cell.planned_measurements}
    assert settings["kid"] == PROFILES["clean-fid"].metrics["kid"].settings
    assert settings["kid"] != METRICS["kid"].settings
