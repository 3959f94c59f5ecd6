"""`harness detect`: detectors of generated images, tested across models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.tables import console_beside, print_line, print_rows
from harness.core.counting import counted
from harness.core.errors import BadInput


def detect_generated(
    samples: Annotated[
        list[str], typer.Argument(help="Folders, archives or .npz, each the samples of a model.")
    ],
    train: Annotated[str, typer.Option(help="Real images that the detectors learn from.")],
    held_out: Annotated[str, typer.Option(help="Real images that they are tested with.")],
    extractor: Annotated[
        str | None,
        typer.Option(help="The feature network. Default: that of the dataset, else inception."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the table to this .csv.")
    ] = None,
) -> None:
    """Train a detector of generated images on the samples of each model, and test it on the others.

    The numbers are areas under the ROC curve: 0.5 is chance, 1 finds all.

    **Examples**

        harness detect gan/ vae/ diffusion.npz --train digits:train --held-out digits:test
    """
    import pandas as pd

    from harness.core.csv_text import to_csv
    from harness.data.imageset import load_images
    from harness.data.output_files import check_suffix, make_folder, write_output
    from harness.extractors import load_extractor
    from harness.safety.generated import cross_tests

    if out:
        check_suffix(out, "--out", "a table", ".csv")
        options.check_output_options([out], [*samples, train, held_out], None)
    if len(set(samples)) < len(samples):
        raise BadInput("a set of samples is given twice")
    sets = {where: load_images(where) for where in (*samples, train, held_out)}
    first = sets[held_out]
    for where, images in sets.items():
        if images.shape[1:] != first.shape[1:]:
            raise BadInput(
                f"{where} and {held_out} differ in size or channels: {images.shape[1:]} and "
                f"{first.shape[1:]} (C×H×W)"
            )
    name = extractor or (first.dataset.card.extractor if first.dataset else "inception")
    network = load_extractor(name)
    network.check_shape(*first.shape[1:])
    features = {where: network.extract(images.images).pooled for where, images in sets.items()}
    made = {where: features[where] for where in samples}
    tests = list(cross_tests(made, features[train], features[held_out]))
    console = console_beside(out)
    areas = {(test.learnt, test.judged): test.area for test in tests}
    rows = [[a, *(f"{areas[a, b].value:.3f}" for b in samples)] for a in samples]
    print_rows(console, ["learnt from", *(f"tested on {where}" for where in samples)], rows)
    print_line(
        console,
        f"Areas under the ROC curve by {network.label}, against {counted(len(first), 'image')} of "
        f"{held_out}: 0.5 is chance; a detector is tested on images that it did not learn from",
    )
    if out:
        table = pd.DataFrame(
            {
                "learnt from": [test.learnt for test in tests],
                "tested on": [test.judged for test in tests],
                "area": [test.area.value for test in tests],
                "stderr": [test.area.stderr for test in tests],
            }
        )
        make_folder(out)
        write_output(out, to_csv(table))
