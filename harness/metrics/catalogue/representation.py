"""What codes say about images: their class, the factors they were made from, and how smoothly."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache

from torch import Tensor

from harness.metrics import disentanglement, latent, probes
from harness.metrics.base import Estimate, Metric


def _knn_accuracy(
    train_codes: Tensor, train_labels: Tensor, test_codes: Tensor, test_labels: Tensor
) -> Estimate:
    return probes.knn_accuracy(train_codes, train_labels, test_codes, test_labels)


def _linear_probe(
    train_codes: Tensor, train_labels: Tensor, test_codes: Tensor, test_labels: Tensor
) -> Estimate:
    return probes.linear_probe_accuracy(train_codes, train_labels, test_codes, test_labels)


def _retrieval_precision(test_codes: Tensor, test_labels: Tensor) -> Estimate:
    return probes.retrieval_precision(test_codes, test_labels)


def _mig(test_codes: Tensor, test_factors: Tensor) -> Estimate:
    return disentanglement.mig(test_codes, test_factors)


@lru_cache(maxsize=1)
def _dci(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> disentanglement.Dci:
    """`dci`, remembered for the metrics that share it. Tensors are told apart by identity: those
    of evidence are never written to once computed.
    """
    return disentanglement.dci(train_codes, train_factors, test_codes, test_factors)


def _disentanglement(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _dci(train_codes, train_factors, test_codes, test_factors).disentanglement


def _completeness(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _dci(train_codes, train_factors, test_codes, test_factors).completeness


def _informativeness(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _dci(train_codes, train_factors, test_codes, test_factors).informativeness


def _factorvae_score(test_codes: Tensor, test_factors: Tensor) -> Estimate:
    return disentanglement.factorvae_score(test_codes, test_factors)


def _active_units(posterior_means: Tensor) -> Estimate:
    return latent.active_units(posterior_means)


_FOREST = {"predictor": "random-forest"} | asdict(disentanglement.Forest())

LINEAR_PROBE = Metric(
    "linear_probe", _linear_probe, "higher", "linear-probe accuracy",
    "Alain & Bengio 2016, arXiv:1610.01644",
    settings={"codes": "standardised", "C": 1, "max_iter": 1000},
)  # fmt: skip
KNN_ACCURACY = Metric(
    "knn_accuracy", _knn_accuracy, "higher", "k-NN accuracy", "Cover & Hart 1967",
    settings={"k": 20, "distance": "euclidean"},
)  # fmt: skip
RETRIEVAL_PRECISION = Metric(
    "retrieval_precision", _retrieval_precision, "higher", "retrieval precision at k", "",
    settings={"k": 10, "distance": "euclidean"}, version=2,
)  # fmt: skip
MIG = Metric(
    "mig", _mig, "higher", "mutual information gap", "Chen et al. 2018, arXiv:1802.04942",
    settings={"bins": 20},
)  # fmt: skip
SAP = Metric(
    "sap", disentanglement.sap, "higher", "separated attribute predictability",
    "Kumar et al. 2018, arXiv:1711.00848", settings={"predictor": "thresholds"},
)  # fmt: skip
DCI_DISENTANGLEMENT = Metric(
    "dci_disentanglement", _disentanglement, "higher", "DCI disentanglement",
    "Eastwood & Williams 2018", settings=_FOREST,
)  # fmt: skip
DCI_COMPLETENESS = Metric(
    "dci_completeness", _completeness, "higher", "DCI completeness",
    "Eastwood & Williams 2018", settings=_FOREST,
)  # fmt: skip
DCI_INFORMATIVENESS = Metric(
    "dci_informativeness", _informativeness, "higher", "DCI informativeness",
    "Eastwood & Williams 2018", settings=_FOREST,
)  # fmt: skip
FACTORVAE_SCORE = Metric(
    "factorvae_score", _factorvae_score, "higher", "FactorVAE score",
    "Kim & Mnih 2018, arXiv:1802.05983",
    settings=asdict(disentanglement.VoteCounts()),
)  # fmt: skip
ACTIVE_UNITS = Metric(
    "active_units", _active_units, "higher", "active units",
    "Burda et al. 2016, arXiv:1509.00519", digits=0, settings={"delta": 0.01},
)  # fmt: skip
LATENT_PATH_LENGTH = Metric(
    "latent_path_length", latent.latent_path_length, "lower", "latent path length",
    "Karras et al. 2019, arXiv:1812.04948", scale="log", digits=1,
)  # fmt: skip

METRICS = (
    LINEAR_PROBE, KNN_ACCURACY, RETRIEVAL_PRECISION,
    MIG, SAP, DCI_DISENTANGLEMENT, DCI_COMPLETENESS, DCI_INFORMATIVENESS, FACTORVAE_SCORE,
    ACTIVE_UNITS, LATENT_PATH_LENGTH,
)  # fmt: skip
