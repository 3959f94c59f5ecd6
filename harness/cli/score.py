"""`harness score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options, score_output
from harness.cli.tables import console_beside
from harness.spec.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.evaluation.kinds import Role
    from harness.score.comparing import Comparison


def score(
    samples: Annotated[
        list[str],
        typer.Argument(
            help="A folder of images, an .npz or .npy of uint8 N×H×W×C, or a dataset's split; "
            "several with --draws; or files of statistics, which are merged."
        ),
    ],
    reference: Annotated[
        str | None, typer.Option(help="What to compare with: the same forms, e.g. cifar10:test.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            help="What the model was trained on; the train split of the reference's dataset."
        ),
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Compare image by image, matched by name.")
    ] = False,
    draws: Annotated[
        bool,
        typer.Option("--draws", help="Several sets of samples, draws of one model: their means."),
    ] = False,
    captions: Annotated[
        Path | None,
        typer.Option(help="The text of each sample: a .csv (file,caption) or a .jsonl of such."),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option(help="Only these; those that suit the sets if not said.")
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(help="Feature network; the dataset's, or inception, if not said."),
    ] = None,
    perceptual: Annotated[
        str | None,
        typer.Option(help="Network of LPIPS; the dataset's, or lpips:alex, if not said."),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Network of CLIP score; clip if not said, or clip:NAME.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Metrics and networks as this library has them: torch-fidelity, clean-fid, "
            "torchmetrics, scikit-image or piq."
        ),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option("--curve", help="FID and KID by the number of samples, and their limit."),
    ] = False,
    gallery: Annotated[
        Path | None,
        typer.Option(help="A PNG to write: samples beside their nearest training images."),
    ] = None,
    save_statistics: Annotated[
        Path | None,
        typer.Option(
            help="Write the features' statistics here (.safetensors), to be merged or compared."
        ),
    ] = None,
    device: options.Device = "auto",
    data_root: options.DataRoot = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write rows, sets and environment to this file.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Log to MLflow, in the experiment “score”.")
    ] = False,
    output: options.Output = Path("reports"),
    tracking_uri: options.Tracking = None,
) -> None:
    """Measure images that are there: a folder or an array of samples against a reference.

    Against a dataset's split the numbers have the protocol of a suite's and rank beside them.

    **Examples**

        harness score samples/ --reference cifar10:test

        harness score samples.npz --reference real/ --metrics fid,kid,precision,recall

        harness score draw1.npz draw2.npz draw3.npz --draws --reference cifar10:test

        harness score decoded/ --reference originals/ --pairs

        harness score samples/ --reference real/ --profile clean-fid

        harness score samples/ --captions prompts.csv --metrics clip_score --json scores.json

        harness score shard1/ --save-statistics shard1.safetensors

        harness score shard1.safetensors shard2.safetensors --reference cifar10:test
    """
    from harness.score import load_profile, make_scoring, open_sets, with_captions, with_draws
    from harness.score.comparing import Reader, compare
    from harness.score.extras import Extras
    from harness.score.scoring import with_extractor
    from harness.score.statistics import is_statistics
    from harness.training.numerics import Numerics, cores

    numerics = Numerics.resolve(device, threads=cores())
    options.check_outputs(
        (json_file, gallery, save_statistics),
        (*samples, reference, train, captions),
        data_root,
        options.store_file(tracking_uri, output),
    )
    chosen = options.words(metrics)
    if any(is_statistics(place) for place in (*samples, reference or "")):
        of_images = {
            "--train": train, "--pairs": pairs, "--draws": draws, "--captions": captions,
            "--perceptual": perceptual, "--text": text, "--profile": profile, "--curve": curve,
            "--gallery": gallery, "--log": log,
        }  # fmt: skip
        _refuse(of_images, "needs images on both sides, not statistics")
        reader = Reader(extractor, numerics, data_root)
        _score_statistics(compare(samples, reference, chosen, reader), json_file, save_statistics)
        return
    if len(samples) > 1 and not draws:
        raise BadInput(
            f"{samples[0]}, {samples[1]}: only files of statistics can be merged; --draws takes "
            "several sets for draws of one model"
        )
    library = load_profile(profile) if profile else None
    sets = open_sets(samples[0], reference, train, paired=pairs, root=data_root)
    if captions:
        sets = with_captions(sets, captions)
    if draws:
        one_set = {
            "--pairs": pairs, "--captions": captions, "--curve": curve, "--gallery": gallery,
            "--save-statistics": save_statistics,
        }  # fmt: skip
        _refuse(one_set, "is of one set of samples, and does not go with --draws")
        sets = with_draws(sets, samples[1:], data_root)
    if curve:
        _refuse({"--profile": profile}, "does not go with --curve, which has the harness's own KID")
    extras = Extras(curve, gallery, save_statistics)
    extras.check(sets)
    if save_statistics and not reference and chosen is None:
        chosen = []  # a shard: its numbers alone say nothing
    networks: dict[Role, str | None] = {
        "extractor": extractor,
        "perceptual": perceptual,
        "text": text,
    }
    scoring = make_scoring(sets, chosen, networks, numerics, library)
    if extras.wanted:
        scoring = with_extractor(scoring)
    evidence, console = scoring.evidence(), console_beside(json_file, gallery, save_statistics)
    rows = score_output.measure(console, scoring, evidence)
    score_output.show_sets(console, sets)
    score_output.show_rows(console, rows)
    found = extras.make(scoring, evidence)
    score_output.show_extras(console, extras, found, sets)
    if json_file:
        from harness.score.document import document, write

        write(document(scoring, rows, found), json_file)
    if log:
        from harness.score.document import log as log_rows

        store = options.open_store(tracking_uri, output)
        run = log_rows(scoring, rows, store)
        score_output.line(console, f"Run: {run} in {store.name}")
    score_output.finish(console, rows)


def _refuse(options_given: Mapping[str, object], why: str) -> None:
    for name, value in options_given.items():
        if value:
            raise BadInput(f"{name} {why}")


def _score_statistics(comparison: Comparison, json_file: Path | None, save: Path | None) -> None:
    console = console_beside(json_file, save)
    score_output.show_statistics(console, comparison.named())
    score_output.show_rows(console, comparison.rows)
    if save:
        comparison.samples.save(save)
        score_output.line(console, f"{save}: the samples' statistics, merged")
    if json_file:
        from harness.score.document import statistics_document, write

        write(statistics_document(comparison), json_file)
    score_output.finish(console, comparison.rows)
