"""`harness score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options, score_output
from harness.cli.tables import console_beside
from harness.core.errors import BadInput
from harness.core.output_folder import OUTPUT

if TYPE_CHECKING:
    from harness.data.image_files import ImageResize
    from harness.score.comparing import StatisticsComparison


def score(
    samples: Annotated[
        list[str],
        typer.Argument(
            help="A folder or .zip of images, an image, a pattern (out/*.png), an .npz or .npy of "
            "uint8 N×H×W×C, or a dataset's split; several, each scored, or draws with --draws; or "
            "files of statistics, which are merged."
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option(
            help="What to compare with: the same forms, e.g. cifar10:test, or an .npz of mu and "
            "sigma."
        ),
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
        typer.Option(
            help="The text of each sample: a .csv (file,caption), a .jsonl of such, or a "
            "metadata.jsonl."
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="What a set of samples is called, one for each; its place if not said."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE[:FILTER]",
            help="Resize all images to squares of so many pixels a side: bicubic, or another of "
            "Pillow's filters, as in 64:lanczos.",
        ),
    ] = None,
    y_channel: Annotated[
        bool, typer.Option("--y-channel", help="PSNR and SSIM of the Y channel (BT.601).")
    ] = False,
    crop_border: Annotated[
        int, typer.Option(help="Pixels to leave out at each border of pairs.", show_default=False)
    ] = 0,
    kid_subset_size: Annotated[
        int | None, typer.Option(help="Images in a subset of KID; 1000, or half, if not said.")
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
    output: options.Output = OUTPUT,
    tracking_uri: options.Tracking = None,
) -> None:
    """Measure images that are there: a folder or an array of samples against a reference.

    Against a dataset's split the numbers have the protocol of a suite's and rank beside them.

    **Examples**

        harness score samples/ --reference cifar10:test

        harness score samples.npz --reference real/ --metrics fid,kid,precision,recall

        harness score draw1.npz draw2.npz draw3.npz --draws --reference cifar10:test

        harness score decoded/ --reference originals/ --pairs

        harness score ours/ theirs/ --name ours --name theirs --reference cifar10:test

        harness score "out/*_fake.png" --reference "out/*_real.png" --pairs --y-channel

        harness score samples.zip --reference imagenet256.npz --resize 256:lanczos

        harness score samples/ --reference real/ --profile clean-fid

        harness score samples/ --captions prompts.csv --metrics clip_score --json scores.json

        harness score shard1/ --save-statistics shard1.safetensors

        harness score shard1.safetensors shard2.safetensors --reference cifar10:test
    """
    from harness.cli.score_images import ImageJob, refuse
    from harness.data.output_files import check_suffix
    from harness.score import load_profile
    from harness.score.comparing import Reader, compare_statistics
    from harness.score.extras import Extras
    from harness.score.statistics import is_statistics
    from harness.score.variations import Variations
    from harness.training.numerics import Numerics, cores

    numerics = Numerics.resolve(device, threads=cores())
    options.check_output_options(
        (json_file, gallery, save_statistics),
        (*samples, reference, train, captions),
        data_root,
        options.store_file(tracking_uri, output),
    )
    if gallery:
        check_suffix(gallery, "--gallery", "a PNG", ".png")
    if json_file:
        check_suffix(json_file, "--json", "JSON", ".json")
    size = parse_resize(resize) if resize else None
    chosen = options.words(metrics)
    varied = {
        "--y-channel": y_channel, "--crop-border": crop_border,
        "--kid-subset-size": kid_subset_size,
    }  # fmt: skip
    if any(is_statistics(place) for place in (*samples, reference or "")):
        of_images = {
            "--train": train, "--pairs": pairs, "--draws": draws, "--captions": captions,
            "--perceptual": perceptual, "--text": text, "--profile": profile, "--curve": curve,
            "--gallery": gallery, "--log": log, "--resize": resize, "--name": name, **varied,
        }  # fmt: skip
        refuse(of_images, "needs images on both sides, not statistics")
        reader = Reader(extractor, numerics, data_root)
        _score_statistics(
            compare_statistics(samples, reference, chosen, reader), json_file, save_statistics
        )
        return
    if draws:
        one_set = {
            "--pairs": pairs, "--captions": captions, "--curve": curve, "--gallery": gallery,
            "--save-statistics": save_statistics,
        }  # fmt: skip
        refuse(one_set, "is of one set of samples, and does not go with --draws")
    elif len(samples) > 1:
        one_file = {"--gallery": gallery, "--save-statistics": save_statistics}
        refuse(one_file, "is one file, of one set of samples; score them one by one")
    if curve:
        refuse({"--profile": profile}, "does not go with --curve, which has the harness's own KID")
    if profile:
        refuse(varied, f"does not go with --profile: {profile} has settings of its own")
    ImageJob(
        samples, name or (), reference, train, pairs, draws, captions, chosen,
        {"extractor": extractor, "perceptual": perceptual, "text": text},
        load_profile(profile) if profile else Variations(y_channel, crop_border, kid_subset_size),
        size, Extras(curve, gallery, save_statistics), numerics,
        data_root, json_file, (tracking_uri, output) if log else None,
    ).run()  # fmt: skip


def parse_resize(text: str) -> ImageResize:
    """`64` and `64:lanczos`; BadInput for anything else."""
    from harness.data.image_files import ImageResize
    from harness.data.resizing import FILTERS, read_filter, read_size

    size, colon, how = text.partition(":")
    if colon and not how:
        raise BadInput(
            f"--resize {text} names no filter after the colon; one of {', '.join(FILTERS)}, or "
            f"{size} alone for bicubic"
        )
    read = {"size": size} | ({"filter": how} if how else {})
    pixels = read_size("--resize", read)
    assert pixels is not None  # it is given
    return ImageResize(pixels, read_filter("--resize", read))


def _score_statistics(
    comparison: StatisticsComparison, json_file: Path | None, save: Path | None
) -> None:
    console = console_beside(json_file, save)
    score_output.show_statistics(console, comparison.named())
    score_output.show_rows(console, comparison.rows)
    if save:
        comparison.samples.save(save)
        score_output.print_line(console, f"{save}: the samples' statistics, merged")
    if json_file:
        from harness.score.document import statistics_document, write

        write(statistics_document(comparison), json_file)
    score_output.finish(console, comparison.rows)
