"""Detectors of generated images: trained on one model's samples, tested on other models'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.metrics.base import Estimate
from harness.metrics.detectability import detectability, fit_detector
from harness.metrics.detection import auroc


@dataclass(frozen=True)
class DetectorTest:
    """How well a detector that learnt from one set of samples tells another from real images that
    no detector has seen: the area under the ROC curve.
    """

    learnt_from: str
    tested_on: str
    area: Estimate


def cross_tests(
    made: Mapping[str, Tensor], train: Tensor, held_out: Tensor, seed: int = 0
) -> Iterator[DetectorTest]:
    """Tests the detector of each set of samples on each set, by features n×d: `made` by name,
    real images to learn from (`train`) and to be tested with (`held_out`).

    A detector learns from all samples of a set and as many training images, at random by `seed`. On
    its own set it is tested as `harness.metrics.detectability` does, on the half that it did not
    learn from. Raises BadInput for fewer than 4 samples.
    """
    draws = torch.Generator().manual_seed(seed)
    shuffled = train[torch.randperm(len(train), generator=draws)]
    for learnt, samples in made.items():
        detector = fit_detector(shuffled[: len(samples)], samples)
        real = detector.scores(held_out)
        for judged, others in made.items():
            if judged == learnt:
                area = detectability(samples, train, held_out, seed)
            else:
                scores = torch.cat([real, detector.scores(others)])
                area = auroc(scores, torch.arange(len(scores)) >= len(real))
            yield DetectorTest(learnt, judged, area)
