"""The image pairs of a check of two models as one web page, the worst first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from harness.evaluation.pictures.sheets import png_bytes
from harness.regression.fixed_models.measures import MEASURES
from harness.report.checks.model_words import MODEL_HEADINGS, ModelCheckText
from harness.report.templating import data_uri, now, template_environment
from harness.statistics.formatting import number

MOST_PAIRS = 100
PIXELS = 2_000_000
"""The most pixels of the models' images that a page has, so that it stays small."""
FEWEST_PAIRS = 10
LARGEST_SIDE = 256
"""Larger images are shown smaller, in pixels a side."""


@dataclass(frozen=True)
class PairRow:
    """A pair on the page: its number, its condition, three pictures and its values as texts."""

    number: int
    condition: str
    is_broken: bool
    pictures: tuple[str, ...]
    values: tuple[tuple[float, str], ...]


def pairs_html(words: ModelCheckText) -> str:
    """The page, which needs nothing else: the broken pairs, then those that differ most."""
    scores, check = words.scores, words.check
    names = [name for name in MEASURES if name in scores.pairs]
    height, width = scores.draws.reference.shape[2:]
    most = min(MOST_PAIRS, max(FEWEST_PAIRS, PIXELS // (height * width)))
    order = (scores.pairs["rms"] + check.broken * 1e6).argsort(descending=True, stable=True)
    template = template_environment(autoescape=True).get_template("model_check.html")
    return template.render(
        words=words,
        headings=MODEL_HEADINGS,
        measures=[MEASURES[name] for name in names],
        rows=[_row(words, names, int(row)) for row in order[:most]],
        total=len(scores),
        generated_at=now(),
    )


def _row(words: ModelCheckText, names: list[str], row: int) -> PairRow:
    draws, plan = words.scores.draws, words.plan
    condition = "" if plan.captions is None else plan.captions[row]
    condition = condition if plan.labels is None else f"class {int(plan.labels[row])}"
    a, b = draws.reference[row], draws.candidate[row]
    pictures = tuple(data_uri(_picture(each)) for each in (a, b, _difference(a, b)))
    values = []
    for name in names:
        value = float(words.scores.pairs[name][row])
        values.append((value, number(value, MEASURES[name].digits)))
    return PairRow(row, condition, bool(words.check.broken[row]), pictures, tuple(values))


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """The absolute difference of two images uint8 C×H×W, its largest value in white."""
    difference = (a.short() - b.short()).abs()
    largest = max(1, int(difference.max()))
    return (difference * 255 // largest).to(torch.uint8)


def _picture(image: Tensor) -> bytes:
    """The PNG of an image uint8 C×H×W, made smaller where it is large."""
    picture = Image.fromarray(image.permute(1, 2, 0).squeeze(-1).numpy())
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return png_bytes(picture)
