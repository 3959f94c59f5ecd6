"""Losses on codes: penalties for autoencoders, divergences from the prior for VAEs.

Codes are float N×d. Each function gives a 0-d tensor, a mean over the images, without a weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

Encoder = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class CodeInputs:
    """What a penalty may look at.

    `x` are the images N×C×S×S that were encoded and `codes` what the encoder made of them; `draws`
    are Gaussian numbers of the codes' shape; `target` is the rate that units are to be active at.
    """

    encoder: Encoder
    x: Tensor
    codes: Tensor
    draws: Tensor
    target: float


@dataclass(frozen=True)
class CodePenalty:
    """A penalty on codes, and what it takes.

    `of_rates`: codes in (0, 1), and a `target`. `each_alone`: an encoder that treats each image
    without the others of the batch, since it is differentiated. `of_prior`: codes whose prior is a
    standard Gaussian.
    """

    compute: Callable[[CodeInputs], Tensor]
    of_rates: bool = False
    each_alone: bool = False
    of_prior: bool = False


def _absolute(inputs: CodeInputs) -> Tensor:
    """E Σ |z_j|."""
    return inputs.codes.abs().sum(dim=1).mean()


def _squared(inputs: CodeInputs) -> Tensor:
    """E ½‖z‖²."""
    return inputs.codes.square().sum(dim=1).mean() / 2


def _rates(inputs: CodeInputs) -> Tensor:
    return rate_divergence(inputs.codes, inputs.target)


def _jacobian(inputs: CodeInputs) -> Tensor:
    return jacobian_norms(inputs.encoder, inputs.x).mean()


def _probed_jacobian(inputs: CodeInputs) -> Tensor:
    return probed_jacobian_norms(inputs.encoder, inputs.x, inputs.draws).mean()


def _discrepancy(inputs: CodeInputs) -> Tensor:
    return kernel_discrepancy(inputs.codes, inputs.draws)


CODE_PENALTIES: Mapping[str, CodePenalty] = {
    "l1": CodePenalty(_absolute),  # Olshausen & Field 1996, doi:10.1038/381607a0, equation 2
    "l2": CodePenalty(_squared),  # Ghosh et al. 2020, arXiv:1903.12436, section 3
    "sparse-kl": CodePenalty(_rates, of_rates=True),
    "contractive": CodePenalty(_jacobian, each_alone=True),
    "contractive-probed": CodePenalty(_probed_jacobian, each_alone=True),
    "mmd": CodePenalty(_discrepancy, of_prior=True),
}
"""By the `kind` that recipes give an entry of `codes:`."""


def rate_divergence(codes: Tensor, target: float) -> Tensor:
    """Σ_j KL(Bernoulli(ρ) ‖ Bernoulli(ρ̂_j)), with ρ the target and ρ̂_j the mean of unit j over the
    batch, of codes in (0, 1) (Ng 2011, CS294A lecture notes, section 3; Nair & Hinton 2009).
    """
    rates = codes.mean(dim=0).clamp(1e-6, 1 - 1e-6)
    active = target * (math.log(target) - rates.log())
    silent = (1 - target) * (math.log(1 - target) - (1 - rates).log())
    return (active + silent).sum()


def jacobian_norms(encoder: Encoder, x: Tensor) -> Tensor:
    """‖∂z/∂x‖²_F of each image, N (Rifai et al. 2011, ICML, equation 5): exact, by as many
    backward passes as a code has numbers.
    """
    codes, pull = _pullback(encoder, x)
    units = torch.eye(codes.shape[1], dtype=codes.dtype, device=codes.device)
    slopes = torch.func.vmap(lambda unit: pull(unit.expand_as(codes))[0])(units)
    norms: Tensor = slopes.square().flatten(2).sum(dim=(0, 2))
    return norms


def probed_jacobian_norms(encoder: Encoder, x: Tensor, probes: Tensor) -> Tensor:
    """‖Jᵀv‖² of each image, N, with Gaussian probes v N×d: ‖J‖²_F in expectation (Hutchinson 1990,
    doi:10.1080/03610919008812866), by one backward pass.
    """
    _, pull = _pullback(encoder, x)
    norms: Tensor = pull(probes)[0].square().flatten(1).sum(dim=1)
    return norms


def _pullback(encoder: Encoder, x: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]:
    """The codes of x, and what gives vᵀ∂z/∂x for v of their shape, itself differentiable."""
    codes, pull, *_ = torch.func.vjp(encoder, x)
    return codes, pull


def kernel_discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """The unbiased estimate of the squared maximum mean discrepancy of codes a and b, both N×d and
    N at least 2 (Gretton et al. 2012, JMLR 13:723, lemma 6), with the inverse multiquadratic kernel
    Σ_s C/(C + ‖a − b‖²), C = 2·d·s, of Tolstikhin et al. 2018 (arXiv:1711.01558, section 4) and of
    its authors' scales s.
    """
    n, dimensions = a.shape
    total = a.new_zeros(())
    within_a, within_b, between = (_squared_distances(p, q) for p, q in ((a, a), (b, b), (a, b)))
    others = 1 - torch.eye(n, dtype=a.dtype, device=a.device)
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        width = 2 * dimensions * scale
        within = width / (width + within_a) + width / (width + within_b)
        total = total + (within * others).sum() / (n * (n - 1))
        total = total - 2 * (width / (width + between)).mean()
    return total


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """N×M squared distances; differences rather than products, which would lose the small ones."""
    return (a[:, None] - b[None]).square().sum(dim=2)


def unit_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) ‖ N(0, 1)) of each unit, N×d nats."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) ‖ N(0, 1)) in nats, summed over dimension 1 (Kingma & Welling 2014,
    arXiv:1312.6114, appendix B).
    """
    return unit_kl(mean, logvar).sum(dim=1)


@dataclass(frozen=True)
class PosteriorInputs:
    """What a divergence from the prior may look at.

    A Gaussian for each image, its `mean` and `logvar` N×d, and a draw `z` N×d from it; `progress`,
    how far training is, 0-d in [0, 1], of a divergence that reads it; the recipe's `weight` (β) and
    `amount`.
    """

    mean: Tensor
    logvar: Tensor
    z: Tensor
    weight: float
    amount: float
    progress: Tensor | None = None

    @cached_property
    def kl(self) -> Tensor:
        """The mean over images of KL(q(z|x) ‖ p(z)), 0-d, in nats."""
        return gaussian_kl(self.mean, self.logvar).mean()


@dataclass(frozen=True)
class Divergence:
    """A term of a VAE's loss that holds codes to the prior.

    `amount` says what the recipe's number of that name is, "" where the term takes none;
    `reads_progress` whether it changes as training goes on.
    """

    compute: Callable[[PosteriorInputs], Tensor]
    amount: str = ""
    reads_progress: bool = False


def _weighted(inputs: PosteriorInputs) -> Tensor:
    """β·KL (Higgins et al. 2017, ICLR, equation 4)."""
    return inputs.weight * inputs.kl


def _annealed(inputs: PosteriorInputs) -> Tensor:
    """β·KL times min(1, progress / amount)."""
    assert inputs.progress is not None
    ramp = (inputs.progress / inputs.amount).clamp(max=1)
    return ramp * _weighted(inputs)


def _capacity(inputs: PosteriorInputs) -> Tensor:
    """β·|KL − C|, with C from 0 to `amount` in proportion to progress."""
    assert inputs.progress is not None
    return inputs.weight * (inputs.kl - inputs.amount * inputs.progress).abs()


def _free_bits(inputs: PosteriorInputs) -> Tensor:
    """β·Σ_j max(λ, E KL_j)."""
    kl = unit_kl(inputs.mean, inputs.logvar).mean(dim=0)
    return inputs.weight * kl.clamp(min=inputs.amount).sum()


def _total_correlation(inputs: PosteriorInputs) -> Tensor:
    """I(x; z) + β·TC + Σ_j KL(q(z_j) ‖ p(z_j))."""
    information, correlation, units = decompose_kl(inputs.z, inputs.mean, inputs.logvar)
    return information + inputs.weight * correlation + units


DIVERGENCES: Mapping[str, Divergence] = {
    "weighted": Divergence(_weighted),
    # Bowman et al. 2016, arXiv:1511.06349, section 3.1; a linear ramp.
    "annealed": Divergence(_annealed, "the share of training after which it has its weight", True),
    # Burgess et al. 2018, arXiv:1804.03599, equation 8.
    "capacity": Divergence(_capacity, "the nats that codes carry at the end", True),
    # Kingma et al. 2016, arXiv:1606.04934, equation 15.
    "free-bits": Divergence(_free_bits, "the nats that each unit carries for nothing"),
    # Chen et al. 2018, arXiv:1802.04942, equation 4.
    "total-correlation": Divergence(_total_correlation),
}
"""By the `kind` that recipes give as `divergence:`."""


def decompose_kl(z: Tensor, mean: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Estimates of the three parts of E KL(q(z|x) ‖ p(z)): the information I(x; z), the total
    correlation KL(q(z) ‖ Π q(z_j)) and the units' KL(q(z_j) ‖ p(z_j)), which add up to
    E log q(z|x) − log p(z) exactly (Chen et al. 2018, arXiv:1802.04942, equation 2).

    z, mean and logvar are N×d of a batch. q(z) is the mean over the batch's posteriors: the paper's
    minibatch-weighted sampling (equation 3), but for the constant of the number of training images,
    which moves the values and no gradient.
    """
    constant = math.log(2 * math.pi)
    # log q(z_j of image n | image m), N×N×d.
    pairs = -0.5 * (
        (z[:, None] - mean[None]).square() * (-logvar[None]).exp() + logvar[None] + constant
    )
    size = math.log(len(z))
    of_own = -0.5 * ((z - mean).square() * (-logvar).exp() + logvar + constant).sum(dim=1)
    of_all = pairs.sum(dim=2).logsumexp(dim=1) - size
    of_units = (pairs.logsumexp(dim=1) - size).sum(dim=1)
    of_prior = -0.5 * (z.square() + constant).sum(dim=1)
    return (of_own - of_all).mean(), (of_all - of_units).mean(), (of_units - of_prior).mean()


def permuted_units(z: Tensor, order: Tensor) -> Tensor:
    """Codes N×d with each unit permuted over the images by the ranks of `order` N×d: what is drawn
    from the product of the units' distributions (Kim & Mnih 2018, arXiv:1802.05983, algorithm 1).
    """
    return z.gather(0, order.argsort(dim=0))
