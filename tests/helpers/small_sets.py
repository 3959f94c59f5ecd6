"""Made-up datasets of 8×8 images, small enough to train on in a moment."""

from pathlib import Path

import torch

from harness.data import DatasetCard, Source, Split


def _about(title: str, classes: tuple[str, ...], factors: tuple[str, ...] = ()) -> DatasetCard:
    return DatasetCard(title, "CC0", "not stated", classes, "inception", "lpips:alex", factors)


def _noise(n: int, seed: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(100, 140, (n, 1, 8, 8), generator=draws).to(torch.uint8)


def _defects(_: Path) -> tuple[Split, Split]:
    train = Split(_noise(64, 0), torch.zeros(64, dtype=torch.int64))
    images, labels = _noise(40, 1), torch.arange(40) % 2
    masks = torch.zeros(40, 8, 8, dtype=torch.bool)
    masks[1::2, 2:5, 3:6] = True
    return train, Split(images.masked_fill(masks[:, None], 255), labels, masks=masks)


def _squares(n: int, seed: int) -> Split:
    draws = torch.Generator().manual_seed(seed)
    factors = torch.stack([torch.randint(0, k, (n,), generator=draws) for k in (4, 4, 2)], dim=1)
    images = _noise(n, seed) // 4
    for image, (row, column, bright) in zip(images, factors.tolist(), strict=True):
        image[0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 150 + 100 * bright
    return Split(images, factors[:, 2], factors=factors)


DEFECTS = Source(_about("Defects", ("good", "bright")), _defects)


def _told(split: Split) -> Split:
    rows, columns, light = ("top high low bottom", "left west east right", "dark bright")
    texts = tuple(
        f"a {light.split()[bright]} square, {rows.split()[row]} {columns.split()[column]}"
        for row, column, bright in split.factors.tolist()
    )
    return Split(split.images, split.labels, texts=texts)


TOLD = Source(
    _about("Squares with texts", ("dark", "bright")),
    lambda _: (_told(_squares(400, 0)), _told(_squares(400, 1))),
)
SQUARES = Source(
    _about("Squares", ("dark", "bright"), ("row", "column", "brightness")),
    lambda _: (_squares(400, 0), _squares(400, 1)),
)
