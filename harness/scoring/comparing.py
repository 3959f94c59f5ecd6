"""Metrics of statistics: FID and sFID, and for all others the reason why they need more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import ImageSet, open_images, place_of
from harness.evaluation.evidence import Evidence
from harness.evaluation.measure import measurement_of, metric_outcome
from harness.evaluation.profiles import load_metric_as, load_profile
from harness.evaluation.protocols import EvalConfig, NetworkInfo, protocol
from harness.evaluation.remarks import too_few
from harness.evaluation.requirements import REQUIREMENTS, Need
from harness.evaluation.specs import Role
from harness.evaluation.subject import Subject
from harness.extractors import EXTRACTORS
from harness.extractors.inception import RESIZES
from harness.metrics import frechet_distance
from harness.metrics.base import Estimate, Metric
from harness.plan.setup import load_checked
from harness.scoring.moments import has_images, has_spatial
from harness.scoring.selection import default_extractor
from harness.scoring.statistics import Origin, SetStatistics, is_statistics, load_statistics
from harness.training.numerics import Numerics

Place = str | ImageSet
"""Where images or their statistics are; or the images, where they are in memory."""
OF_STATISTICS = ("fid", "sfid")
"""The metrics that mean and covariance are enough for."""
WHY = "needs the features of single images, of which statistics are only mean and scatter"


@dataclass(frozen=True)
class StatisticsComparison:
    """Statistics of samples, the statistics that they are compared with, and the numbers."""

    samples: SetStatistics
    reference: SetStatistics | None
    rows: tuple[Measurement, ...]
    numerics: Numerics

    def by_role(self) -> dict[str, SetStatistics]:
        """The sets that are there, by what they are for."""
        sets = {"samples": self.samples, "reference": self.reference}
        return {name: statistics for name, statistics in sets.items() if statistics}


@dataclass(frozen=True)
class StatisticsReader:
    """How places become statistics: through which feature network, that of the dataset or the usual
    one where none is named, and where datasets are.
    """

    extractor: str | None
    numerics: Numerics
    root: Path | None = None
    spatial: bool = False
    """Whether statistics are of the spatial features that sFID compares."""

    def for_metric(self, metric: Metric) -> StatisticsReader:
        """The reader of the statistics that a metric compares."""
        return replace(self, extractor=metric.network, spatial=True) if metric.network else self

    def read(self, places: Sequence[Place], like: SetStatistics | None = None) -> SetStatistics:
        """Reads the statistics in these files, merged, or computes them of one set of images; they
        must be of the same kind as `like`.
        """
        files = [place for place in places if is_statistics(place)]
        if len(files) == len(places):
            statistics = load_statistics(files, self.spatial)
            return statistics.through(like) if like and like.count is not None else statistics
        if len(places) > 1:
            first, second = map(place_of, places[:2])
            raise BadInput(f"{first}, {second}: only files of statistics can be merged")
        return self._of_images(open_images(places[0], OpenOptions(self.root)), like)

    def _of_images(self, images: ImageSet, like: SetStatistics | None) -> SetStatistics:
        name = self.extractor or _network(images, like)
        _, channels, height, width = images.shape
        network = load_checked("extractor", name, (channels, height, width))
        if (
            like and like.count is not None
        ):  # before the network spends time on images that do not fit
            like.origin.check_like(Origin.of(images, network))
        self.numerics.apply()
        setup = EvalConfig({"extractor": name}, {"extractor": network})
        evidence = Evidence({"reference_images": images.images}, setup, device=self.numerics.device)
        return SetStatistics.of(images, evidence["reference_features"], network)


def _network(images: ImageSet, like: SetStatistics | None) -> str:
    """The network that statistics are of, where it goes by name; else the one of the dataset, or
    the usual one.
    """
    default = default_extractor(images)
    if like is None:
        return default
    if like.count is None and like.origin.preprocessing:
        return next(n for n, x in RESIZES.items() if x.preprocessing == like.origin.preprocessing)
    named = like.origin.extractor.partition("@")[0]
    return named if named in EXTRACTORS or named.partition(":")[0] in EXTRACTORS else default


def compare_statistics(
    samples: Sequence[Place],
    reference: Place | None,
    metrics: Sequence[str] | None,
    reader: StatisticsReader,
    profile: str = "",
) -> StatisticsComparison:
    """FID and sFID of `samples` against `reference`, where one or both are statistics; without a
    reference the merged statistics alone. Without `metrics`, all that the files have statistics
    for. Raises BadInput for what cannot be read, merged or compared.
    """
    names = metrics or default_names([*samples, reference], profile)
    chosen = [load_metric_as(profile, name) for name in dict.fromkeys(names)]
    for metric in chosen:
        if metric.name not in OF_STATISTICS:
            raise BadInput(f"{metric.name}: {WHY}")
    if reference is None:
        return StatisticsComparison(reader.read(samples), None, (), reader.numerics)
    pairs = [_read_pair(samples, reference, reader.for_metric(metric)) for metric in chosen]
    rows = tuple(_row(metric, *pair) for metric, pair in zip(chosen, pairs, strict=True))
    return StatisticsComparison(*pairs[0], rows, reader.numerics)


def compares_statistics(places: Sequence[Place | None], metrics: Sequence[str] | None) -> bool:
    """Whether statistics are compared and not images. Where files have both, the metrics decide:
    FID and sFID compare the statistics, as ADM's evaluator does, and all others the images. Raises
    BadInput where metrics of both kinds are named.
    """
    files = [place for place in places if is_statistics(place)]
    if not files or not metrics or not all(has_images(place) for place in files):
        return bool(files)
    of_statistics = [name for name in metrics if name in OF_STATISTICS]
    others = [name for name in metrics if name not in OF_STATISTICS]
    if of_statistics and others:
        raise BadInput(
            f"{files[0]} has statistics and images: {', '.join(of_statistics)} would be of the one,"
            f" {', '.join(others)} of the other; ask for them in two commands"
        )
    return bool(of_statistics)


def default_names(places: Sequence[Place | None], profile: str) -> list[str]:
    """The metrics that are measured where none is named: FID and, where each file at these places
    has the statistics that it compares, sFID; with a profile those that the profile has.
    """
    files = [place for place in places if is_statistics(place)]
    has_all = bool(files) and all(has_spatial(place) for place in files)
    names = ["fid", "sfid"] if has_all else ["fid"]
    return [name for name in names if not profile or name in load_profile(profile).metrics]


def _read_pair(
    samples: Sequence[Place], reference: Place, reader: StatisticsReader
) -> tuple[SetStatistics, SetStatistics]:
    """The statistics of both sides, of one kind."""
    if is_statistics(reference):
        second = reader.read([reference])
        first = reader.read(samples, second)
    else:
        first = reader.read(samples)
        second = reader.read([reference], first)
    if first.count is None:  # mu and sigma say nothing of their network: the other side's is meant
        first = first.through(second)
    elif second.count is None:
        second = second.through(first)
    return first, second


def _row(metric: Metric, samples: SetStatistics, reference: SetStatistics) -> Measurement:
    origin = reference.origin
    counts: dict[Need, int | None] = {"samples": samples.count, "reference": reference.count}
    subject = Subject(
        data=origin.data,
        digest=origin.digest,
        counts={need: n for need, n in counts.items() if n is not None},
        splits={"reference": origin.split},
        obstacles=dict.fromkeys(REQUIREMENTS, WHY),
    )
    caveat = origin.caveat or samples.origin.caveat
    network = NetworkInfo(origin.extractor, origin.preprocessing, caveat=caveat or None)
    named: dict[tuple[Role, str], NetworkInfo] = {}
    if metric.network:
        named["extractor", metric.network] = network
    setup = EvalConfig({}, {"extractor": network}, named=named)
    how = protocol(metric, subject, setup)
    key = digest([sorted(samples.shards), how.key()])
    pair = samples.statistics, reference.statistics
    distance = metric_outcome(lambda: Estimate(frechet_distance(*pair)))
    for n, one in ((samples.count, "sample"), (reference.count, "reference image")):
        few = () if n is None else too_few(n, one)
        distance = replace(distance, caveats=(*distance.caveats, *few))
    if sorted(samples.shards) == sorted(reference.shards):
        same = "samples and reference are the same images"
        distance = replace(distance, caveats=(same, *distance.caveats))
    return measurement_of(metric, how, key, [distance], setup)
