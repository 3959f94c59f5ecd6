"""The curve by the number of samples ends where the metrics are."""

import json

import pytest
import torch

from harness.core.errors import BadInput
from harness.data.imageset import ImageSet
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig, NetworkInfo
from harness.metrics import frechet_distance, frechet_infinity, kernel_distance
from harness.scoring.curve import check_curve, ladder, size_curve
from harness.scoring.sets import Sets

SETUP = EvalConfig({}, {"extractor": NetworkInfo("net@00", "native")})


def features(n: int, d: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def evidence(n: int, d: int = 8) -> Evidence:
    given = {"sample_features": 1.2 * features(n, d), "reference_features": features(300, d, 1)}
    return Evidence(given, SETUP)


def test_sizes_are_halves_of_halves():
    assert ladder(1001) == [31, 62, 125, 250, 500, 1001]
    assert ladder(60) == [30, 60]
    assert ladder(50_000) == [1562, 3125, 6250, 12500, 25000, 50000]
    with pytest.raises(BadInput, match="at least 60 samples, not 59"):
        ladder(59)


def test_its_end_is_the_metrics_and_its_limit_the_extrapolation():
    e = evidence(200)
    a, b = e["sample_features"], e["reference_features"]
    curve = size_curve(e)
    assert [point.size for point in curve.points] == [50, 100, 200]
    assert curve.points[-1].frechet == pytest.approx(frechet_distance(a, b), rel=1e-9)
    assert curve.points[-1].kernel == kernel_distance(a, b)
    assert curve.limit == frechet_infinity(a, b)
    assert curve.caveats == ()


def test_its_document_is_plain_and_whole():
    curve = size_curve(evidence(100, d=40))
    assert "at least four times as many samples" in curve.caveats[0]
    found = json.loads(json.dumps(curve.document(SETUP)))
    assert found["extractor"] == "net@00"
    assert [point["size"] for point in found["points"]] == [50, 100]
    assert found["points"][1]["kid"]["stderr"] == curve.points[1].kernel.stderr
    limit = found["fid_infinity"]
    assert limit["value"] == curve.limit.estimate.value
    assert {"stderr", "over", "slope", "r_squared", "sizes", "distances"} <= set(limit)
    assert found["caveats"] == list(curve.caveats)


def test_what_it_needs_is_known_before_any_work():
    images = torch.zeros(100, 1, 8, 8, dtype=torch.uint8)
    samples = ImageSet(images, [""] * 100, "a folder")
    with pytest.raises(BadInput, match="give --reference"):
        check_curve(Sets(samples))
    check_curve(Sets(samples, samples))
