"""Variants of the autoencoder: what they are shown, penalties on codes, shared weights."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.autoencoder import Autoencoder
from harness.families.base import ImageShape
from harness.objectives.codes import jacobian_norms
from harness.objectives.reconstruction import perceptual_error

MLP = {"network": "mlp", "width": 6, "depth": 1, "latent": 5}


def built(**settings: Any) -> Autoencoder:
    torch.manual_seed(0)
    with warnings.catch_warnings(action="ignore"):
        family = build_family("autoencoder", settings, ImageShape(1, 8))
    assert isinstance(family, Autoencoder)
    return family


def batch(with_sources: bool = False) -> Batch:
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(x, torch.zeros(4, dtype=torch.int64), x.flip(3) if with_sources else None)


def losses(family: Autoencoder, batch: Batch, seed: int = 0) -> dict[str, float]:
    noise = family.noise(len(batch.x), torch.Generator().manual_seed(seed))
    return {k: float(v.detach()) for k, v in family.loss(family.networks, batch, noise).items()}


def error(family: Autoencoder, shown: torch.Tensor, x: torch.Tensor) -> float:
    networks = family.networks
    rebuilt = networks["decoder"](networks["encoder"](shown))
    return float((rebuilt - x).square().mean().detach())


def test_damaged_copies_are_shown_unless_inputs_are_to_be_clean() -> None:
    family, both = built(**MLP), batch(with_sources=True)
    assert both.source is not None
    assert losses(family, both)["loss"] == pytest.approx(error(family, both.source, both.x))
    clean = built(**MLP, inputs="clean")
    assert losses(clean, both)["loss"] == pytest.approx(error(clean, both.x, both.x))


def test_its_own_damage_is_for_images_without_damaged_copies_and_differs_by_seed() -> None:
    family = built(**MLP, corruption={"kind": "masking", "amount": 0.5})
    plain, both = batch(), batch(with_sources=True)
    assert both.source is not None
    first, again, other = (losses(family, plain, seed)["loss"] for seed in (0, 0, 1))
    assert first == again != other
    assert first != error(family, plain.x, plain.x)
    assert losses(family, both)["loss"] == pytest.approx(error(family, both.source, both.x))


def test_penalties_are_added_with_their_weights_and_logged_without() -> None:
    family = built(
        **MLP, codes=[{"kind": "l1", "weight": 0.5}, {"kind": "contractive", "weight": 0.1}]
    )
    x = batch().x
    parts = losses(family, batch())
    codes = family.networks["encoder"](x)
    assert parts["l1"] == pytest.approx(float(codes.detach().abs().sum(1).mean()))
    norms = jacobian_norms(family.networks["encoder"], x).mean().detach()
    assert parts["contractive"] == pytest.approx(float(norms))
    expected = parts["reconstruction"] + 0.5 * parts["l1"] + 0.1 * parts["contractive"]
    assert parts["loss"] == pytest.approx(expected)


def test_a_trained_sparse_one_is_active_at_its_rate() -> None:
    penalty = {"kind": "sparse-kl", "weight": 0.1, "target": 0.1}
    family = built(**MLP | {"latent": 20}, code_activation="sigmoid", codes=[penalty])
    x = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    images = Batch(x, torch.zeros(64, dtype=torch.int64))
    optimizer = torch.optim.Adam(family.networks.parameters(), 0.02)
    assert (family.encode(x).mean(dim=0) > 0.3).all()
    for _ in range(150):
        optimizer.zero_grad()
        noise = family.noise(64, torch.Generator().manual_seed(0))
        family.loss(family.networks, images, noise)["loss"].backward()
        optimizer.step()
    assert family.encode(x).mean(dim=0).tolist() == pytest.approx([0.1] * 20, abs=0.03)


def test_codes_pass_through_their_activation() -> None:
    x = batch().x
    assert built(**MLP, code_activation="relu").encode(x).min() >= 0
    codes = built(**MLP, code_activation="sigmoid").encode(x)
    assert 0 < codes.min() < codes.max() < 1


def test_a_tied_decoder_has_the_encoders_weights_transposed() -> None:
    family = built(**MLP, tied=True)
    encoder, decoder = family.networks["encoder"], family.networks["decoder"]
    assert {name for name, _ in decoder.named_parameters()} == {"biases.0", "biases.1"}
    untied = sum(p.numel() for p in built(**MLP).networks.parameters())
    shared = 64 * 6 + 6 * 5
    assert sum(p.numel() for p in family.networks.parameters()) == untied - shared
    first, last = (layer for layer in encoder.body if isinstance(layer, nn.Linear))
    z = torch.rand(3, 5)
    hidden = nn.functional.leaky_relu(z @ last.weight + decoder.biases[0], 0.2)
    expected = (hidden @ first.weight + decoder.biases[1]).view(3, 1, 8, 8)
    torch.testing.assert_close(decoder(z), expected)
    with torch.no_grad():
        first.weight.mul_(2)
    assert not torch.allclose(decoder(z), expected)


def test_a_linear_tied_one_is_a_projection_at_its_optimum() -> None:
    """Without biases its loss is least where WᵀW is the projection on the first components."""
    family = built(network="mlp", depth=0, latent=2, tied=True)
    draws = torch.Generator().manual_seed(3)
    basis = torch.linalg.qr(torch.randn(64, 64, generator=draws)).Q
    scale = torch.tensor([0.9, 0.6, *[0.05] * 62])
    x = (torch.randn(500, 64, generator=draws) * scale) @ basis.T
    rows = Batch(x.view(-1, 1, 8, 8), torch.zeros(500, dtype=torch.int64))
    optimizer = torch.optim.Adam(family.networks.parameters(), 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        family.loss(family.networks, rows, {})["loss"].backward()
        optimizer.step()
    centred = x - x.mean(dim=0)
    components = torch.linalg.svd(centred, full_matrices=False).Vh[:2]
    best = (centred - centred @ components.T @ components).square().mean()
    assert losses(family, rows)["loss"] == pytest.approx(float(best), rel=0.01)
    span = torch.linalg.qr(family.networks["encoder"].body[0].weight.T).Q
    cosines = torch.linalg.svdvals(components @ span)
    assert cosines.min() > 0.996  # five degrees


def test_dropout_is_of_the_noise_and_only_in_training() -> None:
    family = built(**MLP, dropout=0.5)
    first, again, other = (losses(family, batch(), seed)["loss"] for seed in (0, 0, 1))
    assert first == again != other
    family.networks.eval()
    assert torch.equal(family.encode(batch().x), family.encode(batch().x))


def test_cross_entropy_is_of_the_decoders_log_odds() -> None:
    family, x = built(latent=3, width=4, loss="bce"), batch().x
    family.networks.eval()
    codes = family.encode(x)
    odds = family.networks["decoder"].logits(codes)
    expected = nn.functional.binary_cross_entropy_with_logits(odds, (x + 1) / 2)
    assert losses(family, batch())["loss"] == pytest.approx(float(expected))
    torch.testing.assert_close(family.decode(codes), 2 * odds.sigmoid() - 1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tied": True}, "tied and dropout go with network: mlp"),
        ({"dropout": 0.1}, "tied and dropout go with network: mlp"),
        (MLP | {"resampling": "pooling"}, "resampling goes with network: conv"),
        ({"codes": [{"kind": "contractive", "weight": 1.0}]}, "contractive goes with network: mlp"),
        ({"codes": [{"kind": "sparse-kl", "weight": 1.0}]}, "sparse-kl needs a target"),
        (
            {"codes": [{"kind": "sparse-kl", "weight": 1.0, "target": 0.1}]},
            "sparse-kl goes with code_activation: sigmoid",
        ),
        ({"codes": [{"kind": "l1", "weight": 1.0, "target": 0.1}]}, "l1 has no target"),
        ({"codes": [{"kind": "l1", "weight": 1.0}] * 2}, "codes name one kind twice"),
        ({"codes": [{"kind": "l3", "weight": 1.0}]}, "'sparse-kl'"),
        ({"loss": "l3"}, "'l2', 'l1', 'bce' or 'perceptual'"),
        ({"corruption": {"kind": "gaussian", "amount": 1.5}}, "less than 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        built(**settings)


def test_losses_of_pixels_are_refused_for_other_numbers() -> None:
    for settings in ({"loss": "bce"}, {"corruption": {"kind": "masking", "amount": 0.1}}):
        with pytest.raises(BadInput, match="8-bit pixels"):
            build_family("autoencoder", MLP | settings, ImageShape(2, 1, pixels=False))


def test_a_code_larger_than_the_image_is_warned_of_without_a_penalty() -> None:
    wide = MLP | {"latent": 70}
    with pytest.warns(UserWarning, match="a code of 70 numbers for images of 64 values"):
        build_family("autoencoder", wide, ImageShape(1, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held = wide | {"codes": [{"kind": "l1", "weight": 1.0}]}
        build_family("autoencoder", held, ImageShape(1, 8))


PERCEPTUAL = {"latent": 4, "width": 4, "loss": "perceptual", "features": "classifier:digits"}


def test_a_perceptual_loss_adds_the_distance_of_features() -> None:
    torch.manual_seed(0)
    family = build_family("autoencoder", PERCEPTUAL, ImageShape(1, 16))
    assert isinstance(family, Autoencoder)
    family.to("cpu")
    x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    images = Batch(x, torch.zeros(4, dtype=torch.int64))
    family.networks.eval()
    rebuilt = family.reconstruct(x)
    features = family.frozen_networks()[0].load("cpu")
    expected = (rebuilt - x).square().mean() + perceptual_error(features, x, rebuilt)
    assert losses(family, images)["loss"] == pytest.approx(float(expected))
    assert set(family.networks) == {"encoder", "decoder"}  # the frozen one is not stored


def test_a_perceptual_loss_needs_a_network_that_takes_the_images() -> None:
    with pytest.raises(BadInput, match="classifier:digits takes 1×16×16 images, not 1×8×8"):
        build_family("autoencoder", PERCEPTUAL, ImageShape(1, 8))
    with pytest.raises(ValidationError, match="perceptual needs features"):
        built(loss="perceptual")
    with pytest.raises(ValidationError, match="features go with loss: perceptual"):
        built(features="lpips:vgg")
