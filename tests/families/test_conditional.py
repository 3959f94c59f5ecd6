"""Models that are told classes."""

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import word_ids
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Samples, is_conditional

SMALL = {
    "gan": {"width": 4, "latent": 8},
    "diffusion": {"width": 1, "sampling": {"steps": 3}},
}
SHAPE = ImageShape(1, 8, classes=3)
LABELS = torch.tensor([0, 1, 2, 0])


def built(name: str, **more: object) -> Family:
    torch.manual_seed(0)
    family = build_family(name, SMALL[name] | {"conditional": True} | more, SHAPE)
    for parameter in family.networks.parameters():  # else the last layers may be zero
        torch.nn.init.normal_(parameter, std=0.3)
    family.networks.eval()
    return family


@pytest.mark.parametrize("name", SMALL)
def test_the_class_changes_the_image_and_nothing_else_does(name: str):
    family = built(name)
    assert is_conditional(family)
    assert isinstance(family, Samples)
    ask = [torch.full((4,), label) for label in (0, 0, 1)]
    first, again, other = (
        family.sample_labels(labels, torch.Generator().manual_seed(0)) for labels in ask
    )
    assert first.shape == (4, 1, 8, 8)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not first.requires_grad


@pytest.mark.parametrize("name", SMALL)
def test_unasked_it_draws_classes_from_the_generator(name: str):
    family = built(name)
    found, drawn = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    labels = torch.randint(3, (4,), generator=drawn)
    assert torch.equal(family.sample(4, found), family.sample_labels(labels, drawn))


@pytest.mark.parametrize("name", SMALL)
def test_losses_see_the_class_and_train_all_there_is(name: str):
    family = built(name)
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for player in family.phases()[0].players:
        noise = player.noise(4, torch.Generator().manual_seed(0))
        losses = [
            player.loss(family.networks, Batch(x, labels), noise)["loss"]
            for labels in (LABELS, (LABELS + 1) % 3)
        ]
        assert losses[0] != losses[1]
        parameters = [p for n in player.trains for p in family.networks[n].parameters()]
        found = torch.autograd.grad(losses[0], parameters, allow_unused=True)
        assert all(gradient is not None for gradient in found)


def test_the_discriminator_is_a_projection():
    """φ(x)·w + φ(x)·v_y, of which w and v_y are rows of the last layer."""
    family = built("gan")
    network = family.networks["discriminator"]
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    features, head = network.body(x), network.head
    expected = [
        f @ (head.weight[0] + head.weight[1 + y]) + head.bias[0] + head.bias[1 + y]
        for f, y in zip(features, LABELS.tolist(), strict=True)
    ]
    noise = {"z": torch.zeros(4, 8)}
    loss = family.discriminator_loss(family.networks, Batch(x, LABELS), noise)["loss"]
    codes = torch.cat([noise["z"], F.one_hot(LABELS, 3).float()], dim=1)
    fake = network.body(family.networks["generator"](codes))
    on_fake = [
        f @ (head.weight[0] + head.weight[1 + y]) + head.bias[0] + head.bias[1 + y]
        for f, y in zip(fake, LABELS.tolist(), strict=True)
    ]
    real = F.softplus(-torch.stack(expected)).mean()
    torch.testing.assert_close(loss, real + F.softplus(torch.stack(on_fake)).mean())


@pytest.mark.parametrize("name", SMALL)
def test_a_plain_model_is_not_asked(name: str):
    assert not is_conditional(built(name, conditional=False))


def test_texts_are_told_as_bags_of_words():
    torch.manual_seed(0)
    shape = ImageShape(1, 8, texts=True)
    family = build_family("diffusion", SMALL["diffusion"] | {"texts": True}, shape)
    for parameter in family.networks.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    family.networks.eval()
    texts = ["a red square", "square a RED", "a blue square"]
    one, same, other = (
        family.sample_texts([text], torch.Generator().manual_seed(0)) for text in texts
    )
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other)
    (player,) = family.phases()[0].players
    noise = player.noise(2, torch.Generator().manual_seed(0))
    x, labels = torch.zeros(2, 1, 8, 8), torch.zeros(2, dtype=torch.int64)
    losses = [
        player.loss(family.networks, Batch(x, labels, words=word_ids(told)), noise)["loss"]
        for told in (texts[:2], texts[1:])
    ]
    assert losses[0] != losses[1]


def test_what_cannot_be_told_says_so():
    with pytest.raises(BadInput, match="its images have no texts"):
        build_family("diffusion", {"texts": True}, SHAPE)
    with pytest.raises(ValidationError, match="do not go together"):
        build_family("diffusion", {"texts": True, "conditional": True}, SHAPE)
    with pytest.raises(ValidationError, match="a mirrored image's text says left"):
        build_family("diffusion", {"texts": True, "flip": True}, ImageShape(1, 8, texts=True))
    with pytest.raises(BadInput, match="no classes for a conditional model"):
        build_family("gan", {"conditional": True}, ImageShape(1, 8, classes=1))
    with pytest.raises(ValidationError, match="conditional and texts go with network: conv"):
        build_family("diffusion", {"conditional": True, "network": "mlp", "depth": 1}, SHAPE)
