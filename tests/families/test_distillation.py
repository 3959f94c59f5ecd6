"""Few-step samplers: progressive distillation, consistency models and rectified flows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from exact_denoisers import ONE
from pydantic import ValidationError
from torch import Tensor

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.consistency import edm_level
from harness.families.distillation import distillation_image
from harness.families.rectified_flow import Pairs
from harness.objectives.consistency import (
    consistency_function,
    consistency_out,
    consistency_skip,
    multistep,
)
from harness.objectives.denoising import NoiseLevel, add_noise, alpha_bar
from harness.samplers.ddim import ddim
from harness.samplers.heun import heun_step
from harness.samplers.levels import even_levels

SHAPE = ImageShape(1, 8)
DISTILLED = {"width": 1, "target": "v", "schedule": "cosine", "timesteps": 64}
IMAGES = torch.linspace(-1, 1, 16)[:, None, None, None].expand(16, 1, 8, 8)
BATCH = Batch(IMAGES, torch.zeros(16, dtype=torch.int64))


def distilled(steps: int = 1, **settings: Any) -> Any:
    torch.manual_seed(0)
    of_steps = {"student_steps": steps, "sampling": {"steps": steps, "clip": False}}
    return build_family("distilled-diffusion", {**DISTILLED, **of_steps, **settings}, SHAPE)


def exact(family: Any) -> Any:
    """The network of the exact denoiser."""
    process = family.networks["noising"]

    def network(x: Tensor, t: Tensor) -> Tensor:
        level = process(t)
        image, epsilon, _ = ONE.denoise(x, level)
        return family.target.value(image, epsilon, level)  # type: ignore[no-any-return]

    return network


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_steps_are_halved_from_the_teachers(steps: int) -> None:
    phases = distilled(steps).phases()
    rounds = [8, 4, 2, 1][: [8, 4, 2, 1].index(steps) + 1]
    assert [phase.name for phase in phases] == ["teacher", *(f"{n}-steps" for n in rounds)]
    assert sum(phase.share for phase in phases) == pytest.approx(1)


def test_students_know_no_model_without_the_condition() -> None:
    with pytest.raises(ValidationError, match="without condition_dropout"):
        distilled(conditional=True, condition_dropout=0.1)


def test_one_step_with_the_aim_leads_where_two_of_the_teacher_do() -> None:
    """By the library's own DDIM in 2 steps and in 1."""
    family = distilled(1)
    network = exact(family)
    family.networks["teacher"].forward = network
    noise = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    left = alpha_bar("cosine", 64)
    two = ddim(ONE.denoise, noise, even_levels(left, 2), torch.Generator())
    step = torch.ones(16, dtype=torch.int64)
    start, end = (family._level(family.networks, step, 1, half) for half in (0, 2))
    assert float(end.signal.min()) == 1
    assert float(end.noise.max()) == 0
    aims = {}

    def student(x: Tensor, t: Tensor) -> Tensor:
        aims["x"] = x
        return torch.zeros_like(x)

    family.networks["denoiser"].forward = student
    x0 = (noise - start.noise * noise) / start.signal  # so that x_t is the noise itself
    given = {"step": step, "epsilon": noise}
    batch = Batch(x0, BATCH.labels)
    loss = family.step_loss(1, family.networks, batch, given)["loss"]
    torch.testing.assert_close(aims["x"], noise, rtol=1e-4, atol=1e-4)
    aim = distillation_image(noise, two, start, end)
    torch.testing.assert_close(aim, two)  # the step ends at the image
    epsilon = (noise - start.signal * two) / start.noise
    expected = (start.signal * epsilon - start.noise * two).square().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-3)


@pytest.mark.parametrize("steps", [2, 4])
def test_the_aim_is_undone_by_one_step_of_ddim(steps: int) -> None:
    family = distilled(steps)
    draws = torch.Generator().manual_seed(0)
    step = torch.randint(1, steps + 1, (16,), generator=draws)
    start, end = (family._level(family.networks, step, steps, half) for half in (0, 2))
    x, last = torch.randn(2, 16, 1, 8, 8, generator=draws)
    aim = distillation_image(x, last, start, end)
    epsilon = (x - start.signal * aim) / start.noise
    torch.testing.assert_close(add_noise(aim, epsilon, end), last, rtol=1e-3, atol=1e-4)


def test_a_student_of_a_perfect_teacher_that_is_perfect_at_once_has_no_loss() -> None:
    """Where all data are one image the exact denoiser is the same at every level."""
    family = distilled(2)
    image = torch.linspace(-0.5, 0.5, 64).view(1, 1, 8, 8)

    def network(x: Tensor, t: Tensor) -> Tensor:
        level = family.networks["noising"](t)
        epsilon = (x - level.signal * image) / level.noise
        return family.target.value(image.expand_as(x), epsilon, level)  # type: ignore[no-any-return]

    for name in ("teacher", "denoiser"):
        family.networks[name].forward = network
    batch = Batch(image.expand(16, 1, 8, 8), BATCH.labels)
    noise = family.step_noise(2, 16, torch.Generator().manual_seed(0))
    assert family.step_loss(2, family.networks, batch, noise)["loss"].item() < 1e-6
    torch.testing.assert_close(
        family.sample(2, torch.Generator()), image.expand(2, 1, 8, 8), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher_steps": 12, "student_steps": 8}, "halved once or more"),
        ({"timesteps": 100}, "does not divide timesteps"),
        ({"sampling": {"steps": 3}}, "sampling is DDIM in student_steps, 1"),
        ({"target": "epsilon"}, "needs target: v"),
    ],
)
def test_settings_of_distillation_that_make_no_sense_are_refused(
    settings: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        distilled(**settings)


def test_a_consistency_function_is_the_identity_at_the_least_noise() -> None:
    sigma = torch.tensor(0.002, dtype=torch.float64)
    assert consistency_skip(sigma, 0.5, 0.002).item() == 1
    assert consistency_out(sigma, 0.5, 0.002).item() == 0
    function = consistency_function(lambda x, t: 7 + 0 * x, 0.5, 0.002)
    x = torch.randn(3, 1, 2, 2, dtype=torch.float64)
    assert torch.equal(function(x, edm_level(sigma)), x)
    other = edm_level(torch.tensor(1.0, dtype=torch.float64))
    assert not torch.equal(function(x, other), x)


def test_the_coefficients_are_those_of_the_paper() -> None:
    sigma, s, least = torch.tensor(3.0, dtype=torch.float64), 0.5, 0.002
    assert consistency_skip(sigma, s, least).item() == pytest.approx(
        s**2 / ((3 - least) ** 2 + s**2), rel=1e-12
    )
    assert consistency_out(sigma, s, least).item() == pytest.approx(
        s * (3 - least) / (s**2 + 9) ** 0.5, rel=1e-12
    )


def consistency(**settings: Any) -> Any:
    torch.manual_seed(0)
    base = {"width": 1, "preconditioning": {"kind": "edm"}, "sampling": {"steps": 2}}
    return build_family("consistency", {**base, **settings}, SHAPE)


def test_the_target_network_follows_and_the_student_begins_as_the_teacher() -> None:
    family = consistency(decay=0.75)
    _, phase = family.phases()
    phase.begin(family.networks, None, None)
    first = {n: next(family.networks[n].parameters()) for n in ("teacher", "follower", "denoiser")}
    assert torch.equal(first["teacher"], first["denoiser"])
    with torch.no_grad():
        first["denoiser"].add_(1)
        (player,) = phase.players
        player.after(family.networks, BATCH, {})
    torch.testing.assert_close(first["follower"], first["teacher"] + 0.25)


def test_a_consistency_loss_of_the_exact_flow_is_only_the_solvers_error() -> None:
    """Of one Gaussian the path from x at σ ends at shift + d·(x − shift)/√(d² + σ²)."""
    family = consistency(levels=80)
    edm = family.settings.preconditioning

    def end(x: Tensor, sigma: Tensor) -> Tensor:
        scale = (ONE.d**2 + edm.sigma_min**2) ** 0.5 / (ONE.d**2 + sigma.square()).sqrt()
        return ONE.shift + scale * (x - ONE.shift)

    def exact_function(network: Any) -> Any:
        return lambda x, level: end(x, level.noise)

    family._function = exact_function

    def teacher(scaled: Tensor, time: Tensor) -> Tensor:
        sigma = (4 * time).exp()[:, None, None, None]
        level = NoiseLevel(time, torch.ones_like(sigma), sigma)
        x = scaled * (sigma.square() + edm.sigma_data**2).sqrt()
        return family.target.value(*ONE.denoise(x, level)[:2], level)  # type: ignore[no-any-return]

    family.networks["teacher"].forward = teacher
    noise = family.pair_noise(16, torch.Generator().manual_seed(0))
    assert family.consistency_loss(family.networks, BATCH, noise)["loss"].item() < 1e-4


def test_a_step_of_heun_is_the_samplers() -> None:
    more, less = (edm_level(torch.tensor(s, dtype=torch.float64)) for s in (2.0, 1.9))
    x = torch.linspace(-2, 2, 5, dtype=torch.float64).view(5, 1, 1, 1)
    scale = ((ONE.d**2 + 1.9**2) / (ONE.d**2 + 4)) ** 0.5
    expected = ONE.shift + scale * (x - ONE.shift)
    torch.testing.assert_close(
        heun_step(ONE.denoise, x, less.noise - more.noise, more, less), expected, rtol=0, atol=1e-4
    )


def test_further_steps_add_noise_up_to_the_next_level() -> None:
    levels = [edm_level(torch.tensor(s)) for s in (80.0, 3.0)]
    seen: list[Tensor] = []

    def function(x: Tensor, level: NoiseLevel) -> Tensor:
        seen.append(x)
        return torch.zeros_like(x)

    multistep(function, torch.zeros(4000, 1, 2, 2), levels, 0.002, torch.Generator().manual_seed(0))
    assert seen[1].std().item() == pytest.approx(3, rel=0.02)


def test_pairs_are_the_ends_of_the_flows_paths() -> None:
    networks = torch.nn.ModuleDict({"denoiser": torch.nn.Identity()})
    networks["denoiser"].forward = lambda x, t: torch.full_like(x, 0.25)
    pairs = Pairs(10, (1, 2, 2))
    pairs.make(4, networks, None, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    torch.testing.assert_close(pairs.end, pairs.start + 0.25)
    noise = pairs(networks, BATCH, {"pair": torch.tensor([3, 3, 7])})
    assert torch.equal(noise["epsilon"], pairs.start[[3, 3, 7]])
    assert torch.equal(noise["end"], pairs.end[[3, 3, 7]])


def test_reflow_of_straight_paths_has_no_loss() -> None:
    """Where one velocity is right everywhere the second phase has nothing to learn."""
    family: Any = build_family("rectified-flow", {"width": 1, "pairs": 32, "pair_steps": 3}, SHAPE)
    family.networks["denoiser"].forward = lambda x, t: torch.full_like(x, -0.5)
    _, phase = family.phases()
    (player,) = phase.players
    phase.begin(family.networks, None, torch.Generator().manual_seed(0))
    noise = player.noise(16, torch.Generator().manual_seed(1))
    noise = player.prepare(family.networks, BATCH, noise)
    assert player.loss(family.networks, BATCH, noise)["loss"].item() < 1e-10


def test_samples_of_a_consistency_model_take_steps_alone() -> None:
    with pytest.raises(ValidationError, match="takes steps alone"):
        consistency(sampling={"kind": "heun", "steps": 2})
    with pytest.raises(ValidationError, match="takes steps alone"):
        consistency(sampling={"steps": 2, "clip": False})
    with pytest.raises(ValidationError, match="needs preconditioning"):
        consistency(preconditioning=None)
