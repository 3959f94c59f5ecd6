"""Adversarial losses against their formulas, and against the game that they are of."""

import math

import pytest
import torch

from harness.objectives.adversarial import ADVERSARIAL_LOSSES, with_smoothed_labels

REAL, FAKE = torch.tensor([[2.0], [-0.5], [0.25]]).double(), torch.tensor([[-3.0], [1.5]]).double()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


FORMULAS = {
    "non-saturating": (
        lambda x: -math.log(sigmoid(x)), lambda x: -math.log(1 - sigmoid(x)),
        lambda x: -math.log(sigmoid(x)),
    ),
    "minimax": (
        lambda x: -math.log(sigmoid(x)), lambda x: -math.log(1 - sigmoid(x)),
        lambda x: math.log(1 - sigmoid(x)),
    ),
    "wasserstein": (lambda x: -x, lambda x: x, lambda x: -x),
    "hinge": (lambda x: max(0, 1 - x), lambda x: max(0, 1 + x), lambda x: -x),
    "least-squares": (
        lambda x: (x - 1) ** 2 / 2, lambda x: x**2 / 2, lambda x: (x - 1) ** 2 / 2,
    ),
}  # fmt: skip
"""Of an output: the discriminator's loss on real and on made images, and the generator's."""


def mean(function, values: torch.Tensor) -> float:
    return sum(map(function, values.flatten().tolist())) / values.numel()


@pytest.mark.parametrize("name", FORMULAS)
def test_both_sides_are_those_of_the_formula(name: str):
    loss = ADVERSARIAL_LOSSES[name]
    on_real, on_fake, generator = FORMULAS[name]
    expected = mean(on_real, REAL) + mean(on_fake, FAKE)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(expected, rel=1e-12)
    assert loss.generator(FAKE).item() == pytest.approx(mean(generator, FAKE), rel=1e-12)


def test_every_loss_has_its_formula_here():
    assert ADVERSARIAL_LOSSES.keys() == FORMULAS.keys() | {"relativistic-average"}


def test_a_relativistic_loss_compares_each_image_with_the_mean_of_the_others():
    loss = ADVERSARIAL_LOSSES["relativistic-average"]
    real, fake = REAL.flatten().tolist(), FAKE.flatten().tolist()
    real_mean, fake_mean = sum(real) / 3, sum(fake) / 2
    on_real = [sigmoid(x - fake_mean) for x in real]
    on_fake = [sigmoid(x - real_mean) for x in fake]
    discriminator = -sum(map(math.log, on_real)) / 3 - sum(math.log(1 - p) for p in on_fake) / 2
    generator = -sum(map(math.log, on_fake)) / 2 - sum(math.log(1 - p) for p in on_real) / 3
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(discriminator, rel=1e-12)
    assert loss.generator(REAL, FAKE).item() == pytest.approx(generator, rel=1e-12)


@pytest.mark.parametrize("ratio", [0.1, 0.8, 7.0])
def test_where_the_discriminator_plays_best_its_output_means_what_is_said(ratio: float):
    """On two points with densities p and q, the output that minimises p·l(real) + q·l(made)."""
    p, q = ratio / (1 + ratio), 1 / (1 + ratio)
    outputs = torch.linspace(-4, 4, 8001).double()
    best = {}
    for name in ("minimax", "least-squares", "hinge"):
        on_real, on_fake, _ = FORMULAS[name]
        losses = [p * on_real(x) + q * on_fake(x) for x in outputs.tolist()]
        best[name] = outputs[min(range(len(losses)), key=losses.__getitem__)].item()
    assert best["minimax"] == pytest.approx(math.log(p / q), abs=2e-3)  # the log odds
    assert best["least-squares"] == pytest.approx(p, abs=2e-3)
    assert best["hinge"] == pytest.approx(math.copysign(1, p - q), abs=2e-3)  # the likelier


def test_generators_are_driven_to_higher_outputs():
    for name, loss in ADVERSARIAL_LOSSES.items():
        outputs = FAKE.clone().clamp(-1, 0.9).requires_grad_()
        sides = (REAL, outputs) if loss.relative else (outputs,)
        (slope,) = torch.autograd.grad(loss.generator(*sides), outputs)
        assert (slope < 0).all(), name


def test_the_generators_gradient_for_a_fixed_discriminator():
    """By the output a: −σ(a) of log(1 − σ(a)), which vanishes where the discriminator is sure of a
    made image, and −(1 − σ(a)) of −log σ(a), which is largest there.
    """
    outputs = torch.linspace(-8, 8, 9).double()[:, None].requires_grad_()
    closed = {"minimax": -outputs.sigmoid(), "non-saturating": outputs.sigmoid() - 1}
    for name, expected in closed.items():
        loss = ADVERSARIAL_LOSSES[name].generator(outputs) * len(outputs)
        (slope,) = torch.autograd.grad(loss, outputs)
        torch.testing.assert_close(slope, expected.detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("smoothing", [(0.1, 0.0), (0.1, 0.1), (0.0, 0.2)])
def test_with_smoothed_labels_the_best_discriminator_is_that_of_the_closed_form(
    smoothing: tuple[float, float],
):
    """Where real images have the density p and made ones q: D* = ((1 − a)·p + b·q) / (p + q)."""
    real, fake = smoothing
    p, q = 0.7, 0.3
    loss = with_smoothed_labels(ADVERSARIAL_LOSSES["non-saturating"], real, fake).discriminator
    best = ((1 - real) * p + fake * q) / (p + q)
    output = torch.tensor(math.log(best / (1 - best)), dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, 1).double()  # the other side of the loss, which does not depend on it
    weighed = p * loss(output.expand(1, 1), zero) + q * loss(zero, output.expand(1, 1))
    (slope,) = torch.autograd.grad(weighed, output)
    assert slope.item() == pytest.approx(0, abs=1e-9)


def test_labels_that_are_not_smoothed_leave_the_loss_as_it_is():
    loss = ADVERSARIAL_LOSSES["minimax"]
    assert with_smoothed_labels(loss, 0.0, 0.0) is loss
