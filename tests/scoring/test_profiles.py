"""Profiles give the numbers of the libraries they are named after."""

import inspect
import re
import warnings
from dataclasses import replace

import cleanfid.fid
import numpy as np
import piq
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torch_fidelity import defaults
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image import (
    MultiScaleStructuralSimilarityIndexMeasure,
    PeakSignalNoiseRatio,
    StructuralSimilarityIndexMeasure,
)
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from harness.cli.main import main
from harness.core.errors import BadInput
from harness.evaluation.profiles import clean_fid, torch_fidelity, torchmetrics
from harness.metrics import METRICS
from harness.metrics.base import Caveat, Estimate
from harness.scoring import PROFILES, load_profile, load_sets, make_scoring, score
from harness.training.numerics import Numerics

CPU = Numerics.resolve("cpu")


def features(n: int, seed: int, d: int = 16) -> torch.Tensor:
    """Like pooled features of a network: not negative, of unequal variances."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=draws) @ torch.randn(d, d, generator=draws)
    return (x + seed / 5).relu()


def measure(profile: str, metric: str, *evidence: torch.Tensor) -> tuple[Estimate, list[float]]:
    """The estimate, and what the library is said to give after its ±."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Caveat)
        estimate = load_profile(profile).metric(metric).compute(*evidence)
    return estimate, [float(x) for w in caught for x in re.findall(r"± (\S+),", str(w.message))]


def value(profile: str, metric: str, *evidence: torch.Tensor) -> Estimate:
    return measure(profile, metric, *evidence)[0]


SAMPLES, REFERENCE = features(1100, 1), features(1300, 2)
LOGITS = 3 * features(237, 3, d=8)


# -- sets of features --------------------------------------------------------------------------


PAIR = SAMPLES, REFERENCE
FEW = 10


@pytest.fixture(autouse=True)
def _fewer_subsets(monkeypatch):
    """The libraries take seconds for each hundred."""
    for module in (torch_fidelity, clean_fid, torchmetrics):
        monkeypatch.setattr(module, "SUBSETS", replace(module.SUBSETS, count=FEW))


def test_the_number_of_subsets_is_the_libraries_own_default():
    ours = [
        PROFILES[p].metrics["kid"].settings for p in ("torch-fidelity", "clean-fid", "torchmetrics")
    ]
    clean = inspect.signature(cleanfid.fid.kernel_distance).parameters
    other = inspect.signature(KernelInceptionDistance).parameters
    fidelity = defaults.DEFAULTS["kid_subsets"]
    theirs = [fidelity, clean["num_subsets"].default, other["subsets"].default]
    assert [settings["subsets"] for settings in ours] == theirs


def test_torch_fidelity():
    fid = fid_statistics_to_metric(*map(fid_features_to_statistics, PAIR), verbose=False)
    kid = kid_features_to_metric(*PAIR, kid_subsets=FEW, verbose=False)
    isc = isc_features_to_metric(LOGITS)
    theirs = {**fid, **kid, **isc, **prc_features_to_metric(*PAIR, verbose=False)}
    for metric, evidence, name, spread, rel in [
        ("fid", PAIR, "frechet_inception_distance", "", 1e-6),
        ("kid", PAIR, "kernel_inception_distance_mean", "kernel_inception_distance_std", 1e-6),
        ("is", (LOGITS,), "inception_score_mean", "inception_score_std", 1e-12),
        ("precision", PAIR, "precision", "", 1e-7),
        ("recall", PAIR, "recall", "", 1e-7),
    ]:
        ours, said = measure("torch-fidelity", metric, *evidence)
        assert ours.value == pytest.approx(theirs[name], rel=rel), metric
        assert said == pytest.approx([theirs[spread]] if spread else [], rel=1e-5)


@pytest.mark.filterwarnings("ignore:The `disp` argument")
def test_clean_fid():
    arrays = [x.numpy() for x in PAIR]
    theirs = cleanfid.fid.fid_from_feats(*arrays)
    assert value("clean-fid", "fid", *PAIR).value == pytest.approx(theirs, rel=1e-6)
    np.random.seed(0)
    theirs = cleanfid.fid.kernel_distance(*arrays, num_subsets=FEW)
    ours = value("clean-fid", "kid", *PAIR)
    assert ours.value == pytest.approx(theirs, rel=1e-6)
    assert ours.over == "subsets"


def test_clean_fid_draws_nothing_where_a_subset_is_the_set():
    few = SAMPLES[:50], REFERENCE[:50]
    theirs = cleanfid.fid.kernel_distance(*(x.numpy() for x in few), num_subsets=FEW)
    ours = value("clean-fid", "kid", *few)
    assert ours.value == pytest.approx(theirs, rel=1e-5)
    assert ours.stderr is None


class Given(nn.Module):
    """Features in place of images."""

    num_features = 16

    def forward(self, x):
        return x


@pytest.mark.filterwarnings("ignore:Metric `")
def test_torchmetrics_of_sets():
    fid, kid = FrechetInceptionDistance(Given()), KernelInceptionDistance(Given(), subsets=FEW)
    for metric in (fid, kid):
        metric.update(SAMPLES, real=False)
        metric.update(REFERENCE, real=True)
    assert value("torchmetrics", "fid", *PAIR).value == pytest.approx(
        float(fid.compute()), rel=1e-6
    )
    inception_score = InceptionScore(Given())
    inception_score.update(LOGITS)
    for metric, evidence, theirs in [("kid", PAIR, kid), ("is", (LOGITS,), inception_score)]:
        torch.manual_seed(0)
        mean, std = map(float, theirs.compute())
        ours, said = measure("torchmetrics", metric, *evidence)
        assert ours.value == pytest.approx(mean, rel=1e-6)
        assert said == pytest.approx([std], rel=1e-5)


@pytest.mark.parametrize("profile", ["torch-fidelity", "torchmetrics"])
def test_kid_of_fewer_images_than_a_subset_is_refused_as_there(profile):
    with pytest.raises(BadInput, match="subsets of 1000 images and refuses 999"):
        value(profile, "kid", SAMPLES[:999], REFERENCE)


# -- pairs of images ---------------------------------------------------------------------------


def pictures(*shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth images, and the same with noise."""
    draws = torch.Generator().manual_seed(seed)
    n, c, h, w = shape
    coarse = torch.rand(n, c, h // 4 + 1, w // 4 + 1, generator=draws) * 255
    smooth = nn.functional.interpolate(coarse, (h, w), mode="bilinear")
    noisy = smooth + 25 * torch.randn(shape, generator=draws)
    return noisy.clamp(0, 255).byte(), smooth.byte()


SMALL, ODD, LARGE = pictures(5, 3, 40, 37), pictures(2, 3, 181, 190), pictures(1, 1, 400, 500)


def close(profile: str, metric: str, pair, theirs, rel: float) -> None:
    assert value(profile, metric, *pair).value == pytest.approx(float(theirs), rel=rel)


@pytest.mark.parametrize(
    ("metric", "pair", "theirs"),
    [
        ("psnr", SMALL, PeakSignalNoiseRatio(data_range=255.0)),
        ("ssim", SMALL, StructuralSimilarityIndexMeasure(data_range=255.0)),
        ("ssim", LARGE, StructuralSimilarityIndexMeasure(data_range=255.0)),
        ("ms_ssim", ODD, MultiScaleStructuralSimilarityIndexMeasure(data_range=255.0)),
    ],
)
def test_torchmetrics_of_pairs(metric, pair, theirs):
    """Batch by batch; between batches it keeps sums in float32."""
    for a, b in zip(*(x.double() for x in pair), strict=True):
        theirs.update(a[None], b[None])
    close("torchmetrics", metric, pair, theirs.compute(), 1e-6)


def test_scikit_image():
    a, b = SMALL
    pairs = [(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True)]
    theirs = np.mean([peak_signal_noise_ratio(y, x) for x, y in pairs])
    close("scikit-image", "psnr", SMALL, theirs, 1e-12)
    theirs = np.mean([structural_similarity(x, y, channel_axis=0) for x, y in pairs])
    close("scikit-image", "ssim", SMALL, theirs, 1e-12)


def test_the_other_ssim_of_scikit_image_is_the_harness_s_own():
    theirs = np.mean(
        [
            structural_similarity(
                x.numpy(), y.numpy(), channel_axis=0, gaussian_weights=True,
                use_sample_covariance=False,
            )
            for x, y in zip(*SMALL, strict=True)
        ]
    )  # fmt: skip
    assert METRICS["ssim"].compute(*SMALL).value == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "function", "pair"),
    [
        ("psnr", piq.psnr, SMALL),
        ("ssim", piq.ssim, SMALL),
        ("ssim", piq.ssim, LARGE),
        ("ms_ssim", piq.multi_scale_ssim, ODD),
        ("ms_ssim", piq.multi_scale_ssim, pictures(2, 3, 165, 163)),
    ],
)
def test_piq(metric, function, pair):
    theirs = function(*(x.double() for x in pair), data_range=255)
    close("piq", metric, pair, theirs, 1e-12)


def test_equal_pairs():
    a = SMALL[0]
    assert value("piq", "psnr", a, a).value == pytest.approx(float(piq.psnr(a / 255, a / 255)))
    for profile in ("torchmetrics", "scikit-image"):
        with pytest.raises(BadInput, match="equal"):
            value(profile, "psnr", a, a)
    one = torch.cat([a[:1], SMALL[1][1:]])
    with pytest.raises(BadInput, match="1 of 5 pairs are equal"):
        value("scikit-image", "psnr", a, one)
    assert value("torchmetrics", "psnr", a, one).value > value("torchmetrics", "psnr", *SMALL).value


@pytest.mark.parametrize("profile", ["torchmetrics", "piq"])
def test_images_too_small_are_refused(profile):
    with pytest.raises(BadInput, match="pixels a side"):
        value(profile, "ms_ssim", *SMALL)
    with pytest.raises(BadInput, match="pixels a side, not 40×5"):
        value(profile, "ssim", *(x[..., :5] for x in SMALL))


# -- profiles of a scoring ---------------------------------------------------------------------


@pytest.fixture
def sets(tmp_path):
    for name, images in zip(("samples", "reference"), pictures(24, 1, 16, 16), strict=True):
        np.save(tmp_path / f"{name}.npy", images[:, 0].numpy())

    def load(**options):
        return load_sets(str(tmp_path / "samples.npy"), str(tmp_path / "reference.npy"), **options)

    return load


def test_a_profile_gives_its_own_metrics_and_protocols(sets):
    paired = sets(paired=True)
    evidence = paired.samples.images, paired.reference.images
    names = ["psnr", "ssim"]
    keys = {w.protocol.key() for w in make_scoring(paired, names, {}, CPU).planned_measurements}
    for name in ("scikit-image", "piq"):
        profile = load_profile(name)
        for row in score(make_scoring(paired, names, {}, CPU, profile)):
            assert row.value == value(name, row.metric, *evidence).value
            assert f"profile={name}-{profile.tried}" in row.protocol.label()
            keys.add(row.protocol.key())
    assert len(keys) == 6
    every = make_scoring(paired, None, {}, CPU, load_profile("scikit-image"))
    assert [w.metric for w in every.planned_measurements] == names


def test_the_network_of_a_profile_is_used(sets, monkeypatch):
    asked = []

    def checked(role, name, shape):
        asked.append((role, name))
        raise BadInput("enough")

    monkeypatch.setattr("harness.scoring.selection.load_checked", checked)
    for name in ("torch-fidelity", "clean-fid", "torchmetrics"):
        with pytest.raises(BadInput, match="enough"):
            make_scoring(sets(), ["fid"], {}, CPU, load_profile(name))
    assert asked == [
        ("extractor", "inception"),
        ("extractor", "inception:pil-bicubic"),
        ("extractor", "inception:antialiased"),
    ]


@pytest.mark.parametrize(
    ("profile", "metrics", "extractor", "message"),
    [
        ("clean-fid", ["is"], None, "clean-fid has no metric 'is'; it has: fid, kid"),
        ("clean-fid", ["fid"], "inception", "means the extractor inception:pil-bicubic, not i"),
        ("scikit-image", None, None, "need more than the samples: psnr, ssim; see --reference"),
        ("torch-fidelity", ["kid"], None, "needs at least 1,000 samples, not 24"),
    ],
)
def test_what_a_profile_does_not_do(sets, profile, metrics, extractor, message):
    with pytest.raises(BadInput, match=message):
        make_scoring(sets(), metrics, {"extractor": extractor}, CPU, load_profile(profile))


def test_unknown_profiles():
    with pytest.raises(BadInput, match="unknown profile 'cleanfid'; did you mean 'clean-fid'"):
        load_profile("cleanfid")


def test_help_names_every_profile(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("sys.argv", ["harness", "score", "--help"])
    with pytest.raises(SystemExit):
        main()
    out = capsys.readouterr().out
    assert all(name in out for name in PROFILES)
