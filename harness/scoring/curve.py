"""How distances depend on the number of samples, and where they lead to."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.errors import BadInput
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig
from harness.metrics import Extrapolation, SizePoint, frechet_infinity, sample_size_curve
from harness.metrics.base import Caveat
from harness.scoring.sets import Sets

POINTS, FEWEST = 6, 30
"""The set is halved, at most so many sizes in all, and none has fewer images than that."""


@dataclass(frozen=True)
class Curve:
    """FID and KID of random subsets of the samples, the FID that endlessly many would have, and
    what must be known of that.
    """

    points: list[SizePoint]
    limit: Extrapolation
    caveats: tuple[str, ...]

    def document(self, setup: EvalConfig) -> dict[str, Any]:
        """Plain values for JSON, with the network that the features are of."""
        network = setup.instruments["extractor"]
        limit = asdict(self.limit)
        return {
            "extractor": network.label,
            "preprocessing": network.preprocessing,
            "points": [
                {"size": point.size, "fid": point.frechet, "kid": asdict(point.kernel)}
                for point in self.points
            ],
            "fid_infinity": {**limit.pop("estimate"), **limit},
            "caveats": list(self.caveats),
        }


def size_curve(evidence: Evidence) -> Curve:
    """The curve of the samples against the reference; BadInput for too few samples."""
    samples, reference = evidence["sample_features"], evidence["reference_features"]
    sizes = ladder(len(samples))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Caveat)
        limit = frechet_infinity(samples, reference)
        points = sample_size_curve(samples, reference, sizes)
    caveats = [str(warning.message) for warning in caught if warning.category is Caveat]
    network = evidence.setup.instruments.get("extractor")
    caveats += [network.caveat] if network and network.caveat else []
    return Curve(points, limit, tuple(dict.fromkeys(caveats)))


def check_curve(sets: Sets) -> None:
    """Raise BadInput before any work where there can be no curve."""
    if not sets.reference:
        raise BadInput("--curve needs something to compare with; give --reference")
    ladder(len(sets.samples))


def ladder(count: int) -> list[int]:
    """The sizes, ascending: all samples, half of them, and so on."""
    sizes = [count >> step for step in range(POINTS) if count >> step >= FEWEST]
    if len(sizes) < 2:
        raise BadInput(f"a curve needs at least {2 * FEWEST} samples, not {count}")
    return sizes[::-1]
