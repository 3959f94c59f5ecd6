"""Damage to inputs by draws that come as noise."""

from __future__ import annotations

import pytest
import torch

from harness.objectives.input_noise import INPUT_NOISE, draw_input_noise

SHAPE = (200, 2, 12, 12)


def damaged(kind: str, amount: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(SHAPE, generator=torch.Generator().manual_seed(9)) - 0.5
    draws = draw_input_noise(kind, SHAPE, torch.Generator().manual_seed(seed))
    return x, INPUT_NOISE[kind].apply(x, draws, amount)


def test_gaussian_noise_has_its_standard_deviation_where_white_is_one() -> None:
    x, noisy = damaged("gaussian", 0.05)
    assert float((noisy - x).std()) / 2 == pytest.approx(0.05, rel=0.01)
    assert damaged("gaussian", 0.9)[1].abs().max() <= 1


def test_masking_turns_a_share_of_the_pixels_black_in_all_channels() -> None:
    x, masked = damaged("masking", 0.25)
    changed = masked != x
    assert (masked[changed] == -1).all()
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert float(changed.double().mean()) == pytest.approx(0.25, abs=0.01)


def test_salt_and_pepper_is_half_black_and_half_white() -> None:
    x, noisy = damaged("saltpepper", 0.4)
    black, white = (noisy == -1), (noisy == 1)
    assert torch.equal(noisy[~black & ~white], x[~black & ~white])
    for colour in (black, white):
        assert torch.equal(colour[:, 0], colour[:, 1])
        assert float(colour.double().mean()) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("kind", INPUT_NOISE)
def test_damage_is_another_with_another_seed_and_the_same_with_the_same(kind: str) -> None:
    first, again, other = (damaged(kind, 0.3, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
