"""What a generator can minimise besides its side of the adversarial loss.

Each takes the discriminator's features of real and of made images, both N×F, and gives a 0-d tensor
without a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """‖E f(x) − E f(G(z))‖₂² (Salimans et al. 2016, arXiv:1606.03498, section 3.1)."""
    return (real.mean(dim=0) - fake.mean(dim=0)).square().sum()


GENERATOR_EXTRAS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "feature-matching": feature_matching,
}
"""By the `kind` that recipes give an entry of `generator: {extras: […]}`."""
