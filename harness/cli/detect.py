"""`harness detect`: detectors of generated images, tested across models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.safety import load_same_shape
from harness.cli.tables import console_beside, print_line, print_rows
from harness.core.counting import counted
from harness.core.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from harness.safety.generated import DetectorTest


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
    from harness.core.csv_text import to_csv
    from harness.data.output_files import check_suffix, make_folder, write_output
    from harness.extractors import load_extractor
    from harness.safety.generated import cross_tests
    from harness.scoring.selection import default_extractor

    if out:
        check_suffix(out, "--out", "a table", ".csv")
        options.check_output_options([out], [*samples, train, held_out], None)
    if len(set(samples)) < len(samples):
        raise BadInput("a set of samples is given twice")
    sets = load_same_shape([held_out, train, *samples])
    real = sets[held_out]
    network = load_extractor(extractor or default_extractor(real))
    network.check_shape(*real.shape[1:])
    features = {place: network.extract(images.images).pooled for place, images in sets.items()}
    made = {place: features[place] for place in samples}
    tests = list(cross_tests(made, features[train], features[held_out]))
    console = console_beside(out)
    print_rows(
        console,
        ["learnt from", *(f"tested on {place}" for place in samples)],
        _area_rows(tests, samples),
    )
    print_line(
        console,
        f"Areas under the ROC curve by {network.label}, against {counted(len(real), 'image')} of "
        f"{held_out}: 0.5 is chance; a detector is tested on images that it did not learn from",
    )
    if out:
        make_folder(out)
        write_output(out, to_csv(_area_table(tests)))


def _area_rows(tests: Sequence[DetectorTest], samples: Sequence[str]) -> list[list[str]]:
    """A row for each set that a detector learnt from, with its areas on all sets."""
    areas = {(test.learnt_from, test.tested_on): f"{test.area.value:.3f}" for test in tests}
    return [[learnt, *(areas[learnt, judged] for judged in samples)] for learnt in samples]


def _area_table(tests: Sequence[DetectorTest]) -> pd.DataFrame:
    """All areas with their standard errors, a row for each test."""
    import pandas as pd

    return pd.DataFrame(
        {
            "learnt from": [test.learnt_from for test in tests],
            "tested on": [test.tested_on for test in tests],
            "area": [test.area.value for test in tests],
            "stderr": [test.area.stderr for test in tests],
        }
    )
