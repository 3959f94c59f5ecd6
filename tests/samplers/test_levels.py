"""The noise levels that samplers visit."""

from __future__ import annotations

import pytest
import torch

from harness.objectives.denoising import alpha_bar
from harness.samplers.levels import (
    even_levels,
    karras_sigmas,
    karras_timestep_levels,
    sigma_levels,
    timestep_levels,
)


def test_karras_sigmas_are_equation_5() -> None:
    sigmas = karras_sigmas(0.002, 80, 18)
    for i, sigma in enumerate(sigmas.tolist()):
        ends = 80 ** (1 / 7), 0.002 ** (1 / 7)
        assert sigma == pytest.approx((ends[0] + i / 17 * (ends[1] - ends[0])) ** 7)
    assert karras_sigmas(0.002, 80, 1).tolist() == [pytest.approx(80)]


def test_timesteps_are_evenly_spaced_from_the_last_to_the_first() -> None:
    left = alpha_bar("linear", 1000)
    levels = timestep_levels(left, 4)
    assert levels.times.tolist() == [999, 666, 333, 0]
    torch.testing.assert_close(levels.signal.square(), left[levels.times])
    torch.testing.assert_close(
        levels.signal.square() + levels.noise.square(), torch.ones(4).double()
    )
    signal, noise = levels.next_ones()
    assert (signal[-1].item(), noise[-1].item()) == (1, 0)
    assert torch.equal(signal[:-1], levels.signal[1:])


def test_even_levels_begin_steps_of_one_width() -> None:
    """The last step leads from the first level to the image, which lies one timestep before 0."""
    left = alpha_bar("cosine", 12)
    for steps, times in [(1, [11]), (3, [11, 7, 3]), (12, [*range(11, -1, -1)])]:
        levels = even_levels(left, steps)
        assert levels.times.tolist() == times
        torch.testing.assert_close(levels.signal.square(), left[levels.times])
        torch.testing.assert_close(levels.noise.square(), 1 - left[levels.times])


def test_levels_between_timesteps_meet_them_where_sigmas_do() -> None:
    left = alpha_bar("cosine", 1000)
    levels = karras_timestep_levels(left, 30)
    assert levels.times[0].item() == pytest.approx(999)
    assert levels.times[-1].item() == pytest.approx(0, abs=1e-6)
    assert (levels.times.diff() < 0).all()
    torch.testing.assert_close(
        levels.signal.square() + levels.noise.square(), torch.ones(30).double()
    )
    below, above = levels.times.floor().long(), levels.times.ceil().long()
    assert (levels.signal.square() <= left[below] + 1e-9).all()
    assert (levels.signal.square() >= left[above] - 1e-9).all()


def test_inputs_of_the_network_have_the_type_of_the_images() -> None:
    x = torch.zeros(2, 1, 2, 2)
    whole = timestep_levels(alpha_bar("linear", 100), 3).as_inputs(x)
    assert [level.time.dtype for level in whole] == [torch.int64] * 3
    assert whole[0].signal.dtype == torch.float32
    levels = sigma_levels(karras_sigmas(0.1, 9.0, 3), torch.log)
    assert levels.start == pytest.approx(9)
    assert levels.as_inputs(x)[0].time.dtype == torch.float32
