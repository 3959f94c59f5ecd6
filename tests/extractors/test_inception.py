import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from harness.core.errors import BadInput
from harness.extractors import inception, load_extractor, preflight


def test_equals_torch_fidelity(random_inception, weights_folder, random_images):
    before = torch.random.get_rng_state()
    network = load_extractor("inception")
    assert torch.equal(before, torch.random.get_rng_state())
    images = random_images(2, 3, 20, 20)
    found = network.extract(images)
    reference = FeatureExtractorInceptionV3(
        "reference", ["2048", "logits_unbiased"], str(weights_folder / inception.WEIGHTS.name)
    )
    pooled, logits = reference(images)
    for ours, theirs in ((found.pooled, pooled), (found.logits, logits)):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-5 * float(theirs.abs().max()))
    assert found.pooled.shape == (2, 2048)
    assert found.logits.shape == (2, 1008)
    assert network.name == "inception"
    assert network.label == f"inception-tf2015@{inception.WEIGHTS.digest}"


def test_features_do_not_depend_on_the_batch(random_inception, random_images):
    network = load_extractor("inception")
    images = random_images(3, 3, 16, 16)
    whole = network.extract(images).pooled
    parts = torch.cat([network.extract(images[:1]).pooled, network.extract(images[1:]).pooled])
    assert torch.allclose(whole, parts, rtol=0, atol=1e-5 * float(whole.abs().max()))


def test_grey_is_repeated_to_rgb(random_inception, random_images):
    network = load_extractor("inception")
    grey = random_images(1, 1, 16, 16)
    assert torch.equal(
        network.extract(grey).pooled, network.extract(grey.repeat(1, 3, 1, 1)).pooled
    )
    network.check(1, 16)
    with pytest.raises(BadInput, match="not 4 channels"):
        network.check(4, 16)
    with pytest.raises(BadInput, match="not of 2 channels"):
        network.extract(grey.repeat(1, 2, 1, 1))
    with pytest.raises(BadInput, match="uint8"):
        network.extract(grey.float())


def test_published_weights_are_pinned(weights_folder):
    assert inception.WEIGHTS.digest == "6726825d"
    with pytest.raises(BadInput, match=r"weights-inception-2015-12-05-6726825d\.pth are not on"):
        preflight("inception")


def test_other_weights_are_refused(publish, monkeypatch):
    monkeypatch.setattr(inception, "WEIGHTS", publish({"fc.weight": torch.zeros(2)}))
    with pytest.raises(BadInput, match="does not hold the weights of Inception v3"):
        load_extractor("inception")
