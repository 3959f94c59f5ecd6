"""Evidence and metrics on data that are real numbers, of which the density is known."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.scatter import SIDE, is_plane, scatter
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.pictures import PICTURES, chosen_pictures
from harness.evaluation.protocols import EvalConfig, NetworkInfo, obstacle, protocol
from harness.evaluation.subject import Subject, model_subject, samples_subject
from harness.extractors import load_extractor
from harness.families import build_family
from harness.metrics import METRICS, load_metric
from harness.plan import shape_of
from harness.plan.setup import load_checked
from harness.training.init import initialise

MLP = {"network": "mlp", "width": 16, "depth": 1}
DATASETS = {name: load_dataset(name) for name in ("digits", "ring", "gaussian")}
IDENTITY = NetworkInfo.of(load_extractor("identity"))
SETUP = EvalConfig({"extractor": "identity"}, {"extractor": IDENTITY}, samples=300)


def model(dataset: str):
    shape = shape_of(DATASETS[dataset])
    built = initialise(lambda: build_family("vae", MLP, shape), 0)
    built.networks.eval()
    return built


def evidence(dataset: str, **given: torch.Tensor) -> Evidence:
    known = dataset_evidence(DATASETS[dataset])
    return Evidence({**known, **given}, SETUP, model=model(dataset))


def subject(dataset: str) -> Subject:
    return model_subject("vae/mlp", model(dataset), DATASETS[dataset], 300)


def test_points_are_not_rounded_and_metrics_apply_to_them():
    e = evidence("ring")
    assert e["samples"].dtype == torch.float32
    assert len(torch.unique(e["samples"][:, 0])) == 300
    assert torch.equal(e["sample_features"], e["samples"].flatten(1))
    for name in ("fid", "recall", "vendi", "modes_covered", "high_quality", "mode_kl_exact", "mse"):
        assert obstacle(METRICS[name], subject("ring"), SETUP) is None
        assert np.isfinite(e.measure(load_metric(name)).value)
    assert protocol(METRICS["fid"], subject("ring"), SETUP).quantisation == ""
    assert protocol(METRICS["fid"], subject("digits"), SETUP).quantisation == "u8"


@pytest.mark.parametrize(
    "name",
    ["psnr", "ssim", "ms_ssim", "lpips", "sharpness", "bits_per_dim", "cmmd", "clip_score",
     "latent_path_length"],
)  # fmt: skip
def test_metrics_of_pixels_say_why_they_do_not_apply(name: str):
    for dataset in ("ring", "gaussian"):
        reason = obstacle(METRICS[name], subject(dataset), SETUP)
        assert reason == f"{dataset} has real numbers, not 8-bit pixels"


@pytest.mark.parametrize(
    ("name", "dataset", "reason"),
    [
        ("modes_covered", "digits", "digits has no known density"),
        ("elbo_gap", "digits", "digits has no known density"),
        ("high_quality", "gaussian", "gaussian has a single mode"),
        ("mode_count", "ring", "identity has no class logits"),
        ("elbo_gap", "gaussian", None),
    ],
)
def test_what_needs_a_known_density_says_so(name: str, dataset: str, reason: str | None):
    assert obstacle(METRICS[name], subject(dataset), SETUP) == reason
    if "elbo" not in name:
        outside = samples_subject("others", DATASETS[dataset], 300)
        assert obstacle(METRICS[name], outside, SETUP) == reason


def test_training_points_cover_all_modes():
    e = evidence("ring", samples=DATASETS["ring"].train.images[:2500])
    assert e.measure(METRICS["modes_covered"]).value == 8
    assert e.measure(METRICS["high_quality"]).value == pytest.approx(0.989, abs=0.008)
    assert e.measure(METRICS["mode_kl_exact"]).value < 0.01


def test_samples_at_one_mode_cover_one():
    ring = DATASETS["ring"].train
    e = evidence("ring", samples=ring.images[ring.labels == 3][:100])
    assert e.measure(METRICS["modes_covered"]).value == 1
    assert e.measure(METRICS["mode_kl_exact"]).value == pytest.approx(np.log(8))


def test_numbers_are_not_dequantised():
    dataset, e = DATASETS["gaussian"], evidence("gaussian")
    expected = dataset.density.log_density(dataset.test.images) - e["elbo_nats"]
    assert e.measure(METRICS["elbo_gap"]).value == pytest.approx(float(expected.mean()))
    assert float(expected.mean()) > 0
    for name, noise in (("gaussian", None), ("digits", "uniform")):
        assert protocol(METRICS["elbo"], subject(name), SETUP).settings.get("noise") == noise


def test_networks_that_see_pixels_do_not_take_numbers():
    assert load_checked("extractor", "identity", (2, 1, 1), of_pixels=False) == IDENTITY
    with pytest.raises(BadInput, match="8-bit pixels, not real numbers; take identity"):
        load_checked("extractor", "classifier:digits", (1, 16, 16), of_pixels=False)


def test_points_are_drawn_over_the_data_and_images_as_grids():
    ring, gaussian = DATASETS["ring"].test.images, DATASETS["gaussian"].test.images
    assert is_plane(ring)
    assert not is_plane(gaussian)
    drawn = Image.open(io.BytesIO(PICTURES["samples"].draw(evidence("ring", samples=ring + 0.2))))
    assert drawn.size == (SIDE, SIDE)
    grid = Image.open(io.BytesIO(PICTURES["samples"].draw(evidence("gaussian", samples=gaussian))))
    assert grid.size == (8 * 9 + 1, 8 * 9 + 1)
    assert chosen_pictures(DATASETS["ring"], None, [METRICS["recall"]]) == [PICTURES["samples"]]


def test_a_scatter_is_blue_where_points_are_and_the_same_each_time():
    data = torch.tensor([[-0.5, 0.5], [0.5, 0.5]])[..., None, None]
    points = torch.tensor([[0.5, -0.5], [7.0, 0.0]])[..., None, None]
    png = scatter(points, data)
    assert png == scatter(points, data)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    blue = np.argwhere(pixels[..., 2] - pixels[..., 0] > 80)
    assert blue.mean(axis=0) == pytest.approx([0.75 * SIDE, 0.75 * SIDE], abs=0.06 * SIDE)
