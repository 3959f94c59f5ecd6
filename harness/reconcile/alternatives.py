"""The other values that each field of a protocol may have had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.errors import BadInput
from harness.evaluation.specs import Role
from harness.extractors import EXTRACTORS, PERCEPTUALS
from harness.extractors.inception import RESIZES as INCEPTIONS
from harness.extractors.lpips_networks import TRUNKS
from harness.networks import weight_files
from harness.plan.setup import check_demands
from harness.reconcile.claimed_number import ClaimedNumber
from harness.reconcile.estimators import estimators_of
from harness.reconcile.preparation import CROPS, REPEATED_CROPS, RESIZES, encodings
from harness.reconcile.protocol import Deviation, ImageCount, ScoringProtocol, SubsetSeed

COUNTS = (50_000, 30_000, 25_000, 20_000, 10_000, 5_000, 2_500, 2_048, 2_000, 1_000, 500)
"""Numbers of images that papers use."""
EXTRAPOLATED = (10_000, 50_000)
FEWEST = 500
"""Samples from which a distance is extrapolated to more."""
SEEDS = (
    *(SubsetSeed("numpy", seed) for seed in (0, 1, 42, 123, 1234, 2020)),
    *(SubsetSeed("torch", seed) for seed in (0, 1, 42, 123, 1234)),
)


@dataclass(frozen=True)
class SearchSpace:
    """What deviations depend on: the claim, the names of references, the numbers of samples and of
    reference images (0 where only statistics are known), further networks, whether any image is
    resized, and whether images are square.
    """

    claim: ClaimedNumber
    sources: tuple[str, ...]
    samples: int
    reference: int
    networks: Sequence[str] = ()
    is_resized: bool = False
    is_square: bool = True


def list_deviations(default: ScoringProtocol, space: SearchSpace) -> list[Deviation]:
    """All single deviations from the default protocol."""
    deviations = [Deviation("reference", name) for name in space.sources]
    deviations += _counts(space)
    deviations += [Deviation("subset_seed", seed) for seed in SEEDS]
    sides = ("samples", "reference", "both") if space.reference else ("samples",)
    deviations += [Deviation("encoding", each) for each in encodings() if each.startswith(sides)]
    deviations += [Deviation("network", network) for network in space.networks]
    deviations += [Deviation("estimator", name) for name in estimators_of(space.claim.metric)]
    if space.is_square:
        crops = (*(CROPS if space.is_resized else ()), *REPEATED_CROPS)
        deviations += [Deviation("crop", crop) for crop in crops]
        deviations += [Deviation("resize", resize) for resize in RESIZES]
    return [each for each in deviations if getattr(default, each.field) != each.value]


def _counts(space: SearchSpace) -> Iterator[Deviation]:
    samples, reference = space.samples, space.reference
    for count in _fewer(samples, reference):
        yield Deviation("sample_count", ImageCount("first", count))
        yield Deviation("sample_count", ImageCount("random", count))
    if space.claim.is_of_pairs:
        return
    for count in _fewer(reference, samples):
        yield Deviation("reference_count", ImageCount("first", count))
        yield Deviation("reference_count", ImageCount("random", count))
    if space.claim.metric == "fid" and samples >= FEWEST and reference:
        for count in EXTRAPOLATED:
            if count > samples:
                yield Deviation("sample_count", ImageCount("extrapolated", count))


def _fewer(count: int, other: int) -> list[int]:
    """The usual numbers of images below `count`, and the number of the other side."""
    return sorted({each for each in (*COUNTS, other) if 1 < each < count}, reverse=True)


def other_networks(
    role: Role, default: str, names: Sequence[str], shape: tuple[int, int, int]
) -> list[str]:
    """The networks to try in place of the default one on images of shape C×H×W: the named networks,
    and the package's networks of the same kind that take such images and whose weights are on this
    machine. Raises BadInput where a named network is unknown or does not take such images.
    """
    for name in names:
        check_demands(role, name, shape)
    registry = EXTRACTORS if role == "extractor" else PERCEPTUALS
    classifiers = [
        name for name in registry.names() if "classifier:" in name and _fits(role, name, shape)
    ]
    return [
        name for name in dict.fromkeys([*names, *_kin(default), *classifiers]) if name != default
    ]


def _kin(name: str) -> list[str]:
    """The same network with other ways of resizing; for LPIPS the trunks with weights at hand."""
    if name in INCEPTIONS:
        return list(INCEPTIONS)
    if name.startswith("lpips:"):
        return [f"lpips:{net}" for net, trunk in TRUNKS.items() if _is_at_hand(trunk.weights.name)]
    return []


def _is_at_hand(file: str) -> bool:
    return any((folder / file).is_file() for folder in weight_files.folders())


def _fits(role: Role, name: str, shape: tuple[int, int, int]) -> bool:
    try:
        check_demands(role, name, shape)
    except BadInput:
        return False
    return True
