"""GANs of texts: the losses of both players by hand, and samples of a text."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import word_ids
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.text_gan import TextGAN

SHAPE = ImageShape(1, 16, texts=True)
TEXTS = ["a red square", "a blue heart", "a red heart", "nothing"]


def gan(**settings: Any) -> TextGAN:
    torch.manual_seed(0)
    small = {"width": 4, "latent": 3, "batch_size": 4, "text_width": 5,
             "discriminator": {"norm": "none"}, "generator": {"norm": "none"}}  # fmt: skip
    family = build_family("text-gan", small | settings, SHAPE)
    assert isinstance(family, TextGAN)
    return family


def batch() -> Batch:
    x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch(x, torch.zeros(4, dtype=torch.int64), words=word_ids(TEXTS))


def test_half_of_what_the_discriminator_rejects_has_the_text_of_another_image():
    family, given = gan(), batch()
    discriminator, generator = family.phases()[0].players
    noise = discriminator.noise(4, torch.Generator().manual_seed(1))
    judge = family.networks["discriminator"]
    made = family.networks["generator"](noise["z"], given.words)
    strange = word_ids([TEXTS[3], *TEXTS[:3]])
    real, fake, wrong = (
        judge(given.x, given.words),
        judge(made, given.words),
        judge(given.x, strange),
    )
    bce = F.binary_cross_entropy_with_logits
    expected = bce(real, torch.ones(4, 1))
    expected = expected + (bce(fake, torch.zeros(4, 1)) + bce(wrong, torch.zeros(4, 1))) / 2
    loss = discriminator.loss(family.networks, given, noise)["loss"]
    torch.testing.assert_close(loss, expected)
    loss = generator.loss(family.networks, given, noise)["loss"]
    torch.testing.assert_close(loss, bce(fake, torch.ones(4, 1)))


def test_the_discriminator_projects_the_text_on_its_features():
    family, given = gan(), batch()
    judge = family.networks["discriminator"]
    features = judge.network.features(given.x)
    first, rest = judge.network.head.weight[:1], judge.network.head.weight[1:]
    bias = judge.network.head.bias
    plain = features @ first.T + bias[:1]
    text = judge.embed(given.words)
    projected = ((features @ rest.T + bias[1:]) * text).sum(dim=1, keepdim=True)
    torch.testing.assert_close(judge(given.x, given.words), plain + projected)


def test_samples_are_of_their_text():
    family = gan()
    first = family.sample_texts(TEXTS, torch.Generator().manual_seed(0))
    other = family.sample_texts(TEXTS[::-1], torch.Generator().manual_seed(0))
    assert first.shape == (4, 1, 16, 16)
    assert not torch.equal(first, other)
    blank = family.sample(4, torch.Generator().manual_seed(0))
    assert torch.allclose(family.sample_texts([""] * 4, torch.Generator().manual_seed(0)), blank)


@pytest.mark.parametrize("settings", [
    {"conditional": True}, {"penalties": [{"kind": "r1", "weight": 1.0}]},
    {"discriminator": {"norm": "spectral"}}, {"flip": True},
])  # fmt: skip
def test_what_it_does_not_take_is_refused(settings: dict[str, Any]):
    with pytest.raises(ValidationError, match=r"texts"):
        gan(**settings)


def test_images_without_texts_are_refused():
    with pytest.raises(BadInput, match="no texts"):
        build_family("text-gan", {"batch_size": 4}, ImageShape(1, 16))
