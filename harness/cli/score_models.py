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

    if request.sets.pairs:
        return with_reconstructions(request, numerics)
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


def with_reconstructions(request: ScoreOptions, numerics: Numerics) -> ScoreOptions:
    """The request with, in place of each autoencoder, a folder of what it makes of the reference.

    Raises BadInput where it cannot be opened or fails, and for options of models that draw samples.
    """
    from harness.scoring.reconstructions import is_autoencoder, save_reconstructions

    models = [place for place in request.samples if is_autoencoder(place)]
    if not models:
        request.models.check_unused()
        return request
    reference = check_before_reconstructing(request, models, _reference(request))
    opening, console = request.autoencoders(numerics), console_beside(*request.files.files())
    made = {}
    for place in dict.fromkeys(models):
        with console.status(f"{place} gives back {len(reference):,} images"):
            made[place] = str(save_reconstructions(place, reference, opening))
        print_line(console, f"{reference.description} by {place}, kept as {made[place]}")
    samples = [made.get(place, place) for place in request.samples]
    names = request.sets.name or (request.samples if len(samples) > 1 else None)
    return replace(request, samples=samples, sets=replace(request.sets, name=names))


def check_before_reconstructing(
    request: ScoreOptions, models: Sequence[str], reference: ImageSet | None
) -> ImageSet:
    """The reference, which autoencoders are given. Raises BadInput where there is none, and for
    wrong options.
    """
    request.models.check_unused(
        "is for models that make new images; with --pairs a model gives back the reference",
        but=("value_range", "images_at_once"),
    )
    check_metrics(request)
    if reference is None:
        raise BadInput(f"--pairs: {models[0]} needs the originals as images; give --reference")
    return reference


def check_metrics(request: ScoreOptions) -> None:
    """Raise BadInput for an unknown metric or profile, and for settings out of range."""
    from harness.metrics import load_metric

    for name in request.metrics.names() or ():
        load_metric(name)
    request.metrics.definitions()


def check_before_drawing(request: ScoreOptions, models: Sequence[str]) -> None:
    """Raise BadInput for wrong options before any sample is drawn."""
    check_metrics(request)
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
