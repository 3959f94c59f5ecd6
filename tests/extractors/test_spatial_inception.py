"""sFID as the evaluator of ADM has it: its features, its formula, its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from harness.core.errors import BadInput
from harness.extractors import inception, load_extractor
from harness.metrics import frechet_distance
from harness.metrics.statistics import Moments
from harness.scoring.comparing import StatisticsReader, compare_statistics
from harness.training.numerics import Numerics

CPU = Numerics.resolve("cpu")


def adm_distance(mu1, sigma1, mu2, sigma2) -> float:
    """|μ1 − μ2|² + tr Σ1 + tr Σ2 − 2 tr (Σ1 Σ2)^½ by SciPy's root, in NumPy."""
    root = linalg.sqrtm(sigma1 @ sigma2)
    shift = mu1 - mu2
    return float(shift @ shift + np.trace(sigma1) + np.trace(sigma2) - 2 * np.trace(root).real)


def moments(features: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance as ADM's evaluator saves them."""
    x = features.double().numpy()
    return x.mean(axis=0), np.cov(x, rowvar=False)


@pytest.mark.parametrize("width", [16, 64])
def test_the_distance_of_mu_and_sigma_is_adms(width: int):
    draws = torch.Generator().manual_seed(width)
    mix = torch.randn(width, width, generator=draws, dtype=torch.float64)
    samples = (torch.randn(800, width, generator=draws, dtype=torch.float64) @ mix).relu()
    reference = (torch.randn(900, width, generator=draws, dtype=torch.float64) @ mix + 0.2).relu()
    first, second = moments(samples), moments(reference)
    ours = frechet_distance(*(Moments(*map(torch.from_numpy, pair)) for pair in (first, second)))
    assert ours == pytest.approx(adm_distance(*first, *second), rel=1e-9)


def pictures(n: int, seed: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 4, 4, generator=draws) * 255
    return torch.nn.functional.interpolate(coarse, (16, 16), mode="bilinear").byte()


def test_spatial_features_are_seven_channels_of_the_seventh_mixed_block(
    random_inception, weights_folder
):
    path = str(weights_folder / inception.WEIGHTS.name)
    network = FeatureExtractorInceptionV3("inception", ["2048"], path)
    maps: list[torch.Tensor] = []
    network.Mixed_6d.branch1x1.register_forward_hook(lambda _, __, output: maps.append(output))
    images = pictures(3, 0)
    with torch.no_grad():
        network(images)
    extractor = load_extractor("inception:spatial")
    made = extractor.extract(images).pooled
    assert made.shape == (3, 2023)
    expected = maps[0].permute(0, 2, 3, 1)[..., :7].reshape(3, -1)  # channels last, as TensorFlow
    assert torch.allclose(made, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert extractor.label == f"inception-tf2015-spatial@{inception.WEIGHTS.digest}"
    assert not extractor.has_logits


@pytest.fixture
def adm_file(random_inception, tmp_path: Path) -> Path:
    """A reference in ADM's form: images, and the statistics of other images."""
    arrays = {"arr_0": pictures(4, 5).permute(0, 2, 3, 1).numpy()}
    for suffix, name in (("", "inception"), ("_s", "inception:spatial")):
        features = load_extractor(name).extract(pictures(20, 1)).pooled
        arrays[f"mu{suffix}"], arrays[f"sigma{suffix}"] = moments(features)
    np.savez(tmp_path / "VIRTUAL_imagenet64_labeled.npz", **arrays)
    np.savez(tmp_path / "samples.npz", pictures(20, 2).permute(0, 2, 3, 1).numpy())
    return tmp_path / "VIRTUAL_imagenet64_labeled.npz"


def test_fid_and_sfid_of_an_adm_file_are_of_its_statistics(adm_file: Path, monkeypatch):
    """Which Gaussians are compared; the distance itself is slow of as many features."""

    def stand_in(a, b) -> float:
        return float((a.mean - b.mean).abs().sum() + a.covariance.trace() - b.covariance.trace())

    monkeypatch.setattr("harness.scoring.comparing.frechet_distance", stand_in)
    reader, samples = StatisticsReader(None, CPU), [str(adm_file.parent / "samples.npz")]
    found = compare_statistics(samples, str(adm_file), None, reader, "adm")
    assert [row.metric for row in found.rows] == ["fid", "sfid"]
    arrays = np.load(adm_file)
    for row, suffix, network in zip(
        found.rows, ("", "_s"), ("inception", "inception:spatial"), strict=True
    ):
        ours = moments(load_extractor(network).extract(pictures(20, 2)).pooled)
        theirs = arrays[f"mu{suffix}"], arrays[f"sigma{suffix}"]
        pair = (Moments(*map(torch.from_numpy, each)) for each in (ours, theirs))
        assert row.value == pytest.approx(stand_in(*pair), rel=1e-9)
        assert "by its name ADM's of ImageNet" in row.reason
        assert row.protocol.settings.get("profile") == "adm-2021"
    assert "spatial" in found.rows[1].protocol.extractor


def test_statistics_of_another_network_are_one_line(adm_file: Path):
    samples = [str(adm_file.parent / "samples.npz")]
    reader = StatisticsReader("inception:pil-bicubic", CPU)
    with pytest.raises(BadInput, match="preprocessing differs: 'tf1-bilinear' of statistics"):
        compare_statistics(samples, str(adm_file), ["fid"], reader)
    other = adm_file.with_name("clean.npz")
    arrays = np.load(adm_file)
    np.savez(other, mu=arrays["mu_s"], sigma=arrays["sigma_s"])
    with pytest.raises(BadInput, match=r"2,023 features, .* 2048: they are of two networks"):
        compare_statistics(samples, str(other), ["fid"], StatisticsReader(None, CPU))
    with pytest.raises(BadInput, match="has no mu_s and no sigma_s, which sFID compares"):
        compare_statistics(samples, str(other), ["sfid"], StatisticsReader(None, CPU))
