"""Diffusion models: their losses, their conditions, and how they are sampled."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.tokenizer import Tokenizer
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.diffusion import Diffusion
from harness.objectives.denoising import TARGETS, WEIGHTINGS
from harness.samplers.settings import SAMPLERS

SHAPE = ImageShape(1, 16, classes=3, texts=True)
BATCH = Batch(
    torch.linspace(-1, 1, 64)[:, None, None, None].expand(64, 1, 16, 16),
    torch.arange(64) % 3,
    words=1 + torch.arange(128).view(64, 2) % 7,
)
INSTALLED = [kind for kind in SAMPLERS if kind != "unipc" or find_spec("diffusers")]


def diffusion(**settings: Any) -> Diffusion:
    """An untrained model whose last layer is not zero, so that every input counts."""
    torch.manual_seed(0)
    family = build_family("diffusion", {"width": 1, **settings}, SHAPE)
    for module in family.networks["denoiser"].modules():
        if isinstance(module, torch.nn.Conv2d) and not module.weight.any():
            torch.nn.init.normal_(module.weight, std=0.1)
    family.networks.eval()
    assert isinstance(family, Diffusion)
    return family


def loss(family: Diffusion, seed: int = 0) -> tuple[float, dict[str, Tensor]]:
    noise = dict(family.noise(64, torch.Generator().manual_seed(seed)))
    return family.loss(family.networks, BATCH, noise)["loss"].item(), noise


def test_the_loss_is_zero_for_a_perfect_prediction_and_one_for_none() -> None:
    family = build_family("diffusion", {"width": 1}, SHAPE)
    # The last layer starts at zero, so that an untrained network predicts no noise at all.
    value, noise = loss(family)
    assert value == pytest.approx(1, abs=0.03)
    family.networks["denoiser"].forward = lambda x, t: noise["epsilon"]
    assert loss(family)[0] == 0


@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_network_of_each_target_has_no_loss(target: str) -> None:
    family = diffusion(target=target, schedule="cosine")
    _, noise = loss(family)
    level = family.networks["noising"](noise["t"])
    value = TARGETS[target].value(BATCH.x, noise["epsilon"], level)
    family.networks["denoiser"].forward = lambda x, t: value
    assert loss(family)[0] == 0


@pytest.mark.parametrize("kind", WEIGHTINGS)
def test_a_weighting_multiplies_each_images_error(kind: str) -> None:
    family = diffusion(weighting={"kind": kind})
    value, noise = loss(family)
    family.networks["denoiser"].forward = lambda x, t: torch.zeros_like(x)
    value, noise = loss(family)
    errors = noise["epsilon"].square().flatten(1).mean(dim=1)
    weights = family.networks["noising"].weight(noise["t"])
    expected = errors if weights is None else weights * errors
    assert value == pytest.approx(expected.mean().item())
    assert (weights is None) == (kind == "simple")


def test_edm_shows_the_network_images_of_unit_variance() -> None:
    family = diffusion(preconditioning={"kind": "edm", "sigma_data": 0.5})
    noise = dict(family.noise(64, torch.Generator().manual_seed(0)))
    seen = {}

    def network(x: Tensor, time: Tensor) -> Tensor:
        seen.update(x=x, time=time)
        return torch.zeros_like(x)

    family.networks["denoiser"].forward = network
    batch = Batch(0.5 * torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(1)),
                  torch.zeros(64, dtype=torch.int64))  # fmt: skip
    value = family.loss(family.networks, batch, noise)["loss"].item()
    assert seen["x"].std().item() == pytest.approx(1, abs=0.03)
    assert value == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(seen["time"], noise["t"].log() / 4)


@pytest.mark.parametrize("edm", [False, True])
@pytest.mark.parametrize("kind", INSTALLED)
def test_every_sampler_draws_images_in_range_from_the_generator_alone(kind: str, edm: bool) -> None:
    settings = {"preconditioning": {"kind": "edm"}} if edm else {}
    family = diffusion(sampling={"kind": kind, "steps": 4}, **settings)
    images = [family.sample(2, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert images[0].shape == (2, 1, 16, 16)
    assert images[0].abs().max() <= 1
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


@pytest.mark.parametrize("edm", [False, True])
@pytest.mark.parametrize("kind", INSTALLED)
def test_every_sampler_finds_the_one_image_that_there_is(kind: str, edm: bool) -> None:
    """The network is that of the exact denoiser, whose target is known from x_t alone."""
    settings = {"preconditioning": {"kind": "edm"}} if edm else {"target": "x0"}
    family = diffusion(sampling={"kind": kind, "steps": 8}, **settings)
    image = torch.linspace(-0.9, 0.9, 256).view(1, 1, 16, 16)

    def network(x: Tensor, time: Tensor) -> Tensor:
        if not edm:
            return image.expand_as(x)
        sigma = (4 * time).exp()[:, None, None, None]
        noisy = x * (sigma.square() + 0.25).sqrt()
        return (image - 0.25 / (sigma.square() + 0.25) * noisy) / (
            sigma * 0.5 / (sigma.square() + 0.25).sqrt()
        )

    family.networks["denoiser"].forward = network
    made = family.sample(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(made, image.expand(2, 1, 16, 16), atol=2e-3, rtol=0)


@pytest.mark.parametrize("condition", ["conditional", "texts"])
def test_guidance_of_one_is_the_conditional_model_to_the_bit(condition: str) -> None:
    settings = {condition: True, "condition_dropout": 0.1}
    labels, texts = torch.tensor([0, 1, 2]), ["a b", "c", "d e f"]

    def drawn(**sampling: Any) -> Tensor:
        family = diffusion(sampling={"steps": 3, "clip": False, **sampling}, **settings)
        generator = torch.Generator().manual_seed(0)
        return (
            family.sample_labels(labels, generator)
            if family.conditional
            else family.sample_texts(texts, generator)
        )

    assert torch.equal(drawn(), drawn(guidance=1.0))
    assert not torch.equal(drawn(), drawn(guidance=4.0))


def test_guidance_of_zero_asks_for_no_class_at_all() -> None:
    sampling = {"steps": 3, "clip": False, "guidance": 0.0}
    family = diffusion(conditional=True, condition_dropout=0.1, sampling=sampling)
    made = [
        family.sample_labels(torch.full((3,), label), torch.Generator().manual_seed(0))
        for label in (0, 1)
    ]
    assert torch.equal(*made)


def test_conditions_are_left_out_as_often_as_the_settings_say() -> None:
    family = diffusion(conditional=True, condition_dropout=0.25)
    noise = dict(family.noise(20_000, torch.Generator().manual_seed(0)))
    assert noise["drop"].float().mean().item() == pytest.approx(0.25, abs=0.01)
    seen = {}

    def network(x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        seen["labels"] = labels
        return torch.zeros_like(x)

    family.networks["denoiser"].forward = network
    _, noise = loss(family)
    assert noise["drop"].any()
    assert torch.equal(seen["labels"], torch.where(noise["drop"], 3, BATCH.labels))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"timesteps": 20, "sampling": {"steps": 21}}, "at most timesteps"),
        ({"sampling": {"guidance": 2.0}}, "goes with condition_dropout"),
        ({"conditional": True, "sampling": {"guidance": 2.0}}, "goes with condition_dropout"),
        ({"condition_dropout": 0.1}, "goes with conditional or texts"),
        ({"sampling": {"kind": "heun", "eta": 0.5}}, "eta goes with kind: ddim, not heun"),
        ({"sampling": {"variance": "large"}}, "variance goes with kind: ancestral, not ddim"),
        (
            {"preconditioning": {"kind": "edm"}, "target": "v"},
            "target and preconditioning do",
        ),
        ({"preconditioning": {"kind": "edm", "sigma_max": 1e-3}}, "less than sigma_max"),
        ({"target": "score"}, "'epsilon', 'x0' or 'v'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        build_family("diffusion", settings, SHAPE)


TOKENIZER = Tokenizer.of(["a red square", "a circle"])
WORDED = replace(SHAPE, tokenizer=TOKENIZER, pixels=False)
ATTENTIVE = {
    "width": 1, "texts": True, "text_encoder": {"width": 8, "depth": 1, "heads": 2},
    "unet": {"multipliers": [1, 2], "blocks": 1, "attention": [8]},
}  # fmt: skip


def attentive(**settings: Any) -> Diffusion:
    torch.manual_seed(0)
    family = build_family("diffusion", {**ATTENTIVE, **settings}, WORDED)
    for parameter in family.networks["denoiser"].parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    family.networks.eval()
    assert isinstance(family, Diffusion)
    return family


def test_a_model_that_attends_to_texts_reads_words_in_their_order() -> None:
    family = attentive(sampling={"steps": 2, "clip": False})
    made = [
        family.sample_texts([text], torch.Generator().manual_seed(0))
        for text in ("a red square", "A red square!", "square red a")
    ]
    assert torch.equal(made[0], made[1])
    assert not torch.allclose(made[0], made[2])


def test_it_learns_from_the_batchs_tokens_and_leaves_some_out() -> None:
    family = attentive(condition_dropout=0.5)
    tokens = TOKENIZER.encode(["a red square", "a circle"] * 32)
    batch = replace(BATCH, tokens=tokens)
    noise = dict(family.noise(64, torch.Generator().manual_seed(0)))
    seen = {}
    encode = family.networks["denoiser"].encoder.forward
    family.networks["denoiser"].encoder.forward = lambda ids: seen.update(ids=ids) or encode(ids)
    family.loss(family.networks, batch, noise)
    kept = torch.where(noise["drop"][:, None], TOKENIZER.encode([""]), tokens)
    assert torch.equal(seen["ids"], kept)
    assert noise["drop"].any()


def test_words_of_test_texts_that_no_training_text_has_are_an_error_before_training() -> None:
    shape = replace(WORDED, strange_words=("blue",))
    with pytest.raises(BadInput, match="no training text has the word 'blue'"):
        build_family("diffusion", ATTENTIVE, shape)
    family = attentive()
    with pytest.raises(BadInput, match="no training text has the word 'blue'"):
        family.sample_texts(["a blue square"], torch.Generator())
    build_family("diffusion", {"width": 1, "texts": True}, shape)  # it knows hashes of any word


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"unet": None}, "text_encoder goes with texts: true and unet"),
        ({"text_encoder": None}, "texts with unet need a text_encoder"),
        ({"unet": None, "text_encoder": None, "transformer": {}}, "texts and transformer"),
        ({"transformer": {}}, "unet and transformer do not go together"),
        ({"texts": False}, "text_encoder goes with texts: true and unet"),
    ],
)
def test_networks_of_texts_that_do_not_fit_are_refused(
    settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        build_family("diffusion", {**ATTENTIVE, **settings}, WORDED)


def test_dropout_is_of_training_alone() -> None:
    family = diffusion(unet={"multipliers": [1, 2], "blocks": 1, "attention": [8], "dropout": 0.5})
    masks = [name for name in family.noise(2, torch.Generator()) if name.startswith("dropout")]
    assert len(masks) == 2 + 2 + 2 * 2
    noise = [dict(family.noise(64, torch.Generator().manual_seed(seed))) for seed in (0, 1)]
    mixed = noise[0] | {name: noise[1][name] for name in masks}
    family.networks.train()
    losses = [
        family.loss(family.networks, BATCH, drawn)["loss"].item()
        for drawn in (noise[0], noise[0], mixed)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_unipc_without_its_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.samplers.unipc.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"needs diffusers.*harness\[diffusers\]"):
        diffusion(sampling={"kind": "unipc"})
