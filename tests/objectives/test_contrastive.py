from __future__ import annotations

import math

import pytest
import torch

from harness.objectives.contrastive import normalised_cross_entropy


def test_it_is_the_sum_over_pairs_of_the_paper() -> None:
    a, b = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    codes = [*a, *b]

    def similarity(i: int, j: int) -> float:
        return float(torch.cosine_similarity(codes[i], codes[j], dim=0)) / 0.5

    total = 0.0
    for i in range(8):
        others = sum(math.exp(similarity(i, k)) for k in range(8) if k != i)
        total -= similarity(i, (i + 4) % 8) - math.log(others)
    assert float(normalised_cross_entropy(a, b, 0.5)) == pytest.approx(total / 8)


def test_it_is_least_where_views_agree_and_images_differ() -> None:
    codes = torch.eye(4, dtype=torch.float64)
    apart = normalised_cross_entropy(codes, codes, 0.1)
    assert float(apart) == pytest.approx(math.log(1 + 6 * math.exp(-10)))
    assert normalised_cross_entropy(codes, codes.roll(1, 0), 0.1) > apart
