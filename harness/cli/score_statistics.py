"""`harness score` of saved statistics of features, which are merged and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options, score_output
from harness.cli.score_options import VARIATIONS, ScoreOptions
from harness.cli.tables import console_beside, print_line

if TYPE_CHECKING:
    from harness.training.numerics import Numerics


def score_statistics(request: ScoreOptions, numerics: Numerics) -> None:
    """Merge the samples' statistics, compare them with the reference's, show and write the result.

    Raises BadInput for options that need images, and for files that cannot be read, merged or
    compared.
    """
    from harness.evaluation.profiles import load_profile
    from harness.scoring.comparing import StatisticsReader, compare_statistics
    from harness.scoring.document import statistics_document, write_json

    _refuse_options_of_images(request)
    metrics, files = request.metrics, request.files
    networks = metrics.networks()
    if metrics.profile:
        networks = load_profile(metrics.profile).fix(networks)
    reader = StatisticsReader(networks["extractor"], numerics, request.compute.data_root)
    comparison = compare_statistics(
        request.samples, request.sets.reference, metrics.names(), reader, metrics.profile or ""
    )
    console = console_beside(files.json_file, files.save_statistics)
    score_output.show_statistics(console, comparison.by_role())
    score_output.show_rows(console, comparison.rows)
    if files.save_statistics:
        comparison.samples.save(files.save_statistics)
        print_line(console, f"{files.save_statistics}: the samples' statistics, merged")
    if files.json_file:
        write_json(statistics_document(comparison), files.json_file)
    score_output.exit_on_failures(console, comparison.rows)


def _refuse_options_of_images(request: ScoreOptions) -> None:
    """Raise BadInput for an option that needs the images of both sides."""
    reason = "needs images on both sides, not statistics"
    options.refuse(request.sets, ("train", "pairs", "draws", "captions", "name", "resize"), reason)
    options.refuse(request.metrics, ("perceptual", "text", *VARIATIONS), reason)
    options.refuse(request.files, ("curve", "gallery", "log"), reason)
