"""How well images show their captions, and how much people would prefer them, by networks that were
trained on people's choices or on questions about images.
"""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric

__all__ = ["hps_v2", "image_reward", "pick_score", "vqa_score"]


@takes_arrays
def pick_score(caption_scores: Tensor) -> Tensor:
    """The logit e^s · cos of each image and its caption as PickScore's network has it: n float64.

    Kirstain et al. 2023, "Pick-a-Pic", arXiv:2305.01569, eq. 1, without its exponential. The
    difference of the values of two images of one caption is the log odds that people prefer the
    first.
    """
    return checks.vector(caption_scores, "caption scores")


PICK_SCORE = Metric(
    "pick_score",
    MeanOverImages(pick_score),
    "higher",
    "PickScore",
    "Kirstain et al. 2023, arXiv:2305.01569",
    kind="text",
    network="pick-score",
    digits=2,
)


@takes_arrays
def hps_v2(caption_scores: Tensor) -> Tensor:
    """100 · cos of each image and its caption by the network of HPS v2, as its benchmark reports
    it: n float64.

    Wu et al. 2023, "Human Preference Score v2", arXiv:2306.09341, section 4.
    """
    cosines = checks.vector(caption_scores, "caption scores")
    if float(cosines.abs().max()) > 1 + 1e-5:
        raise BadInput(f"a caption score of {float(cosines.abs().max()):.4g} is not a cosine")
    return 100 * cosines.clamp(-1, 1)


HPS_V2 = Metric(
    "hps_v2",
    MeanOverImages(hps_v2),
    "higher",
    "HPS v2",
    "Wu et al. 2023, arXiv:2306.09341",
    kind="text",
    network="hps-v2",
    settings={"scale": 100},
    digits=2,
    range=(-100.0, 100.0),
)


@takes_arrays
def image_reward(caption_scores: Tensor) -> Tensor:
    """The reward of each image with its caption, in standard deviations from the mean of the
    authors' validation images: n float64.

    Xu et al. 2023, "ImageReward", arXiv:2304.05977, section 2.3.
    """
    return checks.vector(caption_scores, "caption scores")


IMAGE_REWARD = Metric(
    "image_reward",
    MeanOverImages(image_reward),
    "higher",
    "ImageReward",
    "Xu et al. 2023, arXiv:2304.05977",
    kind="text",
    network="image-reward",
)


@takes_arrays
def vqa_score(caption_scores: Tensor) -> Tensor:
    """The probability of the answer "Yes" to the question whether the image shows its caption: n
    float64 in [0, 1].

    Lin et al. 2024, "VQAScore", arXiv:2404.01291, eq. 1.
    """
    shares = checks.vector(caption_scores, "caption scores")
    if float(shares.min()) < 0 or float(shares.max()) > 1 + 1e-5:
        raise BadInput("caption scores of VQAScore are probabilities, from 0 to 1")
    return shares.clamp(max=1)


VQA_SCORE = Metric(
    "vqa_score",
    MeanOverImages(vqa_score),
    "higher",
    "VQAScore",
    "Lin et al. 2024, arXiv:2404.01291",
    kind="text",
    network="vqa",
    range=(0.0, 1.0),
)
