import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.extractors import list_extractors, load_extractor, load_perceptual, preflight
from harness.metrics import mode_count, mode_kl

NAME = "stacked:classifier:digits"


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return load_dataset("stacked:digits[train=2,test=300]").test.images


def test_each_channel_passes_the_classifier_alone(images: torch.Tensor):
    whole = load_extractor(NAME).extract(images)
    channels = [load_extractor("classifier:digits").extract(x) for x in images.split(1, dim=1)]
    assert torch.equal(whole.pooled, torch.cat([x.pooled for x in channels], dim=1))
    a, b, c = (x.logits.softmax(dim=1) for x in channels)
    probabilities = torch.einsum("na,nb,nc->nabc", a, b, c).flatten(1)
    assert torch.allclose(whole.logits.exp(), probabilities, atol=1e-6)
    assert torch.allclose(whole.logits.exp().sum(dim=1), torch.ones(300), atol=1e-5)


def test_it_counts_the_modes_of_stacked_digits():
    """Of 300 real stacks about as many modes as labels; of one stack repeated, one."""
    test = load_dataset("stacked:digits[train=2,test=300]").test
    logits = load_extractor(NAME).extract(test.images).logits
    right = logits.argmax(dim=1) == test.labels
    assert right.double().mean() > 0.94  # 0.98 of single digits, three times
    found = mode_count(logits).value
    assert abs(found - len(test.labels.unique())) <= (~right).sum()
    assert mode_count(logits[:1].expand(50, -1)).value == 1
    assert mode_kl(logits, logits).value < mode_kl(logits[:1].expand(300, -1), logits).value


def test_distances_are_the_channels_mean(images: torch.Tensor):
    a, b = images[:20], images[20:40]
    inner = load_perceptual("classifier:digits")
    parts = [inner.distance(a[:, [c]], b[:, [c]]) for c in range(3)]
    found = load_perceptual(NAME).distance(a, b)
    assert torch.allclose(found, torch.stack(parts).mean(dim=0))
    assert load_perceptual(NAME).distance(a, a).abs().max() < 1e-6


def test_what_it_is_and_takes():
    network = load_extractor(NAME)
    assert network.label == f"{NAME}@{load_extractor('classifier:digits').digest}"
    assert network.preprocessing == "native-by-channel"
    assert preflight(NAME) == preflight("classifier:digits")
    network.check(3, 16)
    with pytest.raises(BadInput, match="images of 3 channels, not 1"):
        network.check(1, 16)
    with pytest.raises(BadInput, match="1×16×16"):
        network.check(3, 28)
    assert dict(list_extractors())[NAME].startswith("classifier:digits on each")
    with pytest.raises(BadInput, match="unknown extractor"):
        load_extractor("stacked:classifier:cifar10")
