"""Vector-quantised autoencoders: two phases, samples from the prior alone, the codebook's needs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from ramps import Ramps

from harness.core.errors import BadInput
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.vq import VQ
from harness.training.init import initialise
from harness.training.loop import train

SMALL = {"width": 8, "entries": 16, "code_width": 4, "batch_size": 32, "prior": {"width": 8}}


def built(**settings: Any) -> VQ:
    shape = ImageShape(1, 16, classes=4)
    family = initialise(lambda: build_family("vq", SMALL | settings, shape), seed=0)
    assert isinstance(family, VQ)
    return family


def trained(family: VQ, steps: int = 20) -> VQ:
    train(family, Ramps(False), 32 * steps, seed=0, device=torch.device("cpu"))
    return family


@pytest.mark.parametrize("codebook", ["gradient", "average"])
def test_the_prior_phase_changes_the_prior_alone(codebook: str) -> None:
    whole = trained(built(codebook=codebook)).networks.state_dict()
    first = trained(built(codebook=codebook, prior={"width": 8, "share": 0.01}), 12)
    # 12 steps of autoencoding are those of 20 steps with two fifths for the prior.
    half = first.networks.state_dict()
    for name, tensor in whole.items():
        assert torch.equal(tensor, half[name]) != name.startswith("prior"), name


def test_samples_come_from_the_prior_alone() -> None:
    family = trained(built())
    before = family.sample(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in family.networks["encoder"].parameters():
            parameter.zero_()
    assert torch.equal(before, family.sample(3, torch.Generator().manual_seed(0)))
    assert not torch.equal(before, family.sample(3, torch.Generator().manual_seed(1)))


def test_reconstructions_are_of_the_codebooks_entries() -> None:
    family = trained(built())
    x = Ramps(False).batch(0).x[:5]
    symbols = family.symbols(x)
    assert symbols.shape == (5, 4, 4)
    assert 0 <= symbols.min() <= symbols.max() < 16
    book = family.networks["quantiser"].codebook
    maps = family.encode(x).view(5, 4, 4, 4)
    torch.testing.assert_close(maps, book[symbols].movedim(-1, 1))
    assert torch.equal(family.decode(family.encode(x)), family.reconstruct(x))


def test_the_codebook_moves_by_averages_and_has_no_gradient_there() -> None:
    family = built(codebook="average")
    player = family.phases()[0].players[0]
    start = family.networks["quantiser"].codebook.clone()
    batch = Ramps(False).batch(0)
    noise = player.noise(32, torch.Generator().manual_seed(0))
    family.networks.train()
    losses = player.loss(family.networks, batch, noise)
    assert "codebook" not in losses
    losses["loss"].backward()
    assert torch.equal(family.networks["quantiser"].codebook, start)
    assert player.after is not None
    player.after(family.networks, batch, noise)
    assert not torch.equal(family.networks["quantiser"].codebook, start)


def test_a_codebook_larger_than_a_batchs_codes_is_refused() -> None:
    with pytest.raises(BadInput, match="1000 entries for batches of 512 codes"):
        built(entries=1000)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput, match="factor 3 for images of 16×16 pixels"):
        built(factor=3)
    with pytest.raises(ValidationError, match="multiple of 4"):
        built(width=6)
    with pytest.raises(BadInput, match="8-bit pixels"):
        build_family("vq", SMALL | {"loss": "bce"}, ImageShape(1, 16, pixels=False))
