"""The pictures of a report, from the tracking store; none is chosen by its looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from harness.config.training_fraction import split_fraction
from harness.core.measurement import CellResult
from harness.data.scatter import is_plane
from harness.evaluation.pictures import PICTURES, SAMPLES, may_have_picture, picture_name
from harness.evaluation.pictures.sheets import caption_of
from harness.plan import Plan
from harness.plan.cells import Cell
from harness.report.results import ReportPicture
from harness.report.strips import KINDS, first_rows
from harness.statistics.formatting import percent
from harness.tracking import Store

SEEDS = 3
"""Seeds whose samples and reconstructions are shown, at most."""
ROOM = 900_000
"""Bytes of pictures from which on a page gets no more seeds; it is to stay below two megabytes."""
STRIP = "training-strip"
"""The picture of samples over training."""


def stored_pictures(plan: Plan, cells: Sequence[CellResult], store: Store) -> list[ReportPicture]:
    """Returns all pictures of the first seed, the same for every model; samples over training of
    models that have samples at training fractions; and samples and reconstructions of further
    seeds, where there is room for all of a seed.
    """
    with_runs = [pair for pair in zip(plan.cells, cells, strict=True) if pair[1].run_id]
    seeds = sorted({cell.seed for cell in cells})
    by_seed = {seed: [pair for pair in with_runs if pair[1].seed == seed] for seed in seeds}
    pictures = list(_of_cells(plan, by_seed[seeds[0]], store, PICTURES)) if seeds else []
    drawn = {(each.dataset, each.model) for each in pictures if each.kind == STRIP}
    strips = _over_training(plan, by_seed[seeds[0]], store) if seeds else ()
    pictures += [each for each in strips if (each.dataset, each.model) not in drawn]
    for seed in seeds[1:SEEDS]:
        more = list(_of_cells(plan, by_seed[seed], store, KINDS))
        if sum(len(each.png) for each in [*pictures, *more]) > ROOM:
            break
        pictures += more
    return pictures


_Pairs = Sequence[tuple[Cell, CellResult]]


def _of_cells(
    plan: Plan, pairs: _Pairs, store: Store, kinds: Collection[str]
) -> Iterator[ReportPicture]:
    """The pictures of some kinds that the runs of cells have, but for training fractions."""
    for planned, cell in pairs:
        if split_fraction(cell.model)[1] == 1:
            yield from _of_cell(plan, planned, cell, store, kinds)


def _of_cell(
    plan: Plan, planned: Cell, cell: CellResult, store: Store, kinds: Collection[str]
) -> Iterator[ReportPicture]:
    of_points = is_plane(plan.datasets[cell.dataset].test.images)
    for kind in kinds:
        spec, name = PICTURES[kind], picture_name(kind, planned.sampling)
        alt = spec.alt_of_points if of_points else spec.alt
        if not alt or not may_have_picture(cell.costs, name):
            continue
        if png := store.get(cell.run_id or "", f"pictures/{name}.png"):
            yield ReportPicture(
                cell.dataset,
                cell.model,
                cell.seed,
                kind,
                png,
                f"{alt} of {cell.model} on {cell.dataset}, seed {cell.seed}",
                smooth=of_points or spec.is_figure,
                caption=caption_of(png),
            )


def _over_training(plan: Plan, pairs: _Pairs, store: Store) -> Iterator[ReportPicture]:
    """The first samples of each model at its training fractions, a row a fraction."""
    by_model: dict[tuple[str, str], dict[float, ReportPicture]] = {}
    for planned, cell in pairs:
        model, fraction = split_fraction(cell.model)
        for picture in _of_cell(plan, planned, cell, store, (SAMPLES,)):
            by_model.setdefault((cell.dataset, model), {})[fraction] = picture
    for (dataset, model), by_fraction in by_model.items():
        fractions = sorted(by_fraction)
        first = by_fraction[fractions[0]]
        if len(fractions) < 2 or first.smooth:
            continue
        if png := first_rows([by_fraction[each].png for each in fractions]):
            listed = ", ".join(percent(each) for each in fractions)
            alt = f"{PICTURES[STRIP].alt} of {model} on {dataset}, seed {first.seed}"
            caption = f"From the top: after {listed} of the training."
            yield ReportPicture(dataset, model, first.seed, STRIP, png, alt, caption=caption)
