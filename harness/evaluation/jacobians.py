"""How much an encoder's codes change with the values of an image, by forward differentiation.

Derivatives go forward, from the image to the code, and so through any `encode`, also one that keeps
no gradients.
"""

from __future__ import annotations

import torch
import torch.autograd.forward_ad as forward
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.core.seeding import generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import BATCH
from harness.evaluation.specs import evidence
from harness.metrics.codes import EXACT_VALUES, JACOBIAN_IMAGES, PROBES


@evidence(requires=("codes", "reference"))
def encoder_jacobian_norms(e: Evidence) -> Tensor:
    """The squared Frobenius norm of the encoder's Jacobian at each of the first `JACOBIAN_IMAGES`
    test images, n float64; values of images are in [-1, 1].

    Exact for images of up to `EXACT_VALUES` values, with one direction for each value. For larger
    ones it is the mean of ‖Ju‖² over `PROBES` random directions u of −1 and 1, drawn for each
    image: ‖J‖²_F in expectation (Hutchinson 1990, doi:10.1080/03610919008812866).
    """
    images = e["reference_images"][:JACOBIAN_IMAGES]
    draws = generator(e.seed, "jacobian", device=e.device)
    batches = (to_float(part.to(e.device)) for part in torch.split(images, BATCH))
    return torch.cat([_squared_norms(e, x, draws).cpu() for x in batches])


def _squared_norms(e: Evidence, x: Tensor, draws: torch.Generator) -> Tensor:
    values = x[0].numel()
    if values <= EXACT_VALUES:
        units = torch.eye(values, device=x.device).view(values, *x.shape[1:])
        return torch.stack([_changes(e, x, unit.expand_as(x)) for unit in units]).sum(dim=0)
    total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for _ in range(PROBES):
        signs = torch.randint(2, x.shape, generator=draws, device=x.device)
        total += _changes(e, x, 2.0 * signs - 1)
    return total / PROBES


def _changes(e: Evidence, x: Tensor, direction: Tensor) -> Tensor:
    """‖Ju‖² of the direction u at each image of x, n float64; 0 for codes that are piecewise
    constant, as of vector quantisation.
    """
    # Only this way to compute attention can be differentiated forward.
    with torch.no_grad(), forward.dual_level(), sdpa_kernel(SDPBackend.MATH):
        dual = forward.make_dual(x, direction)  # type: ignore[no-untyped-call]
        codes = forward.unpack_dual(e.model.encode(dual))  # type: ignore[no-untyped-call]
        change: Tensor | None = codes.tangent
    if change is None:
        return torch.zeros(len(x), dtype=torch.float64, device=x.device)
    return change.double().square().sum(dim=1)
