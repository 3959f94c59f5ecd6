"""How a codebook is used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import picture
from harness.evaluation.pictures.figures import BLUE, GREY, figure_png
from harness.evaluation.pictures.latent import CODES
from harness.evaluation.reconstructions import map_batches


@picture(
    "codebook",
    "Use of the codebook",
    caption="How often test images use each entry of the codebook, from the most used to the "
    "least. The line is where all bars would end if all entries were used alike; entries without a "
    "bar are never used.",
    alt="How often each entry of the codebook is used,",
    requires=("code_symbols", "reference"),
    is_figure=True,
)
def draw_codebook(e: Evidence) -> bytes:
    """A bar for each entry that the first test images use."""
    symbols = e.at_hand("code_symbols")
    if symbols is None:
        symbols = map_batches(e, e["reference_images"][:CODES], e.model.symbols)
    entries = int(e.model.settings.entries)
    shares = symbols[:CODES].flatten().bincount(minlength=entries).double()
    shares = (shares / shares.sum()).sort(descending=True).values

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.bar(range(entries), 100 * shares.numpy(), width=1.0, color=BLUE, linewidth=0)
        axes.axhline(100 / entries, color=GREY, linewidth=1)
        axes.set(xlabel="entry, by its use", ylabel="% of all symbols", xlim=(-0.5, entries - 0.5))

    return figure_png(4.0, 2.4, draw, _use_sentence(shares, min(CODES, len(symbols))))


def _use_sentence(shares: Tensor, images: int) -> str:
    """How many entries are used, and how many used alike would say as much."""
    used = int((shares > 0).sum())
    perplexity = float(torch.special.entr(shares).sum().exp())
    return (
        f"{used} of {len(shares)} entries are used by {images} test images; perplexity "
        f"{perplexity:.1f}, the number of entries that would say as much if used alike."
    )
