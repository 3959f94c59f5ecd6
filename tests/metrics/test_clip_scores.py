import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import METRICS, clip_s, clip_score, r_precision


def embeddings(n: int = 150, d: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_both_conventions():
    cosines = torch.tensor([0.3, -0.2, 1.0])
    assert clip_score(cosines).tolist() == pytest.approx([30, 0, 100])
    assert clip_s(cosines).tolist() == pytest.approx([0.75, 0, 2.5])
    assert METRICS["clip_score"].compute(cosines).value == pytest.approx(130 / 3)
    assert METRICS["clip_s"].compute(cosines).value == pytest.approx(3.25 / 3)
    with pytest.raises(BadInput, match="not a cosine"):
        clip_score(torch.tensor([1.2]))


def test_among_all_texts_it_is_retrieval_by_the_full_matrix():
    """With as many candidates as texts nothing is left to the draw."""
    texts = embeddings()
    images = texts + embeddings(seed=1)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (images, texts)]
    expected = (unit[0] @ unit[1].T).argmax(dim=1) == torch.arange(150)
    assert 0 < int(expected.sum()) < 150
    assert torch.equal(r_precision(images, texts, candidates=150), expected.double())


def test_unrelated_texts_are_found_by_chance():
    found = r_precision(embeddings(4000, 64), embeddings(4000, 64, seed=1), candidates=10)
    assert float(found.mean()) == pytest.approx(0.1, abs=3 * (0.09 / 4000) ** 0.5)


def test_fewer_candidates_are_easier():
    texts = embeddings(400)
    images = texts + 2 * embeddings(400, seed=1)
    rates = [float(r_precision(images, texts, c).mean()) for c in (2, 10, 100, 400)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]


def test_only_directions_matter_and_the_seed_decides_the_draw():
    texts, images = embeddings(), embeddings() + 2 * embeddings(seed=1)
    scaled = texts * torch.linspace(0.1, 10, 150)[:, None]
    assert torch.equal(r_precision(images, texts, 20), r_precision(3 * images, scaled, 20))
    assert torch.equal(r_precision(images, texts, 20), r_precision(images, texts, 20))
    assert not torch.equal(r_precision(images, texts, 20), r_precision(images, texts, 20, seed=1))


def test_ties_count_against():
    """Every other text is as near to the first image as its own."""
    texts = torch.eye(100)
    images = torch.eye(100)
    images[0] = 1
    assert r_precision(images, texts).tolist() == [0.0] + 99 * [1.0]


def test_a_text_that_recurs_is_no_mismatch():
    texts = torch.eye(100).repeat(3, 1)
    assert r_precision(texts, texts).tolist() == 300 * [1.0]
    with pytest.raises(BadInput, match="among 101 texts needs as many unlike ones, not 100"):
        r_precision(texts, texts, candidates=101)


def test_metric_has_an_error_over_images():
    texts = embeddings()
    images = texts + 2 * embeddings(seed=1)
    found = r_precision(images, texts)
    estimate = METRICS["r_precision"].compute(images, texts)
    assert estimate.value == float(found.mean())
    assert estimate.stderr == pytest.approx(np.std(found.numpy(), ddof=1) / 150**0.5)


def test_bad_embeddings_are_refused():
    texts = embeddings()
    with pytest.raises(BadInput, match="150 images and 149 texts are not pairs"):
        r_precision(texts, texts[:149])
    with pytest.raises(BadInput, match="zeros has no direction"):
        r_precision(texts, texts * (torch.arange(150) != 7)[:, None])
    with pytest.raises(BadInput, match="at least 2 candidate"):
        r_precision(texts, texts, candidates=1)
    with pytest.raises(BadInput, match="differ in width"):
        r_precision(texts[:, :8], texts)
