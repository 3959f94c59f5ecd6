"""What is made of sets of images beside their metrics: a curve, a gallery, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.measurement import Measurement
from harness.data.output_files import write_output
from harness.evaluation.evidence import Evidence
from harness.scoring.curve import Curve, check_curve, size_curve
from harness.scoring.gallery import gallery, neighbour_role
from harness.scoring.per_image import check_table_suffix, image_table
from harness.scoring.scoring import Scoring
from harness.scoring.sets import Sets
from harness.scoring.statistics import SetStatistics, check_statistics_suffix


@dataclass(frozen=True)
class Extras:
    """What is made beside the numbers: a curve by the number of samples, a file with a gallery of
    nearest neighbours, one with the statistics of the samples' features, and one with the values of
    each image.
    """

    curve: bool = False
    gallery: Path | None = None
    statistics: Path | None = None
    per_image: Path | None = None

    @property
    def need_features(self) -> bool:
        """Whether features are needed beside the metrics."""
        return bool(self.curve or self.gallery or self.statistics)

    def check(self, sets: Sets) -> None:
        """Raise BadInput, before any work, for what cannot be made of the sets."""
        if self.curve:
            check_curve(sets)
        if self.gallery:
            neighbour_role(sets)
        if self.statistics:
            check_statistics_suffix(self.statistics)
        if self.per_image:
            check_table_suffix(self.per_image)

    def make(
        self, scoring: Scoring, rows: Sequence[Measurement], evidence: Evidence
    ) -> Curve | None:
        """Write the files, and return the curve where one is asked for; `rows` is what was
        measured.
        """
        if self.per_image:
            image_table(scoring, rows, evidence).write(self.per_image)
        if self.gallery:
            write_output(self.gallery, gallery(scoring.sets, evidence))
        if self.statistics:
            network = scoring.setup.instruments["extractor"]
            features = evidence["sample_features"]
            SetStatistics.of(scoring.sets.samples, features, network).save(self.statistics)
        return size_curve(evidence) if self.curve else None
