"""`harness score` of saved statistics of features, which are merged and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli import options, score_output
from harness.cli.score_options import VARIATIONS, ScoreOptions
from harness.cli.tables import console_beside, print_line

if TYPE_CHECKING:
    from harness.scoring.comparing import Place, StatisticsComparison
    from harness.training.numerics import Numerics


def score_statistics(request: ScoreOptions, numerics: Numerics) -> None:
    """Merge the samples' statistics, compare them with the reference's, show and write the result.

    Raises BadInput for options that need images, and for files that cannot be read, merged or
    compared.
    """
    from harness.scoring.document import statistics_document, write_json

    comparison = statistics_comparison(request, numerics, request.samples, request.sets.reference)
    files = request.files
    console = console_beside(files.json_file, files.save_statistics)
    score_output.show_statistics(console, comparison.by_role())
    score_output.show_rows(console, comparison.rows)
    if files.save_statistics:
        comparison.samples.save(files.save_statistics)
        print_line(console, f"{files.save_statistics}: the samples' statistics, merged")
    if files.json_file:
        write_json(statistics_document(comparison), files.json_file)
    score_output.exit_on_failures(console, comparison.rows)


def statistics_comparison(
    request: ScoreOptions, numerics: Numerics, samples: Sequence[Place], reference: Place | None
) -> StatisticsComparison:
    """FID and sFID of the samples against the reference, as the options ask. Raises BadInput as
    `score_statistics`.
    """
    from harness.evaluation.profiles import load_profile
    from harness.scoring.comparing import StatisticsReader, compare_statistics

    _refuse_options_of_images(request)
    metrics = request.metrics
    networks = metrics.networks()
    if metrics.profile:
        networks = load_profile(metrics.profile).fix(networks)
    reader = StatisticsReader(networks["extractor"], numerics, request.compute.data_root)
    return compare_statistics(samples, reference, metrics.names(), reader, metrics.profile or "")


def _refuse_options_of_images(request: ScoreOptions) -> None:
    """Raise BadInput for an option that needs the images of both sides."""
    reason = "needs images on both sides, not statistics"
    options.refuse(request.sets, ("train", "pairs", "draws", "captions", "name", "resize"), reason)
    options.refuse(request.metrics, ("perceptual", "text", *VARIATIONS), reason)
    options.refuse(request.files, ("curve", "gallery", "per_image", "log"), reason)
