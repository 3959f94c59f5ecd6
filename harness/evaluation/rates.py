"""How long the codes of test images are."""

from __future__ import annotations

import math

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.requirements import Candidate, of_model
from harness.evaluation.specs import evidence
from harness.families.capabilities import Compresses, Posterior
from harness.objectives.codes import unit_kl


@of_model
def _no_rate(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, Compresses | Posterior):
        return None
    return f"{candidate.model} does not write images as bits"


@evidence(requires=("posterior", "reference"))
def unit_kl_nats(e: Evidence) -> Tensor:
    """KL(q(z_j|x) ‖ N(0, 1)) of each unit of each test image's code, n×d."""
    return unit_kl(e["posterior_means"].double(), e["posterior_logvars"].double())


@evidence(requires=("reference",), unavailable=_no_rate)
def code_bits(e: Evidence) -> Tensor:
    """The bits that each test image's code takes, n: the model's own count, or the divergence of
    its posterior from the prior, which bits-back coding reaches (Hinton & van Camp 1993).
    """
    if isinstance(e.model, Compresses):
        return map_batches(e, e["reference_images"], e.model.code_bits)
    bits: Tensor = e["unit_kl_nats"].sum(dim=1) / math.log(2)
    return bits
