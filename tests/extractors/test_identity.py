import torch

from harness.extractors import list_extractors, load_extractor, preflight


def test_features_are_the_numbers_themselves():
    identity = load_extractor("identity")
    x = torch.randn(5, 2, 1, 1)
    extracted = identity.extract(x)
    assert torch.equal(extracted.pooled, x.flatten(1))
    assert extracted.logits is None
    assert identity.label == "identity"
    assert identity.caveat is None


def test_pixels_become_numbers_between_minus_one_and_one():
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    assert load_extractor("identity").extract(black_and_white).pooled.tolist() == [[-1, 1]]


def test_it_needs_no_weights():
    assert preflight("identity") == []
    assert "identity" in dict(list_extractors())
