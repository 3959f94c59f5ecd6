"""Metrics of statistics: FID, and for all others the reason why they need more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import ImageSet, open_images
from harness.evaluation.evidence import Evidence
from harness.evaluation.measure import measurement_of, metric_outcome
from harness.evaluation.protocols import EvalConfig, NetworkInfo, protocol
from harness.evaluation.remarks import too_few
from harness.evaluation.requirements import REQUIREMENTS, Need
from harness.evaluation.subject import Subject
from harness.extractors import EXTRACTORS
from harness.metrics import METRICS, frechet_distance, load_metric
from harness.metrics.base import Estimate, Metric
from harness.plan.setup import load_checked
from harness.score.selection import NATURAL
from harness.score.statistics import Origin, SetStatistics, is_statistics, load_statistics
from harness.training.numerics import Numerics

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

    def read(self, places: Sequence[str], like: SetStatistics | None = None) -> SetStatistics:
        """Reads the statistics in these files, merged, or computes them of one set of images; they
        must be of the same kind as `like`.
        """
        if all(is_statistics(place) for place in places):
            statistics = load_statistics(places)
            return statistics.through(like) if like and like.count is not None else statistics
        if len(places) > 1:
            raise BadInput(f"{places[0]}, {places[1]}: only files of statistics can be merged")
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
    default = images.dataset.card.extractor if images.dataset else NATURAL["extractor"]
    if like is None:
        return default
    named = like.origin.extractor.partition("@")[0]
    return named if named in EXTRACTORS or named.partition(":")[0] in EXTRACTORS else default


def compare_statistics(
    samples: Sequence[str],
    reference: str | None,
    metrics: Sequence[str] | None,
    reader: StatisticsReader,
) -> StatisticsComparison:
    """FID of `samples` against `reference`, one of which at least is statistics; nothing but the
    merged statistics without a reference. Raises BadInput for what cannot be read, merged or
    compared.
    """
    chosen = [load_metric(name) for name in dict.fromkeys(metrics or ["fid"])]
    for metric in chosen:
        if metric != METRICS["fid"]:
            raise BadInput(f"{metric.name}: {WHY}")
    if reference is None:
        return StatisticsComparison(reader.read(samples), None, (), reader.numerics)
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
    rows = tuple(_row(metric, first, second) for metric in chosen)
    return StatisticsComparison(first, second, rows, reader.numerics)


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
    setup = EvalConfig({}, {"extractor": network})
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
