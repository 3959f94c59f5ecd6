"""`harness score` of models: their samples are drawn first, and then scored as any images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cli.tables import console_beside, print_line
from harness.core.errors import BadInput

if TYPE_CHECKING:
    from harness.cli.score_options import ScoreOptions
    from harness.data.imageset import ImageSet
    from harness.scoring.drawn_samples import DrawnSamples
    from harness.training.numerics import Numerics


def with_drawn_samples(request: ScoreOptions, numerics: Numerics) -> ScoreOptions:
    """The request with a file of samples in place of each model; as it is where there is none.

    Raises BadInput where a model cannot be opened, fails, or makes images that do not fit, and for
    options of models where there is none.
    """
    from harness.scoring.models import is_model

    models = [place for place in request.samples if is_model(place)]
    if not models:
        request.models.check_unused()
        return request
    check_before_drawing(request, models)
    reference = _reference(request)
    drawn = {place: _draw(request, place, reference, numerics) for place in dict.fromkeys(models)}
    samples = [str(drawn[place].path) if place in drawn else place for place in request.samples]
    names = request.sets.name or (request.samples if len(samples) > 1 else None)
    captions = next((each.captions for each in drawn.values() if each.captions), None)
    sets = replace(request.sets, name=names, captions=captions or request.sets.captions)
    return replace(request, samples=samples, sets=sets)


def check_before_drawing(request: ScoreOptions, models: Sequence[str]) -> None:
    """Raise BadInput for wrong options before any sample is drawn."""
    from harness.metrics import load_metric

    for name in request.metrics.names() or ():
        load_metric(name)
    request.metrics.definitions()
    if request.sets.pairs:
        raise BadInput(
            f"--pairs: {models[0]} makes new images, which have no partners in the reference"
        )
    if request.sets.captions and len(request.samples) > 1:
        raise BadInput("--captions goes with one model; score them one by one")


def _reference(request: ScoreOptions) -> ImageSet | None:
    """The images that samples are compared with; None where there are none, or only statistics."""
    from harness.data.images_on_disk import OpenOptions
    from harness.data.imageset import open_images
    from harness.scoring.statistics import is_statistics

    place = request.sets.reference
    if place is None or is_statistics(place):
        return None
    opening = OpenOptions(request.compute.data_root, request.sets.image_resize())
    return open_images(place, opening)


def _draw(
    request: ScoreOptions, place: str, reference: ImageSet | None, numerics: Numerics
) -> DrawnSamples:
    from harness.scoring.draw_requests import DrawRequest
    from harness.scoring.drawn_samples import draw_from_model

    store, root = request.results.open_existing, request.compute.data_root
    model = request.models.open(place, store, root)
    options, sets = request.models, request.sets
    draws = DrawRequest(
        options.count, options.seed, options.classes, sets.captions, any_size=bool(sets.resize)
    )
    plan = draws.plan(model, reference)
    console = console_beside(*request.files.files())
    with console.status(f"drawing {plan.count:,} samples of {place}"):
        drawn = draw_from_model(model, plan, numerics)
    print_line(console, f"{drawn.description}, kept as {drawn.path}")
    return drawn
