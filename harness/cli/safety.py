"""`harness watermark`, `harness copies`: what belongs beside a sampler."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.tables import console_beside, print_line, print_rows
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.data.imageset import ImageSet

LIMIT = 1e-4
"""The false positive rate, over keys, for an image without a watermark."""
SHOWN = 20

Samples = Annotated[
    str, typer.Argument(help="A folder or archive of images, an .npz, or a split: digits:test.")
]
KeyFile = Annotated[Path, typer.Option("--key-file", help="A text file with the secret key.")]

watermark = typer.Typer(
    help="Mark images invisibly with a secret key, and find the mark.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@watermark.command("embed")
def embed(samples: Samples, key_file: KeyFile, out: options.Out) -> None:
    """Write images with an invisible watermark, as an .npz of uint8 N×H×W×C.

    **Examples**

        harness watermark embed samples/ --key-file key.txt -o marked.npz
    """
    import numpy as np

    from harness.data.imageset import load_images
    from harness.data.output_files import check_suffix, make_folder, write_output
    from harness.metrics.reconstruction import psnr, psnr_ceiling
    from harness.safety.watermark import embed_watermark

    check_suffix(out, "--out", "an array", ".npz")
    key = _key(key_file)
    options.check_output_options([out], [samples, str(key_file)], None)
    images = load_images(samples).images
    marked = embed_watermark(images, key)
    ratios = psnr(marked, images).clamp(max=psnr_ceiling(images[0].numel()))
    average, least = float(ratios.mean()), float(ratios.min())
    content = io.BytesIO()
    np.savez_compressed(content, marked.permute(0, 2, 3, 1).numpy())
    make_folder(out)
    write_output(out, content.getvalue())
    print_line(
        console_beside(out),
        f"{out}: {counted(len(marked), 'image')} with the watermark, PSNR {average:.1f} dB "
        f"on average and {least:.1f} at least",
    )


@watermark.command("detect")
def detect(
    samples: Samples,
    key_file: KeyFile,
    size: Annotated[
        int | None,
        typer.Option(
            min=8, help="Pixels a side when they were marked, if they were cut or resized."
        ),
    ] = None,
) -> None:
    """Say how many images have the watermark of a key.

    The false positive rate for images without it is 1e-4 at most, over keys.

    **Examples**

        harness watermark detect marked.npz --key-file key.txt
    """
    from harness.data.imageset import load_images
    from harness.safety.watermark import watermark_p_values

    key = _key(key_file)
    images = load_images(samples).images
    p_values = watermark_p_values(images, key, (size, size) if size else None)
    marked = int((p_values <= LIMIT).sum())
    print_line(
        Console(),
        f"{samples}: {marked:,} of {counted(len(images), 'image')} have the watermark; of as many "
        f"images without it {LIMIT * len(images):.2g} would be expected to test positive",
    )


def copies(
    samples: Samples,
    train: Annotated[str, typer.Option(help="The images that the model was trained on.")],
    held_out: Annotated[str, typer.Option(help="Images like these that training did not see.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write all samples to this .csv.")
    ] = None,
) -> None:
    """Find samples that are near copies of training images, by the distance of their pixels.

    The p-value is the share of held-out images that are as near to a training image.

    **Examples**

        harness copies samples/ --train digits:train --held-out digits:test
    """
    import pandas as pd

    from harness.core.csv_text import to_csv
    from harness.data.output_files import check_suffix, make_folder, write_output
    from harness.metrics.near_copies import RATE, find_near_copies

    if out:
        check_suffix(out, "--out", "a table", ".csv")
        options.check_output_options([out], [samples, train, held_out], None)
    sets = load_same_shape([samples, train, held_out])
    pixels = [sets[place].images.flatten(1).float() / 255 for place in (samples, train, held_out)]
    nearest = find_near_copies(*pixels)
    table = pd.DataFrame(
        {
            "sample": sets[samples].names,
            "training image": [sets[train].names[i] for i in nearest.indices.tolist()],
            "distance": nearest.distances.numpy(),
            "p": nearest.p_values.numpy(),
        }
    ).sort_values(["p", "distance"], kind="stable")
    console = console_beside(out)
    near = table[table["p"] <= RATE]
    rows = [
        [a, b, f"{d:.3g}", f"{p:.2g}"] for a, b, d, p in near.head(SHOWN).itertuples(index=False)
    ]
    if rows:
        print_rows(console, list(table.columns), rows)
    print_line(
        console,
        f"{len(near):,} of {counted(len(table), 'sample')} are nearer to a training image than all "
        f"but {RATE:.0%} of the held-out images; {RATE * len(table):.2g} would be expected",
    )
    if out:
        make_folder(out)
        write_output(out, to_csv(table))


def load_same_shape(places: Sequence[str]) -> dict[str, ImageSet]:
    """The images of each place, loaded once. Raises BadInput where they differ in size or channels
    from the first place's.
    """
    from harness.data.imageset import load_images, size_text

    sets = {place: load_images(place) for place in places}
    first = sets[places[0]]
    for place, images in sets.items():
        if images.shape[1:] != first.shape[1:]:
            raise BadInput(
                f"{place} and {places[0]} differ in size or channels: {size_text(images)} and "
                f"{size_text(first)} (C×H×W)"
            )
    return sets


def _key(file: Path) -> str:
    """The key in a file. Raises BadInput where there is none."""
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: no key can be read ({error})") from error
    if not key:
        raise BadInput(f"{file} is empty; a key of a watermark is needed")
    return key
