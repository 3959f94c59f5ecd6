"""Deep SVDD: no biases, the centre of a first pass, and distances from it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ramps import Ramps
from torch import nn

from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Encodes, Reconstructs, ScoreMaps, Scores
from harness.families.deep_svdd import DeepSVDD
from harness.networks.bias_free import NEAR_ZERO, Centre
from harness.training.init import initialise
from harness.training.loop import train

SMALL = {"width": 4, "latent": 6, "batch_size": 32}


def built(**settings: Any) -> DeepSVDD:
    shape = ImageShape(1, 16)
    family = initialise(lambda: build_family("deep-svdd", SMALL | settings, shape), seed=0)
    assert isinstance(family, DeepSVDD)
    return family


def trained(family: DeepSVDD, steps: int) -> DeepSVDD:
    train(
        family, Ramps(False), 32 * steps, seed=0, device=torch.device("cpu"), horizon_images=32 * 10
    )
    return family


def test_the_encoder_has_weights_alone() -> None:
    encoder = built().networks["encoder"]
    assert all(name.endswith("weight") for name, _ in encoder.named_parameters())
    kinds = {type(m) for m in encoder.modules() if list(m.parameters(recurse=False))}
    assert kinds == {nn.Conv2d, nn.Linear}, "normalisation learns nothing"


def test_the_centre_is_the_mean_code_away_from_zero() -> None:
    centre = Centre(4)
    codes = torch.tensor([[1.0, 0.05, -0.05, 0.0], [3.0, 0.05, -0.05, 0.0]])
    centre.fit(codes)
    assert centre.point.tolist() == pytest.approx([2, NEAR_ZERO, -NEAR_ZERO, NEAR_ZERO])
    assert centre(codes).tolist() == pytest.approx([1 + 0.05**2 * 2 + 0.01, 1 + 0.05**2 * 2 + 0.01])


def test_the_description_begins_with_the_mean_of_pretrained_codes() -> None:
    # Of ten steps four are the autoencoder's: stopped there, the next thing is the centre.
    pretrained = trained(built(), 4)
    codes = torch.cat([pretrained.encode(batch.x) for batch in Ramps(False).epoch()])
    expected = Centre(6)
    expected.fit(codes)
    whole = trained(built(), 10)
    torch.testing.assert_close(whole.networks["centre"].point, expected.point)
    assert torch.equal(pretrained.networks["centre"].point, torch.zeros(6))


def test_the_decoder_is_frozen_in_the_description() -> None:
    before, after = (trained(built(), steps).networks["decoder"].state_dict() for steps in (4, 10))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_without_pretraining_there_is_one_phase_and_no_decoder() -> None:
    family = built(pretraining=0)
    assert [phase.name for phase in family.phases()] == ["description"]
    assert "decoder" not in family.networks
    trained(family, 10)
    assert not torch.equal(family.networks["centre"].point, torch.zeros(6))


def test_a_score_is_the_squared_distance_of_a_code_from_the_centre() -> None:
    family = trained(built(), 10)
    x = Ramps(False).batch(0).x[:5]
    distances = torch.cdist(family.encode(x), family.networks["centre"].point[None])[:, 0] ** 2
    torch.testing.assert_close(family.score(x), distances)
    found = {
        kind for kind in (Encodes, Scores, Reconstructs, ScoreMaps) if isinstance(family, kind)
    }
    assert found == {Encodes, Scores}


def test_the_loss_is_the_mean_score_of_the_batch() -> None:
    family, batch = trained(built(), 10), Ramps(False).batch(0)
    loss = family.loss(family.networks, batch, {})["loss"]
    assert float(loss) == pytest.approx(float(family.score(batch.x).mean()), rel=1e-5)
