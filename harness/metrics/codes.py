"""What codes of images are like: how far damage moves them, how sensitive they are to small
changes, how many units are active for an image, and how far they are from the prior.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.kernel import MultiquadricKernel, kernel_distance

__all__ = [
    "active_share",
    "code_drift",
    "code_sensitivity",
    "codebook_perplexity",
    "prior_distance",
]

JACOBIAN_IMAGES = 1000
"""Test images at which the encoder is differentiated, the first ones."""
EXACT_VALUES = 64
"""Values of an image up to which the encoder's Jacobian is computed whole."""
PROBES = 16
"""Random directions in which the encoder is differentiated at each larger image."""


@takes_arrays
def code_drift(test_codes: Tensor, damaged_codes: Tensor) -> Estimate:
    """The distance between the code of an image and the code of its damaged copy, relative to the
    distance between codes of two images: √(E‖z(x̃) − z(x)‖² / E‖z(x) − z(x')‖²).

    Vincent et al. 2008, doi:10.1145/1390156.1390294, section 2.2: a good representation is stable
    under damage to the input. `test_codes` and `damaged_codes` n×d floats, row by row of the same
    image, n at least 2. 0: damage moves no code; 1: as far as another image's. No shift, rotation
    or common scale of the codes changes it. BadInput where all codes of whole images are equal.
    """
    codes = checks.matrix(test_codes, "codes", at_least=2)
    damaged = checks.matrix(damaged_codes, "codes of damaged images", at_least=2)
    if codes.shape != damaged.shape:
        shapes = f"{tuple(codes.shape)} and {tuple(damaged.shape)}"
        raise BadInput(
            f"codes of images and of their damaged copies are {shapes}; pairs are needed"
        )
    return _relative_to_spread((codes - damaged).square().sum(dim=1), codes)


@takes_arrays
def code_sensitivity(encoder_jacobian_norms: Tensor, test_codes: Tensor) -> Estimate:
    """The Frobenius norm of the encoder's Jacobian relative to the distance between codes of two
    images: √(E‖∂z/∂x‖²_F / E‖z(x) − z(x')‖²), with values of x in [-1, 1].

    Rifai et al. 2011, ICML, equation 5. `encoder_jacobian_norms` are the squared norms, or unbiased
    estimates of them, m floats of at least 0 at the first m of the images of `test_codes`, n×d
    floats. Times a small σ it is the `code_drift` under Gaussian noise of standard deviation σ.
    BadInput where all codes are equal.
    """
    codes = checks.matrix(test_codes, "codes", at_least=2)
    squares = checks.vector(encoder_jacobian_norms, "norms of the encoder's Jacobian")
    if len(squares) > len(codes):
        raise BadInput(f"{len(squares)} norms are more than the {len(codes)} codes")
    if not bool(torch.all(squares >= 0)):
        raise BadInput(f"a squared norm is {float(squares.min()):g}; none can be below 0")
    return _relative_to_spread(squares, codes)


def _relative_to_spread(squares: Tensor, codes: Tensor) -> Estimate:
    """√(E squares / E‖z − z'‖²), `squares` m of the first m of n codes z; the error over images is
    the delta method's, for the logarithm of the ratio.
    """
    m, n = len(squares), len(codes)
    from_mean = (codes - codes.mean(dim=0)).square().sum(dim=1)
    spread = 2 * float(from_mean.sum()) / (n - 1)
    if spread == 0:
        raise BadInput(f"all {n} codes are equal; there is no spread to compare with")
    mean = float(squares.mean())
    value = math.sqrt(mean / spread)
    if m == 1 or mean == 0:
        return Estimate(value)
    above, below = squares / mean, from_mean / from_mean.mean()
    shared = torch.cov(torch.stack([above, below[:m]]))[0, 1]
    variance = above.var() / m + below.var() / n - 2 * shared / n
    return Estimate(value, value * math.sqrt(max(0.0, float(variance))) / 2, "images")


@takes_arrays
def active_share(test_codes: Tensor, threshold: float = 0.1) -> Estimate:
    """The share of a code's units that are active for an image, from 0 to 1, the mean over images.

    Makhzani & Frey 2014, arXiv:1312.5663, ask for codes in which few units differ from 0. A unit is
    active where its absolute value is above `threshold` of its largest over all images; one that is
    always 0 is never active. `test_codes` n×d floats. The error is over images, with each unit's
    largest value taken as given.
    """
    sizes = checks.matrix(test_codes, "codes", at_least=1).abs()
    active = sizes > threshold * sizes.amax(dim=0)
    return checks.mean_over(active.double().mean(dim=1), "images")


@takes_arrays
def prior_distance(drawn_codes: Tensor, prior_codes: Tensor) -> Estimate:
    """The squared maximum mean discrepancy between codes of images and draws from the prior, both
    n×d floats with n at least 4: 0 in expectation where codes are distributed as the prior.

    Gretton et al. 2012, JMLR 13:723, lemma 6, with the inverse multiquadratic kernel of Tolstikhin
    et al. 2018, arXiv:1711.01558, section 4: the unbiased estimate, which can be below 0, and its
    error, by subsets as in `kernel_distance`.
    """
    return kernel_distance(drawn_codes, prior_codes, MultiquadricKernel())


@takes_arrays
def codebook_perplexity(code_symbols: Tensor) -> Estimate:
    """exp(−Σ_k p_k log p_k), with p_k the share of entry k of the codebook among the symbols of all
    images: 1 where one entry is always used, K where K are used alike.

    van den Oord et al. 2017, arXiv:1711.00937. `code_symbols` int64 of at least 0, a row of them an
    image. The error is over images, by the delta method.
    """
    if code_symbols.dtype != torch.int64 or code_symbols.ndim < 2 or code_symbols.numel() == 0:
        form = f"{code_symbols.dtype} of shape {tuple(code_symbols.shape)}"
        raise BadInput(f"symbols are {form}; int64, a row an image, are needed")
    rows = code_symbols.flatten(1)
    logs = (torch.bincount(rows.flatten()).double() / rows.numel()).log()
    surprise = -logs[rows].mean(dim=1)
    perplexity = math.exp(float(surprise.mean()))
    if len(rows) == 1:
        return Estimate(perplexity)
    return Estimate(perplexity, perplexity * float(surprise.std()) / math.sqrt(len(rows)), "images")


CODE_DRIFT = Metric(
    "code_drift",
    code_drift,
    "lower",
    "drift of codes under damage",
    "Vincent et al. 2008, doi:10.1145/1390156.1390294",
    kind="representation",
    scale="log",
    range=(0.0, None),
)
CODE_SENSITIVITY = Metric(
    "code_sensitivity",
    code_sensitivity,
    "lower",
    "sensitivity of codes",
    "Rifai et al. 2011, ICML (Contractive auto-encoders)",
    kind="representation",
    scale="log",
    settings={"images": JACOBIAN_IMAGES, "exact_to": EXACT_VALUES, "probes": PROBES},
    range=(0.0, None),
)
ACTIVE_SHARE = Metric(
    "active_share",
    active_share,
    "lower",
    "share of active units",
    "Makhzani & Frey 2014, arXiv:1312.5663",
    kind="representation",
    scale="log",
    settings={"threshold": 0.1},
    range=(0.0, 1.0),
)
PRIOR_DISTANCE = Metric(
    "prior_distance",
    prior_distance,
    "lower",
    "kernel distance of codes from the prior",
    "Gretton et al. 2012; Tolstikhin et al. 2018, arXiv:1711.01558",
    kind="representation",
    scale="log",
    digits=4,
    settings={
        "kernel": "inverse-multiquadratic",
        "subsets": 100,
        "subset_size": "min(1000,n/2)",
        "seed": 2020,
    },
    least={"reference": 4},
    range=(None, 14.0),
)
CODEBOOK_PERPLEXITY = Metric(
    "codebook_perplexity",
    codebook_perplexity,
    "higher",
    "perplexity of the codebook",
    "van den Oord et al. 2017, arXiv:1711.00937",
    kind="representation",
    scale="log",
    digits=1,
    range=(1.0, None),
)
