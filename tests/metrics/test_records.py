"""What records of metrics declare: ranges that the definitions have, versions, and settings."""

import inspect

import pytest

from harness.core.errors import BadInput
from harness.metrics import METRICS, cmmd, load_metric

SHARES = """
    precision recall coverage detectability class_agreement class_accuracy confident_share
    rarest_class commonest_class high_quality ndb polygon_precision polygon_recall identity_kept
    near_copy_share r_precision factor_accuracy all_factors_accuracy auroc aupr fpr95 f1_max
    pixel_auroc aupro linear_probe knn_accuracy retrieval_precision mig dci_disentanglement
    dci_completeness factorvae_score active_share few_label_accuracy ms_ssim hole_mse
""".split()
RANGES = dict.fromkeys(SHARES, (0.0, 1.0)) | {
    "ssim": (-1.0, 1.0),
    "edge_jump": (-1.0, 1.0),
    "few_label_gain": (-1.0, 1.0),
    "is": (1.0, None),
    "vendi": (1.0, None),
    "codebook_perplexity": (1.0, None),
    "authpct": (0.0, 100.0),
    "clip_score": (0.0, 100.0),
    "clip_s": (0.0, 2.5),
    "hps_v2": (-100.0, 100.0),
    "vqa_score": (0.0, 1.0),
    "pick_score": (None, None),
    "image_reward": (None, None),
    "sap": (None, 1.0),
    "dci_informativeness": (None, 1.0),
    "principal_angle": (0.0, 90.0),
    "discriminator_confidence": (0.0, 0.5),
    "density": (0.0, None),
    "fid": (0.0, None),
    "kid": (None, None),
    "fid_infinity": (None, None),
    "psnr": (None, None),
}
SECOND = """
    fid_infinity precision recall density coverage sharpness colour_shift retrieval_precision
    critic_distance jensen_shannon_bound discriminator_on_test discriminator_on_samples
    discriminator_confidence peak_memory
""".split()


@pytest.mark.parametrize("name", RANGES)
def test_a_range_is_that_of_the_definition(name: str):
    assert METRICS[name].range == RANGES[name]


def test_a_version_changes_only_with_the_number():
    versions = {name: metric.version for name, metric in METRICS.items() if metric.version != 1}
    assert versions == dict.fromkeys(SECOND, 2)


def test_settings_of_cmmd_are_the_functions_defaults():
    defaults = inspect.signature(cmmd).parameters
    settings = METRICS["cmmd"].settings
    assert settings["estimator"] == ("biased" if defaults["biased"].default else "unbiased")
    assert all(settings[key] == defaults[key].default for key in ("sigma", "scale"))


def test_a_metric_by_a_feature_network_is_named_with_it():
    metric = load_metric("fid@dinov2")
    assert metric.name == "fid@dinov2"
    assert metric.title == f"{METRICS['fid'].title} by dinov2"
    with pytest.raises(BadInput, match="after @ comes a feature network, such as fid@dinov2"):
        load_metric("fid@")
