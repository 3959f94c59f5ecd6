"""`harness check MODEL --against MODEL2`: a gate for models that are trained already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from harness.cli import options, suite_options
from harness.cli.score_options import ModelOptions
from harness.cli.tables import console_beside, print_line, print_rows
from harness.core.errors import BadInput

if TYPE_CHECKING:
    from harness.evaluation.specs import Role
    from harness.regression.fixed_models.draws import OpenModel
    from harness.report.checks.model_words import ModelCheckText
    from harness.scoring.drawn_samples import DrawPlan

IMAGES = 100
"""Images that are drawn of each model, unless there are prompts or `-n` says how many."""
FEWEST_IMAGES = 2
"""A single image has no variance."""
STYLES = {0: "bold green", 1: "bold red"}
OF_SUITES = (
    "seeds models datasets metrics budget budget_scale accelerate precision memory_format".split()
)
"""The options that change a suite."""


@dataclass(frozen=True)
class PairOptions:
    """A model to check against, and what is written of each pair of images."""

    HELP_PANEL: ClassVar = "Models that are trained already"

    against: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Check a model and not a suite: compare its images with those of this one, from "
            "the same noise. Both are as in `harness score`: package.module:callable, a .pt2, .pt "
            "or .onnx file, a diffusers pipeline, run:RUN_ID.",
        ),
    ] = None
    prompts: Annotated[
        Path | None,
        typer.Option(help="The prompts of both models: a .txt with one on each line, or a .csv."),
    ] = None
    text: Annotated[
        str | None,
        typer.Option(help="Network of the CLIP score. Default: clip, if its weights are at hand."),
    ] = None
    per_image: Annotated[
        Path | None, typer.Option(help="Write a table of each image's values (.csv or .jsonl).")
    ] = None
    page: Annotated[
        Path | None, typer.Option(help="Write a web page of the pairs, the worst first (.html).")
    ] = None
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write outcome and means to this file.")
    ] = None
    log: Annotated[
        bool, typer.Option("--log", help="Log to MLflow, in the experiment “score”.")
    ] = False

    def files(self) -> tuple[Path | None, ...]:
        """The files to write."""
        return self.per_image, self.page, self.json_file


@dataclass(frozen=True)
class ModelCheckRequest:
    """A check of two models as the command line asks for it."""

    chosen: suite_options.SuiteOptions
    pairs: PairOptions
    drawing: ModelOptions
    markdown: Path | None
    tolerances: Sequence[str]

    def check_files(self) -> None:
        """Raise BadInput where a file cannot be written, is an input, or has a wrong suffix."""
        from harness.data.output_files import check_suffix
        from harness.scoring.per_image import check_table_suffix

        pairs = self.pairs
        options.check_output_options(
            (*pairs.files(), self.markdown),
            (self.chosen.suite, pairs.against, pairs.prompts),
            self.chosen.compute.data_root,
            self.chosen.results.file(),
        )
        if pairs.per_image:
            check_table_suffix(pairs.per_image)
        if pairs.page:
            check_suffix(pairs.page, "--page", "a web page", ".html")
        if pairs.json_file:
            check_suffix(pairs.json_file, "--json", "JSON", ".json")

    def opener(self, place: str) -> OpenModel:
        """Opens the model at a place, each time it is called."""
        chosen = self.chosen
        store, root = chosen.results.open_existing, chosen.compute.data_root
        return partial(self.drawing.open, place, store, root)

    def networks(self) -> Mapping[Role, str | None]:
        """The names of the feature networks by role."""
        chosen = self.chosen
        return {
            "extractor": chosen.extractor,
            "perceptual": chosen.perceptual,
            "text": self.pairs.text,
        }


def refuse_options_of_models(pairs: PairOptions, drawing: ModelOptions) -> None:
    """Raise BadInput for an option of models where a suite is checked."""
    for option in fields(pairs):
        if getattr(pairs, option.name) != option.default:
            flag = {"json_file": "json"}.get(option.name, option.name).replace("_", "-")
            raise BadInput(f"--{flag} goes with --against MODEL, and a suite is checked")
    drawing.check_unused("goes with --against MODEL, and a suite is checked")


def refuse_options_of_suites(chosen: suite_options.SuiteOptions) -> None:
    """Raise BadInput for an option of suites where a model is checked."""
    reason = "is for suites, and with --against a model is checked"
    options.refuse(chosen, OF_SUITES, reason)
    if chosen.processes != 1:
        raise BadInput(f"--processes {reason}")


def check_against_model(request: ModelCheckRequest) -> None:
    """Draw both models, compare their images, show and write what came out, and end with the exit
    code of the outcome. Raises BadInput where an option, a file or a model cannot be used.
    """
    from harness.report.checks.model_log import log_model_check
    from harness.report.checks.model_words import MODEL_HEADINGS

    pairs = request.pairs
    words = _checked(request)
    console = console_beside(*pairs.files(), request.markdown)
    print_rows(console, MODEL_HEADINGS, words.rows())
    for note in words.notes():
        print_line(console, note)
    _write(request, words)
    if pairs.log:
        store = request.chosen.results.open()
        print_line(console, f"Run: {log_model_check(words, store)} in {store.uri}")
    print_line(console, words.summary(), STYLES.get(words.check.exit_code, "bold yellow"))
    raise typer.Exit(words.check.exit_code)


def _checked(request: ModelCheckRequest) -> ModelCheckText:
    """What the check came to."""
    from harness.regression.fixed_models.draws import draw_models
    from harness.regression.fixed_models.measures import load_networks, preflight_named
    from harness.regression.fixed_models.model_check import check_model
    from harness.regression.fixed_models.scores import ModelScores
    from harness.regression.fixed_models.tolerances import pair_tolerances
    from harness.report.checks.model_words import ModelCheckText
    from harness.training.numerics import Numerics, cores

    refuse_options_of_suites(request.chosen)
    request.check_files()
    tolerances = pair_tolerances(request.tolerances)
    preflight_named(request.networks())
    model, against = request.chosen.suite, request.pairs.against or ""
    openers = request.opener(model), request.opener(against)
    plan = _plan(request, openers)
    numerics = Numerics.resolve(request.chosen.compute.device, threads=cores())
    console = console_beside(*request.pairs.files(), request.markdown)
    with console.status(f"drawing {plan.count:,} images of each model"):
        draws = draw_models(*openers, plan, numerics)
        _, channels, height, width = draws.reference.shape
        shape, has_captions = (channels, height, width), plan.captions is not None
        networks = load_networks(request.networks(), shape, has_captions, numerics.device)
        scores = ModelScores(draws, networks, plan.captions)
        if "clip_score" in tolerances and not scores.has_clip_scores:
            raise BadInput("tolerance clip_score: there are no prompts, or no network for them")
        if "lpips" in tolerances and not networks.perceptual:
            raise BadInput(f"tolerance lpips: {'; '.join(networks.notes)}")
        check = check_model(scores, tolerances)
    return ModelCheckText(model, against, plan, scores, check)


def _plan(request: ModelCheckRequest, openers: tuple[OpenModel, OpenModel]) -> DrawPlan:
    """What both models are asked for."""
    from harness.data.captions import list_captions
    from harness.regression.fixed_models.draws import shared_plan

    drawing, file = request.drawing, request.pairs.prompts
    prompts = list_captions(file) if file else None
    models = [open_model() for open_model in openers]
    count = drawing.count or (len(prompts) if prompts else IMAGES)
    if count < FEWEST_IMAGES:
        raise BadInput(f"-n {count}: at least {FEWEST_IMAGES} images of each model are compared")
    seed = models[1].seed if drawing.seed is None else drawing.seed
    return shared_plan(models, count, seed, drawing.classes, prompts)


def _write(request: ModelCheckRequest, words: ModelCheckText) -> None:
    """Write the files that were asked for."""
    from harness.cli.check_files import write_markdown
    from harness.data.output_files import write_output
    from harness.report.checks.model_page import pairs_html
    from harness.scoring.document import write_json

    pairs = request.pairs
    if pairs.per_image:
        words.table().write(pairs.per_image)
    if pairs.page:
        write_output(pairs.page, pairs_html(words))
    if pairs.json_file:
        write_json(words.document(), pairs.json_file)
    if request.markdown:
        write_markdown(request.markdown, words.markdown())
