"""Every public function takes NumPy arrays and tensors with gradients, or says what it needs."""

import inspect
import warnings
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

import harness.metrics
from harness.core.errors import BadInput
from harness.metrics import FeatureStatistics

random = torch.Generator().manual_seed(0)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=random)


def pixels(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)


def labels(n: int, classes: int) -> Tensor:
    return torch.arange(n) % classes


A, B, C = normal(60, 4), normal(50, 4), normal(55, 4)
COSINES = normal(30).clamp(-1, 1)
X, Y = pixels(3, 3, 16, 16), pixels(3, 3, 16, 16)
LARGE = pixels(1, 1, 176, 176), pixels(1, 1, 176, 176)
SCORES, IS_ODD = normal(40), labels(40, 2).bool()
MAPS, MASKS = normal(4, 8, 8), labels(4 * 64, 7).reshape(4, 8, 8) == 0
HOLES = labels(3 * 256, 5).reshape(3, 16, 16) > 0
CODES = normal(400, 3)
FACTORS = torch.stack([labels(400, 2), labels(400, 3)], dim=1)
PROBES = (A, labels(60, 2), B, labels(50, 2))
DISENTANGLED = (CODES, FACTORS, normal(300, 3), FACTORS[:300])
FIRST = labels(60, 4).view(15, 4)
SECOND = (FIRST + 1) % 4
MIXED = (torch.stack([FIRST, SECOND, FIRST], dim=1), ["shape", "x", "y", "colour"])
ARGUMENTS = {
    "active_share": (A,), "active_units": (A,), "alarm_threshold": (SCORES,),
    "aupro": (MAPS, MASKS), "auroc": (SCORES, IS_ODD),
    "auroc_interval": (SCORES, IS_ODD), "authpct": (A, B), "average_precision": (SCORES, IS_ODD),
    "bits_per_dimension": (SCORES, 12), "clip_s": (COSINES,), "clip_score": (COSINES,),
    "cmmd": (A, B), "coarse_from_early": MIXED,
    "code_drift": (A, 2 * A), "code_rate": (SCORES.abs(),),
    "code_sensitivity": (SCORES.abs(), A), "codebook_perplexity": (labels(60, 7).view(20, 3),),
    "codebook_usage": (labels(60, 7).view(20, 3), 7), "index_bits": (labels(60, 7).view(20, 3), 7),
    "class_agreement": (A, A.flip(0)), "detectability": (A, B, C), "fit_detector": (A, B),
    "colour_shift": (X, Y), "confidence": (SCORES, COSINES),
    "critic_distance": (SCORES, COSINES), "cycle_error": (X, Y),
    "data_copying_score": (A, B, C), "dci": DISENTANGLED,
    "feature_likelihood_divergence": (A, B, C), "feature_likelihood_gap": (A, B, C),
    "dequantise": (X,), "different_bins": (A, B),
    "edge_jump": (X, Y, HOLES), "exact_mode_kl": (labels(30, 5), 5),
    "factors_right": (FACTORS, FACTORS.flip(0)), "factorvae_score": (CODES, FACTORS),
    "false_alarms": (SCORES, COSINES, IS_ODD[:30]),
    "find_near_copies": (A, B, C), "few_label_accuracy": (IS_ODD,),
    "few_label_gain": (IS_ODD, ~IS_ODD),
    "fid_gap": (A, B, C), "fine_from_late": MIXED, "fpr_at_tpr": (SCORES, IS_ODD),
    "frechet_by_class": (A, labels(60, 2), B, labels(50, 2)), "frechet_distance": (A, B),
    "frechet_estimate": (A, B), "frechet_infinity": (normal(200, 2), normal(200, 2)),
    "gradient_variance": (SCORES.abs(), 1 + SCORES.abs()),
    "high_quality": (SCORES.abs(),), "hole_mse": (X, Y, HOLES), "hps_v2": (COSINES,),
    "image_reward": (SCORES,), "pick_score": (SCORES,), "vqa_score": (COSINES.abs(),),
    "inception_score": (A,), "inception_scores": (A,),
    "jensen_shannon_bound": (SCORES, COSINES), "kernel_distance": (A, B),
    "kernel_distances": (A, B, harness.metrics.Subsets(3, 20)), "knn_accuracy": PROBES,
    "latent_path_length": (SCORES.abs(),), "linear_probe_accuracy": PROBES,
    "linear_separability": (CODES, FACTORS, normal(400)),
    "log_sharpness_ratio": (X, Y), "mae": (X, Y),
    "lpips": (X[:, :1], Y[:, :1], "classifier:digits"),
    "memorisation_informed_fid": (A, B, C), "mig": (CODES, FACTORS),
    "mode_count": (A,), "confident_share": (A,),
    "rarest_class": (A,), "commonest_class": (A,), "mode_kl": (A, B),
    "modes_covered": (labels(40, 5), SCORES.abs(), 5), "ms_ssim": LARGE, "mse": (X, Y),
    "near_copy_share": (A, B, C, 0.2), "nearest_neighbours": (A, B),
    "pixel_auroc": (MAPS, MASKS), "prdc": (A, B),
    "prdc_estimates": (A, B), "principal_angle": (X, normal(2, 768)),
    "prior_distance": (A, B), "psnr": (X, Y),
    "r_precision": (A, normal(60, 4), 10),
    "retrieval_precision": (A, labels(60, 2)), "sample_size_curve": (A, B, [20, 40]),
    "sap": DISENTANGLED, "sharpness_ratio": (X, Y), "ssim": (X, Y), "unit_kl_mean": (A,),
    "vendi_score": (A,),
    "FeatureStatistics.of": (A,),
}  # fmt: skip


def call(name: str, change):
    """The function of its arguments, the tensors among them changed."""
    function = harness.metrics
    for part in name.split("."):
        function = getattr(function, part)
    given = [change(x) if isinstance(x, Tensor) else x for x in ARGUMENTS[name]]
    if name == "dequantise":
        given.append(torch.Generator().manual_seed(0))
    return function(*given)


def plain(value):
    """Values that compare."""
    if isinstance(value, Tensor):
        assert not value.requires_grad
        return value.tolist()
    if isinstance(value, FeatureStatistics) or is_dataclass(value):
        return [plain(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def with_gradients(x: Tensor) -> Tensor:
    return x.clone().requires_grad_() if x.is_floating_point() else x


def read_only(x: Tensor) -> np.ndarray:
    array = x.numpy().copy()
    array.flags.writeable = False
    return array


def backwards(x: Tensor) -> np.ndarray:
    """The same array, in memory from its end."""
    return np.ascontiguousarray(x.numpy()[::-1])[::-1]


def other_end(x: Tensor) -> np.ndarray:
    array = x.numpy()
    return array.astype(array.dtype.newbyteorder(">"))


def test_all_functions_are_here():
    public = {
        name
        for name in harness.metrics.__all__
        if inspect.isfunction(getattr(harness.metrics, name)) and name != "load_metric"
    }
    assert ARGUMENTS.keys() - {"FeatureStatistics.of"} == public


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
@pytest.mark.parametrize("name", ARGUMENTS)
def test_arrays_and_tensors_with_gradients_give_the_same(name):
    expected = plain(call(name, lambda x: x))
    for change in (Tensor.numpy, with_gradients, read_only, backwards, other_end):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="The given NumPy array")
            assert plain(call(name, change)) == expected, change


REFUSED = {
    "list": Tensor.tolist,
    "str": str,
    "NoneType": lambda x: None,
    "MaskedArray": lambda x: np.ma.masked_array(x.numpy()),
    "array of object": lambda x: x.numpy().astype(object),
    "layout torch.sparse_coo": Tensor.to_sparse,
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_no_array_is_refused_in_one_line(name):
    for kind, change in REFUSED.items():
        with pytest.raises(BadInput, match=kind) as error:
            call(name, change)
        assert "\n" not in str(error.value)
