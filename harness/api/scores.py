"""`harness.score`: images or a model, measured against a reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

import torch

from harness.api.calls import user_call
from harness.api.held_models import HeldModel, hold_model
from harness.api.images import Images, LabelledImages, image_set, is_images
from harness.api.loaded_model import LoadedModel
from harness.api.options import ScoreArguments, ScoreKeywords, check_keywords
from harness.api.score_requests import model_settings, score_options
from harness.api.score_result import ScoreResult
from harness.cli.score_images import check_combinations
from harness.cli.score_models import check_before_drawing, check_before_reconstructing
from harness.cli.score_options import ScoreOptions
from harness.cli.score_statistics import statistics_comparison
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.registry import article
from harness.data.images_on_disk import OpenOptions, indices, is_one_file
from harness.data.imageset import ImageSet, open_images, place_of
from harness.families.pretrained.generator import ImageGenerator
from harness.scoring import Sets, make_scoring, open_sets, with_captions, with_draws
from harness.scoring import score as score_rows
from harness.scoring.comparing import Place, compares_statistics
from harness.scoring.document import scoring_document, statistics_document
from harness.scoring.draw_requests import DrawRequest
from harness.scoring.drawn_samples import draw_from_model, draw_images
from harness.scoring.models import is_model, open_model
from harness.scoring.reconstructions import (
    AutoencoderRequest,
    is_autoencoder,
    save_reconstructions,
)
from harness.scoring.statistics import is_statistics
from harness.training.numerics import Numerics, cores

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

Model: TypeAlias = "torch.nn.Module | LoadedModel | DiffusionPipeline | Callable[..., Any]"
"""A model in memory: a module, whose `sample(n, generator)` is called or which is given latents; a
model of the store; a pipeline of diffusers; or a function `f(n, generator)`, which may take
`labels` or `captions` too. A text names a model as in the shell.
"""
Source = Place | ImageGenerator
"""Samples of a call: a place as in the shell, of images or of a model; or what is in memory."""


def score(
    samples: Images | LabelledImages | Model | Sequence[Images],
    reference: Images | LabelledImages | None = None,
    metrics: str | Sequence[str] | None = None,
    n: int | None = None,
    seed: int | None = None,
    **options: Unpack[ScoreKeywords],
) -> ScoreResult:
    """Measures images, or samples of a model, against a reference, as `harness score` does: the
    same input gives the same numbers, to the bit.

    Args: samples: Images (a folder, an `.npz`, a split such as `cifar10:test`, a tensor n×C×H×W, an
        array n×H×W×C, a list of Pillow's images), uint8 or float in [-1, 1], or a pair of images in
        memory and their classes; or a model (see `Model`, and docs/pretrained.md for names of
        models). With `draws=True` a list of several draws. reference: What they are compared with:
        images too, or a file of statistics. metrics: Names, as `"fid,kid"` or a list. Default:
        those that suit the images. n: The number of samples to draw of a model. Default: as many as
        reference images. seed: The seed of the draw. Default: 0, or that of the run. **options: The
        options of the shell, see `harness.api.options.ScoreKeywords` and docs/python.md.

    Raises:
        BadInput: With the line of the shell, where something does not fit or cannot be read.
    """
    with user_call():
        arguments = {"metrics": metrics, "n": n, "seed": seed, **options}
        return measure_samples(
            samples, reference, check_keywords(ScoreArguments, arguments, "score")
        )


def measure_samples(samples: Any, reference: Any, values: Mapping[str, Any]) -> ScoreResult:
    """As `score`, of checked keywords."""
    pairs, value_range = bool(values.get("pairs")), values.get("value_range") or "-1..1"
    fewest = 1 if pairs else 2

    def place(value: Any) -> Place | None:
        return _place(value, value_range, fewest)

    sources = [_source(each, values, place) for each in _several(samples, values)]
    against = None if reference is None else _only_images(place(reference), reference)
    training = values.get("train")
    train = None if training is None else _only_images(place(training), training)
    request = score_options([_name(each) for each in sources], against, train, values)
    numerics = _numerics(request, sources)
    texts: Sequence[str] | None = None
    named = [each for each in sources if isinstance(each, str) and is_autoencoder(each)]
    if pairs and named:
        originals = check_before_reconstructing(request, named, _opened(request, against))
        sources = _given_back(sources, named, originals, request.autoencoders(numerics))
    elif any(map(_makes_images, sources)):
        check_before_drawing(request, request.samples)
        drawer = _Drawer(request, values, numerics, _opened(request, against))
        sources, texts = drawer.draw_all(sources)
    else:
        request.models.check_unused()
    places = [each for each in sources if not isinstance(each, ImageGenerator)]
    if compares_statistics([*places, against], request.metrics.metrics):
        comparison = statistics_comparison(request, numerics, places, against)
        return ScoreResult(comparison.rows, statistics_document(comparison), request.results)
    sets = _with_texts(_sets(request, places, against, train), texts or values.get("captions"))
    return _of_images(request, numerics, sets)


def _of_images(request: ScoreOptions, numerics: Numerics, sets: Sets) -> ScoreResult:
    """The numbers of sets of images."""
    metrics = request.metrics
    scoring = make_scoring(
        sets, metrics.metrics, metrics.networks(), numerics, metrics.definitions()
    )
    rows = tuple(score_rows(scoring))
    return ScoreResult(rows, scoring_document(scoring, rows), request.results)


def _several(samples: Any, values: Mapping[str, Any]) -> Sequence[Any]:
    """The sets of a call: one, or a list of draws or of files of statistics. Raises BadInput for
    another list.
    """
    if not isinstance(samples, list | tuple) or is_images(samples):
        return [samples]
    files = [str(each) for each in samples if isinstance(each, str | Path)]
    if values.get("draws") or (len(files) == len(samples) and all(map(is_statistics, files))):
        return samples
    raise BadInput(
        f"a list of {counted(len(samples), 'set')} of samples: score them one by one, or say "
        "draws=True where they are draws of one model"
    )


def _place(value: Any, value_range: Any, fewest: int) -> Place | None:
    """Images at a place or in memory; None for anything else."""
    if isinstance(value, str | Path):
        return str(value)
    return image_set(value, value_range, fewest) if is_images(value) else None


def _only_images(place: Place | None, value: object) -> Place:
    if place is None:
        raise BadInput(f"{article(value)} is no set of images; see harness.score")
    return place


def _source(value: Any, values: Mapping[str, Any], place: Callable[[Any], Place | None]) -> Source:
    """What samples are: images, or a model. Raises BadInput for anything else."""
    if isinstance(value, LoadedModel):
        return value.generator()
    if (images := place(value)) is not None:
        return images
    if model := hold_model(value, model_settings(values)):
        return model
    raise BadInput(f"{article(value)} is neither images nor a model; see harness.score")


def _name(source: Source) -> str:
    return source.name if isinstance(source, ImageGenerator) else place_of(source)


def _makes_images(source: Source) -> bool:
    """Whether a source is a model."""
    return isinstance(source, ImageGenerator) or (isinstance(source, str) and is_model(source))


def _given_back(
    sources: Sequence[Source], models: Sequence[str], originals: ImageSet, how: AutoencoderRequest
) -> list[Source]:
    """The sources with a folder of its reconstructions in place of each of the models."""
    return [
        str(save_reconstructions(str(each), originals, how)) if each in models else each
        for each in sources
    ]


def _numerics(request: ScoreOptions, sources: Sequence[Source]) -> Numerics:
    """How networks are computed: on the call's device, or else on that of the model in memory."""
    device = request.compute.device
    models = (each.device for each in sources if isinstance(each, HeldModel))
    if device == "auto" and (place := next(models, None)) is not None:
        device = str(place)
    return Numerics.resolve(device, threads=cores())


def _opened(request: ScoreOptions, reference: Place | None) -> ImageSet | None:
    """The images that samples are compared with; None where there are only statistics."""
    if reference is None or is_statistics(reference):
        return None
    return open_images(reference, _opening(request))


def _opening(request: ScoreOptions) -> OpenOptions:
    return OpenOptions(request.compute.data_root, request.sets.image_resize())


@dataclass(frozen=True)
class _Drawer:
    """Draws the samples of a call's models."""

    request: ScoreOptions
    values: Mapping[str, Any]
    numerics: Numerics
    reference: ImageSet | None

    def draw_all(self, sources: Sequence[Source]) -> tuple[list[Source], Sequence[str] | None]:
        """The sources with samples in place of models, and the captions that these show."""
        places: list[Source] = []
        captions: Sequence[str] | None = None
        for source in sources:
            if _makes_images(source):
                made, captions = self._draw(source)
                places.append(made)
            else:
                places.append(source)
        return places, captions

    def _draw(self, source: Source) -> tuple[Place, Sequence[str] | None]:
        """Samples of a model. They are kept, as in the shell, unless the model is in memory."""
        request, options = self.request, self.request.models
        model = source if isinstance(source, ImageGenerator) else self._open(_name(source))
        texts = self.values.get("captions")
        captions = Path(texts) if isinstance(texts, str | Path) else texts
        resized = bool(request.sets.resize)
        draws = DrawRequest(options.count, options.seed, options.classes, captions, resized)
        plan = draws.plan(model, self.reference)
        if not isinstance(model, HeldModel):
            return str(draw_from_model(model, plan, self.numerics).path), plan.captions
        images = draw_images(model, plan, self.numerics)
        description = f"{counted(plan.count, 'sample')} of {model.name}, seed {plan.seed}"
        made = ImageSet(images, indices(plan.count), description, labels=plan.labels)
        return made, plan.captions

    def _open(self, place: str) -> ImageGenerator:
        store, root = self.request.results.open_existing, self.request.compute.data_root
        return open_model(place, model_settings(self.values), store, root)


def _sets(
    request: ScoreOptions, places: Sequence[Place], reference: Place | None, train: Place | None
) -> Sets:
    """The sets that are compared. Raises BadInput where they do not fit."""
    check_combinations(request)
    opening = _opening(request)
    files = [each for each in (places[0], reference) if isinstance(each, str) and is_one_file(each)]
    paired = request.sets.pairs or len(files) == 2
    sets = open_sets(places[0], reference, train, paired=paired, opening=opening)
    sets = replace(sets, name=(request.sets.name or [""])[0])
    return with_draws(sets, places[1:], opening) if request.sets.draws else sets


def _with_texts(sets: Sets, captions: str | Path | Sequence[str] | None) -> Sets:
    """The sets with the text of each sample, from a file or a list."""
    if captions is None:
        return sets
    if isinstance(captions, str | Path):
        return with_captions(sets, Path(captions))
    if len(captions) != len(sets.samples):
        raise BadInput(
            f"captions: {counted(len(captions), 'text')} for {counted(len(sets.samples), 'sample')}"
        )
    return replace(sets, texts=list(captions))
