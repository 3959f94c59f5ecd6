"""No metric measures a model by the network that its loss compared images with."""

from dataclasses import replace

from harness.data import load_dataset
from harness.evaluation.protocols import EvalConfig, NetworkInfo, obstacle
from harness.evaluation.subject import model_subject
from harness.extractors import load_perceptual
from harness.families import build_family
from harness.families.base import ImageShape
from harness.metrics import load_metric
from harness.networks.feature_networks import FEATURE_NETWORKS
from harness.training.family_files import frozen_digests

SETTINGS = {"width": 4, "loss": "perceptual", "features": "classifier:digits"}


def config() -> EvalConfig:
    network = NetworkInfo.of(load_perceptual("classifier:digits"))
    return EvalConfig({"perceptual": "classifier:digits"}, {"perceptual": network})


def test_a_metric_of_the_same_weights_does_not_apply() -> None:
    dataset, setup = load_dataset("digits"), config()
    plain = build_family("autoencoder", {"width": 4}, ImageShape(1, 16))
    taught = build_family("autoencoder", SETTINGS, ImageShape(1, 16))
    subjects = [model_subject("m", family, dataset, 10) for family in (plain, taught)]
    reasons = [obstacle(load_metric("lpips"), subject, setup) for subject in subjects]
    assert reasons[0] is None
    assert "trained on the features of classifier:digits" in str(reasons[1])
    assert obstacle(load_metric("mse"), subjects[1], setup) is None
    others = replace(subjects[1], trained_on={"01234567": "lpips:vgg"})
    assert obstacle(load_metric("lpips"), others, setup) is None


def test_the_weights_are_part_of_the_training_key() -> None:
    taught = build_family("autoencoder", SETTINGS, ImageShape(1, 16))
    whole = FEATURE_NETWORKS["classifier:digits"].weights().sha256
    assert frozen_digests(taught) == {"classifier:digits": whole[:16]}
    plain = build_family("autoencoder", {"width": 4}, ImageShape(1, 16))
    assert frozen_digests(plain) == {}
