import pytest
import torch
from torchvision import models

from harness.core.errors import BadInput
from harness.core.seeding import derive
from harness.extractors import load_extractor, preflight
from harness.extractors.images import imagenet_normalised, resize_bicubic


def test_features_are_what_the_head_would_take(random_images):
    images = random_images(2, 3, 32, 32)
    with torch.random.fork_rng():
        torch.manual_seed(derive(0, "random", "resnet18"))
        reference = models.resnet18().eval()
    found = load_extractor("random:resnet18").extract(images)
    assert found.pooled.shape == (2, 512)
    assert found.logits is None
    with torch.no_grad():
        logits = reference(imagenet_normalised(resize_bicubic(images, 224)))
        from_features = reference.fc(found.pooled)
    scale = float(logits.abs().max())
    assert torch.allclose(from_features, logits, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("arch", "width"),
    [("alexnet", 4096), ("mobilenet_v3_small", 1024), ("shufflenet_v2_x0_5", 1024)],
)
def test_other_architectures(arch, width, random_images):
    found = load_extractor(f"random:{arch}").extract(random_images(3, 1, 28, 28)).pooled
    assert found.shape == (3, width)
    assert torch.isfinite(found).all()
    assert len(found.unique(dim=0)) == 3


def test_the_same_weights_each_time_and_nothing_left_changed():
    before = torch.random.get_rng_state()
    first = load_extractor("random:resnet18")
    torch.rand(3)
    second = load_extractor("random:resnet18")
    assert first.label == second.label == f"random:resnet18@{first.digest}"
    assert load_extractor("random:resnet34").digest != first.digest
    torch.random.set_rng_state(before)
    load_extractor("random:resnet18")
    assert torch.equal(before, torch.random.get_rng_state())


def test_marked_as_not_comparable():
    network = load_extractor("random:resnet18")
    assert not network.comparable
    assert network.caveat == (
        f"random:resnet18@{network.digest} is not comparable with published numbers or with another"
        " digest"
    )


def test_features_do_not_depend_on_the_batch(random_images):
    network = load_extractor("random:resnet18")
    images = random_images(5, 1, 28, 28)
    whole = network.extract(images).pooled
    parts = torch.cat([network.extract(images[:2]).pooled, network.extract(images[2:]).pooled])
    assert torch.allclose(whole, parts, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("random:resnet81", "did you mean 'resnet18'"),
        ("random", "such as random:resnet18"),
        ("random:fasterrcnn_resnet50_fpn", "does not name a classifier of torchvision"),
    ],
)
def test_unknown_architectures_are_refused(name, hint):
    for use in (preflight, load_extractor):
        with pytest.raises(BadInput, match=hint):
            use(name)


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(BadInput, match="random:squeezenet1_1 has no linear layer"):
        load_extractor("random:squeezenet1_1")


def test_it_needs_no_weights(weights_folder):
    assert preflight("random:resnet18") == []


def test_any_size_and_grey_or_rgb():
    network = load_extractor("random:resnet18")
    network.check(1, 4)
    with pytest.raises(BadInput, match="not 2 channels"):
        network.check(2, 32)
