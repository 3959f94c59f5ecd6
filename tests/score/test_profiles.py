"""Profiles give the numbers of the libraries they are named after."""

import warnings

import cleanfid.fid
import numpy as np
import piq
import pytest
import torch
from cleanfid import inception_pytorch
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.functional.image.lpips import _NoTrainLpips
from torchmetrics.image import (
    MultiScaleStructuralSimilarityIndexMeasure,
    PeakSignalNoiseRatio,
    StructuralSimilarityIndexMeasure,
)
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance
from torchvision.models import alexnet

from harness.extractors import inception, load_extractor, load_perceptual, lpips_networks
from harness.extractors.lpips_networks import Trunk
from harness.metrics import METRICS
from harness.metrics.base import Caveat, Estimate
from harness.score import PROFILES, load_profile, load_sets, make_scoring, score
from harness.spec.errors import BadInput
from harness.training.numerics import Numerics

CPU = Numerics.resolve("cpu")


def features(n: int, seed: int, d: int = 16) -> torch.Tensor:
    """Like pooled features of a network: not negative, of unequal variances."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=draws) @ torch.randn(d, d, generator=draws)
    return (x + seed / 5).relu()


def value(profile: str, metric: str, *evidence: torch.Tensor) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caveat)
        return load_profile(profile).metric(metric).compute(*evidence)


def said(profile: str, metric: str, *evidence: torch.Tensor) -> str:
    with pytest.warns(Caveat) as caught:
        load_profile(profile).metric(metric).compute(*evidence)
    return str(caught[0].message)


SAMPLES, REFERENCE = features(1100, 1), features(1300, 2)
LOGITS = 3 * features(237, 3, d=8)


# -- sets of features --------------------------------------------------------------------------


def test_torch_fidelity():
    pair = SAMPLES, REFERENCE
    fid = fid_statistics_to_metric(*map(fid_features_to_statistics, pair), verbose=False)
    kid = kid_features_to_metric(*pair, verbose=False)
    isc = isc_features_to_metric(LOGITS)
    prc = prc_features_to_metric(*pair, verbose=False)
    theirs = {**fid, **kid, **isc, **prc}
    for metric, evidence, name, rel in [
        ("fid", pair, "frechet_inception_distance", 1e-6),
        ("kid", pair, "kernel_inception_distance_mean", 1e-6),
        ("is", (LOGITS,), "inception_score_mean", 1e-12),
        ("precision", (REFERENCE, SAMPLES), "precision", 1e-7),
        ("recall", (REFERENCE, SAMPLES), "recall", 1e-7),
    ]:
        ours = by_name(metric, "torch-fidelity", evidence).value
        assert ours == pytest.approx(theirs[name], rel=rel), metric
    assert f"± {isc['inception_score_std']:.7g}," in said("torch-fidelity", "is", LOGITS)


def by_name(metric: str, profile: str, evidence) -> Estimate:
    """Precision and recall name the reference first."""
    needs = load_profile(profile).metric(metric).needs
    ordered = sorted(evidence, key=len) if len(evidence) == 2 else evidence
    names = ("sample_features", "reference_features") if len(evidence) == 2 else needs
    given = dict(zip(names, ordered, strict=True))
    return value(profile, metric, *(given[name] for name in needs))
