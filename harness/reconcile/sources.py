"""What samples may have been compared with: sets of images, or statistics of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import SPLITS
from harness.metrics import FeatureStatistics
from harness.metrics.statistics import Moments
from harness.reconcile.claimed_number import ClaimedNumber
from harness.scoring.moments import has_images
from harness.scoring.statistics import is_statistics, load_statistics

OF_STATISTICS = ("fid", "sfid")


@dataclass(frozen=True)
class ReferenceSource:
    """A reference by `name`: the images at `places`, taken together, or `statistics` alone."""

    name: str
    places: tuple[str, ...] = ()
    statistics: FeatureStatistics | Moments | None = None


def reference_sources(
    places: Sequence[str], claim: ClaimedNumber, how: OpenOptions
) -> dict[str, ReferenceSource]:
    """The references at these places by name, and other references that may have been meant: the
    other split of a dataset, both splits, the images beside statistics. The first is the default.
    Raises BadInput where a place has neither images nor statistics from which the metric can be
    computed.
    """
    sources: dict[str, ReferenceSource] = {}
    for place in dict.fromkeys(places):
        for source in _at_place(place, claim, how):
            sources.setdefault(source.name, source)
    return sources


def _at_place(place: str, claim: ClaimedNumber, how: OpenOptions) -> Iterator[ReferenceSource]:
    if not is_statistics(place):
        yield ReferenceSource(place, (place,))
        if not claim.is_of_pairs:
            yield from _other_splits(place, how)
        return
    if claim.metric in OF_STATISTICS:
        loaded = load_statistics([place], spatial=claim.metric == "sfid")
        yield ReferenceSource(f"{place} (statistics)", statistics=loaded.statistics)
    if has_images(place):
        yield ReferenceSource(f"{place} (images)", (place,))
    elif claim.metric not in OF_STATISTICS:
        raise BadInput(
            f"{place}: {claim.metric} needs the features of single images, of which statistics are "
            "only mean and scatter"
        )


def _other_splits(place: str, how: OpenOptions) -> Iterator[ReferenceSource]:
    name, _, split = place.rpartition(":")
    if split not in SPLITS or Path(place).exists():
        return
    others = [f"{name}:{other}" for other in SPLITS if other != split]
    for other in others:
        yield ReferenceSource(other, (other,))
    yield ReferenceSource(f"{name}:{'+'.join(SPLITS)}", tuple(f"{name}:{s}" for s in SPLITS))
