"""The evidence on a model or on sets of images, computed once and shared by all metrics.

Importing a module of evidence is what makes its kinds known.
"""

from harness.evaluation import (
    codes,
    judgements,
    likelihoods,
    reconstructions,
    remarks,
    samples,
    scores,
    structure,
    texts,
    translations,
    truth,
)

__all__ = [
    "codes",
    "judgements",
    "likelihoods",
    "reconstructions",
    "remarks",
    "samples",
    "scores",
    "structure",
    "texts",
    "translations",
    "truth",
]
