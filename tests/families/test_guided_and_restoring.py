"""Diffusion models that a classifier leads, and those that restore images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from exact_denoisers import ONE
from pydantic import ValidationError
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Restores, Samples, has_density
from harness.objectives.denoising import Denoised, NoiseLevel, alpha_bar
from harness.samplers.guidance import classifier_guided
from harness.samplers.levels import timestep_levels
from harness.samplers.repaint import repaint

SHAPE = ImageShape(1, 8, classes=3)
LEVEL = NoiseLevel(torch.tensor(500), torch.tensor(0.8), torch.tensor(0.6))


def built(family: str, shape: ImageShape = SHAPE, **settings: Any) -> Any:
    torch.manual_seed(0)
    made = build_family(family, {"width": 1, **settings}, shape)
    for module in made.networks.modules():
        if isinstance(module, torch.nn.Conv2d) and not module.weight.any():
            torch.nn.init.normal_(module.weight, std=0.1)
    made.networks.eval()
    return made


def test_classifier_guidance_is_the_denoiser_of_the_product_of_densities() -> None:
    """Data N(μ, d²) times p(y | x) = N(x; m, v), both Gaussian: x_t's score is the sum of scores,
    and one noise level's posterior mean has a closed form.
    """
    x = torch.linspace(-1, 1, 7, dtype=torch.float64).view(7, 1, 1, 1)
    level = NoiseLevel(LEVEL.time, *(part.double() for part in LEVEL[1:]))
    variance = (level.signal * ONE.d).square() + level.noise.square()

    def of_class(x: Tensor, level: NoiseLevel) -> Tensor:
        """∇ log p(y | x_t) that turns N(aμ, variance) into N(aμ + 0.3, variance)."""
        return 0.3 / variance * torch.ones_like(x)

    image, epsilon, _ = classifier_guided(ONE.denoise, of_class, 1.0)(x, level)
    score = -(x - level.signal * ONE.shift - 0.3) / variance
    torch.testing.assert_close(epsilon, -level.noise * score)
    torch.testing.assert_close(level.signal * image + level.noise * epsilon, x)
    assert classifier_guided(ONE.denoise, of_class, 0) == ONE.denoise


def test_the_score_is_the_gradient_of_the_classifier() -> None:
    family = built("classifier-guided-diffusion").networks["classifier"].double()
    model = built("classifier-guided-diffusion")
    model.networks["classifier"] = family
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 2])
    with torch.inference_mode():
        score = model.class_score(x, LEVEL, labels)
    step = 1e-6
    for index in [(0, 0, 3, 4), (1, 0, 7, 0)]:
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved[index] += sign * step
            logits = family(moved, LEVEL.time.expand(2)).log_softmax(1)
            ends.append(logits[index[0], labels[index[0]]].item())
        assert score[index].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


def test_no_weight_of_classifier_guidance_is_the_conditional_model_to_the_bit() -> None:
    labels = torch.tensor([0, 1, 2])
    plain = built("diffusion", conditional=True, sampling={"steps": 3})

    def drawn(weight: float) -> Tensor:
        sampling = {"steps": 3, "classifier_guidance": weight}
        led = built("classifier-guided-diffusion", sampling=sampling)
        led.networks["denoiser"].load_state_dict(plain.networks["denoiser"].state_dict())
        return led.sample_labels(labels, torch.Generator().manual_seed(0))  # type: ignore[no-any-return]

    expected = plain.sample_labels(labels, torch.Generator().manual_seed(0))
    assert torch.equal(drawn(0.0), expected)
    assert not torch.equal(drawn(4.0), expected)


def test_the_classifier_is_a_player_of_its_own() -> None:
    family = built("classifier-guided-diffusion")
    (phase,) = family.phases()
    assert [player.trains for player in phase.players] == [("denoiser",), ("classifier",)]
    batch = Batch(torch.zeros(32, 1, 8, 8), torch.arange(32) % 3)
    player = phase.players[1]
    losses = player.loss(family.networks, batch, player.noise(32, torch.Generator()))
    assert losses["loss"].item() == pytest.approx(torch.tensor(3.0).log().item(), abs=0.5)


def test_classifier_guidance_needs_classes() -> None:
    with pytest.raises(ValidationError, match="asked for no class"):
        built("classifier-guided-diffusion", conditional=False)
    with pytest.raises(BadInput, match="no classes"):
        built("classifier-guided-diffusion", ImageShape(1, 8))


SOURCES = ImageShape(1, 8, source_channels=1, masked=True)


def test_the_network_sees_noise_source_and_mask() -> None:
    family = built("restoring-diffusion", SOURCES, sampling={"steps": 2})
    seen = []
    inner = family.networks["denoiser"].network

    def network(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x)
        return torch.zeros_like(x[:, :1])

    inner.forward = network
    source = torch.linspace(-1, 1, 128).view(2, 1, 8, 8)
    mask = (source > 0).float()
    batch = Batch(source, torch.zeros(2), source=source, mask=mask)
    family.loss(family.networks, batch, family.noise(2, torch.Generator()))
    assert torch.equal(seen[-1][:, 1:], torch.cat([source, mask], dim=1))
    made = family.restore(source, mask)
    assert torch.equal(seen[-1][:, 1:], torch.cat([source, mask], dim=1))
    assert torch.equal(made[mask > 0], source[mask > 0])
    assert torch.equal(made, family.restore(source, mask))


def test_a_restoring_model_makes_no_images_from_nothing() -> None:
    family = built("restoring-diffusion", SOURCES)
    assert isinstance(family, Restores)
    assert not isinstance(family, Samples)
    assert not has_density(family)
    with pytest.raises(BadInput, match="not to be made from others"):
        built("restoring-diffusion")


@pytest.mark.parametrize(
    "settings", [{"conditional": True}, {"texts": True}, {"network": "mlp", "depth": 1}]
)
def test_a_restoring_model_has_no_other_condition(settings: Any) -> None:
    with pytest.raises(ValidationError, match=r"go with it|further channels"):
        built("restoring-diffusion", SOURCES, **settings)


def test_repaint_keeps_what_is_known_and_fills_holes_as_the_data_are() -> None:
    """Pixels of N(0.3, 0.4²), independent: the hole does not depend on what is around it."""
    levels = timestep_levels(alpha_bar("cosine", 1000), 100)
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(400, 1, 4, 4, dtype=torch.float64, generator=draws)
    source = torch.linspace(-1, 1, 16, dtype=torch.float64).view(1, 1, 4, 4).expand(400, 1, 4, 4)
    known = (torch.arange(16).view(1, 1, 4, 4) % 2).expand(400, 1, 4, 4)
    made = repaint(ONE.denoise, noise, levels, draws, source=source, known=known, repeats=3)
    torch.testing.assert_close(made[known > 0], source[known > 0])
    hole = made[known == 0]
    assert hole.mean().item() == pytest.approx(ONE.shift, abs=0.03)
    assert hole.std().item() == pytest.approx(ONE.d, abs=0.03)


def test_repaint_looks_at_each_level_as_often_as_it_repeats() -> None:
    levels, calls = timestep_levels(alpha_bar("linear", 100), 5), []

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        calls.append(level.time.item())
        return Denoised(0 * x, x)

    x = torch.zeros(1, 1, 2, 2)
    repaint(denoise, x, levels, torch.Generator(), source=x, known=x, repeats=3)
    assert len(calls) == 4 * 3 + 1


@pytest.mark.parametrize("condition", ["conditional", "texts"])
def test_repaint_has_no_other_condition(condition: str) -> None:
    with pytest.raises(ValidationError, match="without conditional and texts"):
        built("repaint", **{condition: True})


def test_repaint_needs_masks() -> None:
    with pytest.raises(BadInput, match="fills holes"):
        built("repaint", ImageShape(1, 8, source_channels=1))
    with pytest.raises(BadInput, match="mask"):
        built("repaint").restore(torch.zeros(1, 1, 8, 8), None)
    sampling = {"steps": 2, "repeats": 2}
    family = built("repaint", SOURCES, sampling=sampling)
    mask = torch.ones(2, 1, 8, 8)
    x = torch.zeros(2, 1, 8, 8)
    assert torch.equal(family.restore(x, mask), x)


def test_shuffled_texts_are_those_of_other_images() -> None:
    family = built("diffusion", ImageShape(1, 8, texts=True), texts=True, shuffled_texts=True)
    words = torch.arange(8).view(4, 2)
    batch = Batch(torch.zeros(4, 1, 8, 8), torch.zeros(4), words=words)
    (told,) = family._condition(batch, {})
    assert torch.equal(told, words[[3, 0, 1, 2]])
    with pytest.raises(ValidationError, match="goes with texts: true"):
        built("diffusion", shuffled_texts=True)
