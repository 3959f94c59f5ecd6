"""How well images and texts belong together, from their CLIP embeddings."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric

__all__ = ["clip_s", "clip_score", "r_precision"]

_BLOCK = 64
"""Images compared with their candidate texts at a time, to bound memory."""


@takes_arrays
def clip_score(text_similarity: Tensor) -> Tensor:
    """100 · max(cos, 0) of each image and its text, the form that most papers report: n float64."""
    return 100 * _positive(text_similarity)


CLIP_SCORE = Metric(
    "clip_score",
    MeanOverImages(clip_score),
    "higher",
    "CLIP score",
    "Hessel et al. 2021, arXiv:2104.08718",
    kind="text",
    digits=2,
    settings={"scale": 100},
    range=(0.0, 100.0),
)


@takes_arrays
def clip_s(text_similarity: Tensor) -> Tensor:
    """2.5 · max(cos, 0) of each image and its text: n float64.

    Hessel et al. 2021, "CLIPScore", arXiv:2104.08718, section 3; a fortieth of `clip_score`.
    """
    return 2.5 * _positive(text_similarity)


CLIP_S = Metric(
    "clip_s",
    MeanOverImages(clip_s),
    "higher",
    "CLIP-S",
    "Hessel et al. 2021, arXiv:2104.08718",
    kind="text",
    settings={"scale": 2.5},
    range=(0.0, 2.5),
)


@takes_arrays
def r_precision(
    image_embeddings: Tensor, text_embeddings: Tensor, candidates: int = 100, seed: int = 2020
) -> Tensor:
    """Whether each image's own text is the nearest of `candidates` texts: n float64, 0 or 1.

    Xu et al. 2018, "AttnGAN", arXiv:1711.10485, section 4: R-precision with R = 1, among the
    image's text and `candidates` − 1 others drawn from the set without replacement. Nearest by the
    cosine; a text as near as the image's own counts against it.

    `image_embeddings` and `text_embeddings` n×d, row i of both one pair, of any length but 0.
    Equal rows are one text: an image whose prompt recurs is not held to tell it from itself. Fewer
    than `candidates` unlike texts raise BadInput. The draw follows from `seed` and the order.
    """
    if candidates < 2:
        raise BadInput(f"R-precision needs at least 2 candidate texts, not {candidates}")
    images, texts = _directions(image_embeddings, text_embeddings)
    distinct, of_image = np.unique(texts.cpu().numpy(), axis=0, return_inverse=True)
    if (count := len(distinct)) < candidates:
        raise BadInput(
            f"R-precision among {candidates} texts needs as many unlike ones, not {count}"
        )
    drawn = torch.from_numpy(_draw(of_image.reshape(-1), count, candidates - 1, seed)).to(
        images.device
    )
    texts = torch.from_numpy(distinct).to(images.device)
    pairs = zip(torch.split(images, _BLOCK), torch.split(drawn, _BLOCK), strict=True)
    cosines = torch.cat([torch.einsum("nd,ncd->nc", i, texts[d]) for i, d in pairs])
    return (cosines[:, :1] > cosines[:, 1:]).all(dim=1).double()


R_PRECISION = Metric(
    "r_precision",
    MeanOverImages(r_precision),
    "higher",
    "R-precision",
    "Xu et al. 2018, arXiv:1711.10485",
    kind="text",
    settings={"candidates": 100, "seed": 2020},
    least={"texts": 100},
    range=(0.0, 1.0),
)


def _directions(images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    """The embeddings of pairs as unit vectors, float64."""
    images, texts = checks.feature_pair(images, texts, at_least=1)
    if len(images) != len(texts):
        raise BadInput(f"{len(images)} images and {len(texts)} texts are not pairs")
    lengths = images.norm(dim=1, keepdim=True), texts.norm(dim=1, keepdim=True)
    if bool((torch.cat(lengths) == 0).any()):
        raise BadInput("an embedding of zeros has no direction")
    return images / lengths[0], texts / lengths[1]


def _draw(of_image: np.ndarray, texts: int, others: int, seed: int) -> np.ndarray:
    """For each image its own text, then `others` other texts: n×(others + 1) indices."""
    random = np.random.default_rng(seed)
    drawn = np.empty((len(of_image), others + 1), dtype=np.int64)
    drawn[:, 0] = of_image
    for row in drawn:
        row[1:] = random.choice(texts - 1, others, replace=False)
        row[1:] += row[1:] >= row[0]
    return drawn


def _positive(cosines: Tensor) -> Tensor:
    cosines = checks.vector(cosines, "text similarities")
    if float(cosines.abs().max()) > 1 + 1e-5:
        raise BadInput(f"a text similarity of {float(cosines.abs().max()):.4g} is not a cosine")
    return cosines.clamp(0, 1)
