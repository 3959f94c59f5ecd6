"""Every metric the harness knows: what it is computed from, and how it is compared.

A `compute` function names the evidence it takes by its parameters. The log scale is for positive,
skewed quantities, of which a ratio says more than a difference: errors, distances and costs.
"""

from harness.metrics.catalogue import (
    adversary,
    conditional,
    cost,
    detection,
    distribution,
    likelihood,
    memorisation,
    modes,
    reconstruction,
    representation,
    structure,
    text,
    translation,
)

KINDS = (
    reconstruction, distribution, translation, conditional, modes, structure, memorisation,
    likelihood, text, detection, representation, adversary, cost,
)  # fmt: skip
"""The order in which tables show them."""

METRICS = {metric.name: metric for kind in KINDS for metric in kind.METRICS}
