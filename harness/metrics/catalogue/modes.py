"""Whether samples are as varied as the data, kind by kind."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import bins, modes
from harness.metrics.base import Estimate, Metric
from harness.metrics.cmmd import cmmd
from harness.metrics.vendi import vendi_score


def _cmmd(sample_clip_features: Tensor, reference_clip_features: Tensor) -> Estimate:
    return cmmd(sample_clip_features, reference_clip_features)


def _vendi(sample_features: Tensor) -> Estimate:
    return vendi_score(sample_features)


def _mode_count(sample_logits: Tensor) -> Estimate:
    return modes.mode_count(sample_logits)


def _mode_kl(sample_logits: Tensor, reference_logits: Tensor) -> Estimate:
    return modes.mode_kl(sample_logits, reference_logits)


def _modes_covered(sample_modes: Tensor, sample_deviations: Tensor, mode_total: int) -> Estimate:
    return modes.modes_covered(sample_modes, sample_deviations, mode_total)


def _high_quality(sample_deviations: Tensor) -> Estimate:
    return modes.high_quality(sample_deviations)


def _mode_kl_exact(sample_modes: Tensor, mode_total: int) -> Estimate:
    return modes.exact_mode_kl(sample_modes, mode_total)


def _ndb(train_features: Tensor, sample_features: Tensor) -> Estimate:
    return bins.different_bins(train_features, sample_features).share


CMMD = Metric(
    "cmmd", _cmmd, "lower", "CLIP maximum mean discrepancy",
    "Jayasumana et al. 2024, arXiv:2401.09603", scale="log",
    settings={"sigma": 10, "scale": 1000, "estimator": "unbiased"},
)  # fmt: skip
VENDI = Metric(
    "vendi", _vendi, "higher", "Vendi score", "Friedman & Dieng 2023, arXiv:2210.02410",
    digits=2, settings={"kernel": "cosine", "q": 1},
)  # fmt: skip
MODE_COUNT = Metric(
    "mode_count", _mode_count, "higher", "number of classes sampled",
    "Metz et al. 2017, arXiv:1611.02163", digits=0, settings={"at_least": 1},
)  # fmt: skip
MODE_KL = Metric(
    "mode_kl", _mode_kl, "lower", "KL divergence of the sampled classes",
    "Lin et al. 2018, arXiv:1712.04086", scale="log", unit="nats", digits=4,
    settings={"prior": 0.5},
)  # fmt: skip
MODES_COVERED = Metric(
    "modes_covered", _modes_covered, "higher", "number of known modes covered",
    "Srivastava et al. 2017, arXiv:1705.07761", digits=1,
    settings={"within": modes.HIGH_QUALITY, "at_least": 1},
)  # fmt: skip
HIGH_QUALITY = Metric(
    "high_quality", _high_quality, "higher", "share of samples at a known mode",
    "Srivastava et al. 2017, arXiv:1705.07761", settings={"within": modes.HIGH_QUALITY},
)  # fmt: skip
MODE_KL_EXACT = Metric(
    "mode_kl_exact", _mode_kl_exact, "lower", "KL divergence of the known modes sampled",
    "Lin et al. 2018, arXiv:1712.04086", scale="log", unit="nats", digits=4,
)  # fmt: skip
NDB = Metric(
    "ndb", _ndb, "lower", "share of statistically different bins",
    "Richardson & Weiss 2018, arXiv:1805.12462",
    settings={"bins": "min(100,n/10)", "level": 0.05, "seed": 0},
    least={"train": 2 * bins.IMAGES_PER_BIN, "samples": 2 * bins.IMAGES_PER_BIN},
)  # fmt: skip

METRICS = (
    CMMD, VENDI, MODE_COUNT, MODE_KL, MODES_COVERED, HIGH_QUALITY, MODE_KL_EXACT, NDB,
)  # fmt: skip
