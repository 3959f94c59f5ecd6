import inspect
import sys
from dataclasses import replace
from typing import get_args

import pytest
import torch

from harness.core.errors import BadInput
from harness.data.composition import SKILLS
from harness.metrics import (
    METRICS,
    PolynomialKernel,
    Subsets,
    aupro,
    fpr_at_tpr,
    inception_scores,
    load_metric,
    prdc,
    r_precision,
)
from harness.metrics.base import Estimate, Metric, MetricKind
from harness.metrics.codes import active_share
from harness.metrics.dci import dci
from harness.metrics.disentanglement import mig
from harness.metrics.latent import active_units
from harness.metrics.modes import HIGH_QUALITY_LIMIT, modes_covered
from harness.metrics.probes import knn_accuracy, linear_probe_accuracy, retrieval_precision

EVIDENCE = {
    "reconstructions": torch.randint(0, 256, (12, 1, 176, 176), dtype=torch.uint8),
    "originals": torch.randint(0, 256, (12, 1, 176, 176), dtype=torch.uint8),
    "perceptual_distances": torch.rand(12),
    "sample_features": torch.randn(40, 8),
    "reference_features": torch.randn(100, 8),
    "train_features": torch.randn(60, 8),
    # Every class is the likeliest for some images: metrics by class need two of each.
    "sample_logits": torch.randn(40, 10) + 20 * torch.eye(10).repeat(4, 1),
    "reference_logits": torch.randn(100, 10) + 20 * torch.eye(10).repeat(10, 1),
    "sample_labels": torch.arange(40) % 5,
    "reference_labels": torch.arange(100) % 5,
    "sample_clip_features": torch.randn(40, 16),
    "reference_clip_features": torch.randn(50, 16),
    "samples": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "reference_images": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "text_similarity": torch.rand(12),
    "caption_scores": torch.rand(12),
    "prompts_shown": torch.arange(12) < 8,
    "prompt_skills": 2 * SKILLS,
    "image_embeddings": torch.randn(120, 8),
    "text_embeddings": torch.randn(120, 8),
    "anomaly_scores": torch.randn(12),
    "anomaly_labels": torch.arange(12) < 4,
    "validation_scores": torch.randn(40),
    "train_codes": torch.randn(60, 4),
    "train_labels": torch.arange(60) % 3,
    "train_factors": torch.cartesian_prod(torch.arange(2), torch.arange(3)).repeat(10, 1),
    "test_codes": torch.randn(60, 4),
    "damaged_codes": torch.randn(60, 4),
    "encoder_jacobian_norms": torch.rand(40),
    "drawn_codes": torch.randn(60, 4),
    "prior_codes": torch.randn(60, 4),
    "test_labels": torch.arange(60) % 3,
    "test_factors": torch.cartesian_prod(torch.arange(2), torch.arange(3)).repeat(10, 1),
    "train_images": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "decoder_directions": torch.randn(4, 256),
    "posterior_means": torch.randn(12, 4),
    "latent_codes": torch.randn(60, 4),
    "latent_factors": torch.cartesian_prod(torch.arange(2), torch.arange(3)).repeat(10, 1),
    "factor_distances": torch.rand(60),
    "mixed_factors": torch.randint(0, 3, (30, 3, 6)),
    "factor_names": ("shape", "scale", "rotation", "x", "y", "colour"),
    "asked_factors": torch.randint(0, 3, (12, 6)),
    "sample_factors": torch.randint(0, 3, (12, 6)),
    "sample_drifts": torch.tensor([[100.0, 0.5]]),
    "path_distances": torch.rand(12),
    "critic_on_test": torch.randn(12),
    "critic_on_samples": torch.randn(12),
    "odds_on_test": torch.randn(12),
    "generator_gradient_norms": torch.rand(12, 2, dtype=torch.float64),
    "shares_at_bound": torch.rand(12, 2, dtype=torch.float64),
    "odds_on_samples": torch.randn(12),
    "elbo_nats": torch.randn(12),
    "ode_nats": torch.randn(12, 2),
    "importance_bound_nats": torch.randn(12),
    "many_importance_nats": torch.randn(12),
    "unit_kl_nats": torch.rand(12, 4),
    "code_bits": 100 * torch.rand(12),
    "code_symbols": torch.randint(0, 9, (12, 2, 2)),
    "codebook_entries": 9,
    "encoding_seconds_per_image": torch.tensor([0.1, 0.2, 0.3]),
    "decoding_seconds_per_image": torch.tensor([0.1, 0.2, 0.3]),
    "score_deviations": 1 + torch.rand(12),
    "pathwise_deviations": 1 + torch.rand(12),
    "tuned_hits": torch.arange(12) < 8,
    "scratch_hits": torch.arange(12) < 6,
    "image_values": 256,
    "sample_modes": torch.arange(40) % 5,
    "sample_deviations": torch.rand(40) * 4,
    "mode_total": 6,
    "log_densities": torch.randn(12),
    "polygon_samples": torch.randint(0, 256, (12, 1, 28, 28), dtype=torch.uint8),
    "reference_polygons": torch.randint(0, 256, (12, 1, 28, 28), dtype=torch.uint8),
    "polygon_corners": 3,
    "symmetric_samples": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "known_pixels": torch.arange(12 * 176 * 176).view(12, 176, 176) % 5 > 0,
    "sample_changes": torch.rand(12, 7),
    "sample_frame_pairs": torch.randn(40, 8),
    "reference_frame_pairs": torch.randn(50, 8),
    "sample_figures": torch.randint(0, 3, (12, 8, 3)),
    "reference_changes": torch.rand(12, 7),
    "anomaly_maps": torch.randn(12, 8, 8),
    "anomaly_masks": torch.rand(12, 8, 8) < 0.1,
    "forward_features": torch.randn(40, 8),
    "reconstruction_features": torch.randn(40, 8),
    "backward_features": torch.randn(40, 8),
    "first_domain_features": torch.randn(50, 8),
    "second_domain_features": torch.randn(50, 8),
    "translation_sources": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "counterpart_logits": torch.randn(40, 10),
    "translated_logits": torch.randn(40, 10),
    "cycles": torch.randint(0, 256, (12, 1, 16, 16), dtype=torch.uint8),
    "source_colours": torch.randint(0, 256, (12, 3, 8, 8), dtype=torch.uint8),
    "translation_colours": torch.randint(0, 256, (12, 3, 8, 8), dtype=torch.uint8),
    "sampling_seconds_per_image": torch.tensor([0.1, 0.2, 0.3]),
    "training_seconds": 12.5,
    "parameter_count": 1000,
    "peak_memory_bytes": 3 * 2**20,
}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_computes_from_evidence_alone(name):
    metric = load_metric(name)
    assert metric.name == name
    estimate = metric.compute(**{need: EVIDENCE[need] for need in metric.needs})
    assert isinstance(estimate, Estimate)
    assert isinstance(estimate.value, float)
    assert (estimate.stderr is None) == (estimate.over is None)


@pytest.mark.parametrize("name", METRICS)
def test_nan_evidence_is_refused(name):
    metric = METRICS[name]
    for need in metric.needs:
        value = EVIDENCE[need]
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            broken = {n: EVIDENCE[n] for n in metric.needs} | {need: value * torch.nan}
            with pytest.raises(BadInput, match="NaN"):
                metric.compute(**broken)


def test_settings_say_what_the_functions_use():
    kid, score = METRICS["kid"].settings, METRICS["is"].settings
    assert Subsets() == Subsets(kid["subsets"], 1000, kid["seed"])
    assert PolynomialKernel().degree == kid["degree"]
    defaults = inspect.signature(inception_scores).parameters
    assert all(defaults[name].default == value for name, value in score.items())


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("linear_probe", linear_probe_accuracy),
        ("knn_accuracy", knn_accuracy),
        ("retrieval_precision", retrieval_precision),
        ("mig", mig),
        ("active_units", active_units),
        ("active_share", active_share),
    ],
)
def test_settings_of_representation_metrics_are_the_functions_defaults(name, function):
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty
    }
    assert defaults
    assert defaults.items() <= dict(METRICS[name].settings).items()


def test_dci_metrics_do_not_mix_up_their_evidence():
    """They share work: other tensors of the same shape must give other values."""
    factors = EVIDENCE["train_factors"]
    for codes in (torch.randn(60, 4), factors.double().repeat(1, 2)):
        expected = dci(codes, factors, codes, factors)
        for name in ("disentanglement", "completeness"):
            found = METRICS[f"dci_{name}"].compute(codes, factors, codes, factors)
            assert found == getattr(expected, name)
        found = METRICS["dci_informativeness"].compute(codes, factors, codes, factors)
        assert found == expected.informativeness


def test_settings_of_known_modes_say_what_the_functions_use():
    assert METRICS["modes_covered"].settings["within"] == HIGH_QUALITY_LIMIT
    assert METRICS["high_quality"].settings["within"] == HIGH_QUALITY_LIMIT
    at_least = inspect.signature(modes_covered).parameters["at_least"].default
    assert METRICS["modes_covered"].settings["at_least"] == at_least


def test_the_gap_of_a_bound_is_the_mean_of_the_differences():
    gap = METRICS["elbo_gap"].compute(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.5, 1.0]))
    assert gap.value == pytest.approx(1.5)
    assert gap.stderr == pytest.approx(torch.tensor([1.0, 0.5, 3.0]).std().item() / 3**0.5)


def test_gain_and_gap_of_the_importance_weighted_bound_are_paired_differences():
    bound = torch.tensor([1.0, 2.0, 4.0])
    gain = METRICS["importance_gain"].compute(bound, torch.tensor([0.0, 1.5, 1.0]))
    assert (gain.value, gain.over) == (pytest.approx(1.5), "images")
    gap = METRICS["importance_gap"].compute(torch.tensor([2.0, 2.0, 5.5]), bound)
    assert gap.value == pytest.approx(2.5 / 3)
    assert gap.stderr == pytest.approx(torch.tensor([1.0, 0.0, 1.5]).std().item() / 3**0.5)


def test_rates_are_sums_over_units_and_means_over_images():
    nats = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    assert METRICS["kl"].compute(nats).value == 3
    assert METRICS["kl_per_unit"].compute(nats).value == 1.5
    with pytest.raises(BadInput, match="none can be below 0"):
        METRICS["code_bits"].compute(torch.tensor([1.0, -1.0]))


def test_variances_of_gradients_are_a_ratio():
    ratio = METRICS["gradient_variance"].compute(torch.tensor([20.0, 40]), torch.tensor([1.0, 2]))
    assert ratio.value == pytest.approx(20)
    assert ratio.over == "draws"
    with pytest.raises(BadInput, match="does not vary"):
        METRICS["gradient_variance"].compute(torch.ones(2), torch.zeros(2))


def test_the_gain_of_few_labels_is_paired():
    tuned, scratch = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    assert METRICS["few_label_accuracy"].compute(tuned).value == pytest.approx(2 / 3)
    assert METRICS["few_label_gain"].compute(tuned, scratch).value == pytest.approx(1 / 3)
    with pytest.raises(BadInput, match="n bool"):
        METRICS["few_label_accuracy"].compute(torch.ones(3))


def test_settings_of_detection_and_text_say_what_the_functions_use():
    limit = inspect.signature(aupro).parameters["fpr_limit"].default
    assert METRICS["aupro"].settings["fpr_limit"] == limit
    assert (
        METRICS["fpr95"].settings["tpr"] == inspect.signature(fpr_at_tpr).parameters["tpr"].default
    )
    defaults = inspect.signature(r_precision).parameters
    for name, value in METRICS["r_precision"].settings.items():
        assert defaults[name].default == value


def test_neighbourhood_metrics_do_not_mix_up_their_evidence():
    """They share work: other tensors of the same shape must give other values."""
    real, near, far = torch.randn(50, 3), torch.randn(50, 3), 100 + torch.randn(50, 3)
    for features in (near, far, near):
        found = [METRICS[name].compute(features, real).value for name in ("precision", "recall")]
        expected = prdc(real, features, k=3)
        assert found == [expected.precision, expected.recall]
        assert METRICS["density"].compute(features, real).value == prdc(real, features, 5).density
        assert METRICS["coverage"].compute(features, real).value == prdc(real, features, 5).coverage


def test_costs():
    assert METRICS["peak_memory"].compute(3 * 2**20).value == 3
    assert METRICS["parameters"].compute(1000).value == 1000
    throughput = METRICS["sampling_throughput"].compute(torch.tensor([0.1, 0.2, 0.3]))
    assert throughput.value == pytest.approx(5)
    assert throughput.stderr == pytest.approx(5 * (0.1 / 3**0.5) / 0.2)
    with pytest.raises(BadInput, match="must be positive"):
        METRICS["sampling_throughput"].compute(torch.tensor([0.1, 0.0]))
    with pytest.raises(BadInput, match="training time"):
        METRICS["training_time"].compute(float("nan"))


def test_one_image_has_no_standard_error():
    a = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    assert METRICS["mse"].compute(a, a + 255) == Estimate(1.0)


def test_unknown_names_get_a_hint():
    with pytest.raises(BadInput, match="unknown metric 'ssmi'; did you mean 'ssim'"):
        load_metric("ssmi")
    with pytest.raises(BadInput, match=r"is the class \w+, not a harness Metric"):
        load_metric("harness.metrics.base:Metric")


def test_a_parameter_with_a_default_is_a_setting_and_no_evidence():
    def compute(originals, reconstructions, *, power=2):
        return Estimate(float(power))

    metric = replace(METRICS["mse"], compute=compute)
    assert metric.needs == ("originals", "reconstructions")
    assert METRICS["kid_rbf"].needs == METRICS["kid"].needs


def test_tables_show_metrics_by_kind():
    kinds = [metric.kind for metric in METRICS.values()]
    assert list(dict.fromkeys(kinds)) == list(get_args(MetricKind))
    assert sorted(kinds, key=get_args(MetricKind).index) == kinds


def test_every_record_is_in_the_catalogue_once():
    """A record that goes by the name of another would silently take its place."""
    records = [
        value
        for name, module in sys.modules.items()
        if name.startswith("harness.metrics.")
        for value in vars(module).values()
        if isinstance(value, Metric)
    ]
    assert len(records) == len(METRICS)
