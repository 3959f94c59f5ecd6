from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from harness.core.errors import BadInput
from harness.metrics import METRICS, aupro, pixel_auroc


def anomalies(
    n: int = 12, size: int = 16, seed: int = 0, levels: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps that see the anomalies of most images, with a level of its own in each; rounded to so
    many levels, so that scores tie.
    """
    random = torch.Generator().manual_seed(seed)
    masks = torch.zeros(n, size, size, dtype=torch.bool)
    for i in range(0, n, 2):
        for y, x, h, w in torch.randint(0, size, (2, 4), generator=random).tolist():
            masks[i, y : y + 1 + h // 3, x : x + 1 + w // 3] = True
    shift = torch.randn(n, 1, 1, generator=random)
    maps = torch.randn(n, size, size, generator=random) + shift / 2 + masks * (1 + shift)
    return (maps * levels).round() / levels if levels else maps, masks


def literal_aupro(maps: torch.Tensor, masks: torch.Tensor, limit: float) -> float:
    """Every threshold in turn, and the trapezoidal rule."""
    regions = []
    for i, mask in enumerate(masks.numpy()):
        labels, count = ndimage.label(mask, np.ones((3, 3)))
        regions += [(i, labels == k) for k in range(1, count + 1)]
    points = [(0.0, 0.0)]
    for threshold in maps.unique().flip(0).tolist():
        flagged = (maps >= threshold).numpy()
        overlaps = [flagged[i][region].mean() for i, region in regions]
        points.append((float(flagged[~masks.numpy()].mean()), float(np.mean(overlaps))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 < limit and x1 > x0:
            end = min(x1, limit)
            area += (end - x0) * (y0 + y0 + (y1 - y0) * (end - x0) / (x1 - x0)) / 2
    return area / limit


@pytest.mark.parametrize("levels", [0, 2, 10])
def test_pixel_auroc_is_that_of_all_pixels(levels):
    maps, masks = anomalies(levels=levels)
    expected = roc_auc_score(masks.flatten(), maps.flatten())
    assert pixel_auroc(maps, masks).value == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("levels", [0, 2])
def test_pixel_auroc_error_is_the_jackknife_over_images(levels):
    maps, masks = anomalies(levels=levels)
    n = len(maps)
    keep = [[j for j in range(n) if j != i] for i in range(n)]
    without = np.array([roc_auc_score(masks[k].flatten(), maps[k].flatten()) for k in keep])
    expected = ((n - 1) / n * ((without - without.mean()) ** 2).sum()) ** 0.5
    assert pixel_auroc(maps, masks).stderr == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("levels", [0, 1, 4])
@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_is_the_literal_integral(levels, limit):
    maps, masks = anomalies(n=6, size=12, levels=levels)
    expected = literal_aupro(maps, masks, limit)
    assert aupro(maps, masks, limit).value == pytest.approx(expected, abs=1e-12)


def test_aupro_error_is_near_the_jackknife_over_images():
    """The infinitesimal and the delete-one jackknife differ by terms of the next order in 1/n."""
    maps, masks = anomalies(n=40, size=8, seed=1)
    n = len(maps)
    keep = [[j for j in range(n) if j != i] for i in range(n)]
    without = np.array([aupro(maps[k], masks[k]).value for k in keep])
    expected = ((n - 1) / n * ((without - without.mean()) ** 2).sum()) ** 0.5
    assert aupro(maps, masks).stderr == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("metric", [pixel_auroc, aupro])
def test_error_is_the_spread_over_repeated_experiments(metric):
    """Pixels of an image share its level, so that counting them as independent would mislead."""
    estimates = [metric(*anomalies(n=40, size=8, seed=seed)) for seed in range(80)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.25)


def test_every_region_counts_alike_and_diagonal_neighbours_are_one():
    maps, masks = torch.zeros(1, 6, 6), torch.zeros(1, 6, 6, dtype=torch.bool)
    masks[0, :2, :4] = True
    masks[0, 4, 4] = masks[0, 5, 5] = True
    maps[0, 4, 4] = maps[0, 5, 5] = 1
    # The small region is found before any normal pixel, the large one with all of them at once:
    # its overlap grows with the false positive rate.
    assert aupro(maps, masks).value == pytest.approx((1 + 0.3 / 2) / 2)
    assert aupro(maps, masks, 1.0).value == pytest.approx((1 + 1 / 2) / 2)


def test_perfect_and_worst_maps():
    _, masks = anomalies()
    for metric in (pixel_auroc, aupro):
        assert metric(masks.float(), masks).value == 1
        assert metric(-masks.float(), masks).value == 0
    assert pixel_auroc(torch.ones_like(masks).float(), masks).value == 0.5
    assert aupro(torch.ones_like(masks).float(), masks, 1.0).value == pytest.approx(0.5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31))
def test_only_the_order_of_scores_matters(seed):
    maps, masks = anomalies(n=4, size=8, seed=seed, levels=3)
    for metric in (pixel_auroc, aupro):
        assert metric(maps.double().exp() * 1e-300, masks) == metric(maps, masks)


def test_one_anomalous_image_has_no_standard_error():
    maps, masks = anomalies(n=2)
    for metric in (pixel_auroc, aupro):
        assert metric(maps, masks).stderr is None


def test_metrics_take_evidence_by_name():
    needs = ("anomaly_maps", "anomaly_masks")
    assert METRICS["pixel_auroc"].needs == METRICS["aupro"].needs == needs


@pytest.mark.parametrize("metric", [pixel_auroc, aupro])
def test_bad_input_is_refused(metric):
    maps, masks = anomalies()
    broken = maps.clone()
    broken[3, 1, 1] = torch.nan
    with pytest.raises(BadInput, match="1 of 12 images are NaN"):
        metric(broken, masks)
    with pytest.raises(BadInput, match="all pixels are normal"):
        metric(maps, torch.zeros_like(masks))
    with pytest.raises(BadInput, match="all pixels are anomalous"):
        metric(maps, torch.ones_like(masks))
    with pytest.raises(BadInput, match="booleans of the maps"):
        metric(maps, masks.byte())
    with pytest.raises(BadInput, match="floats N×H×W"):
        metric(maps[:, None], masks[:, None])


def test_aupro_refuses_a_limit_outside_its_range():
    with pytest.raises(BadInput, match=r"\(0, 1\], not 30"):
        aupro(*anomalies(), fpr_limit=30)
