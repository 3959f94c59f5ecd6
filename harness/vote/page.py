"""The page that shows pairs of samples and collects choices; it does not know who made them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.data.output_files import write_output
from harness.data.scatter import is_plane
from harness.evaluation.pictures import picture_name
from harness.evaluation.pictures.sheets import grid_png, grid_tiles, image_png
from harness.plan import Plan
from harness.plan.identity import identify
from harness.report.scripts import with_scripts
from harness.tracking import Store
from harness.tracking.suites import find_suite
from harness.vote.ballots import Entrant, Key
from harness.vote.pairing import draw_pairs

EXAMPLES = 12
"""Test images beside the question: what real ones look like."""


@dataclass(frozen=True)
class SampleGallery:
    """An entrant and its samples, the unselected ones of its run's picture: n×C×S×S, uint8."""

    entrant: Entrant
    samples: Tensor


@dataclass(frozen=True)
class Page:
    """What a page asks about; `left_out` says of each dataset without a choice why it has none."""

    key: Key
    left_out: tuple[str, ...]


def write_page(plan: Plan, store: Store, count: int, seed: int, path: Path) -> Page:
    """Write a page with `count` pairs of the suite's samples to `path`, and keep its key in the
    suite's run. BadInput where no dataset has two models with samples to choose between.
    """
    run = find_suite(store, identify(plan.loaded, store), plan.suite_key)
    if run is None:
        raise BadInput(f"{plan.loaded.name}: not run yet; `harness run` runs it")
    galleries, left_out = _with_a_choice(list(_galleries(plan, store)), plan)
    key = Key(
        suite=plan.loaded.name,
        entrants=tuple(gallery.entrant for gallery in galleries),
        pairs=draw_pairs(
            [gallery.entrant for gallery in galleries],
            [len(gallery.samples) for gallery in galleries],
            count,
            seed,
        ),
    )
    store.put(run, key_file(key.page), key.model_dump_json(indent=1))
    write_output(path, _html(key, run, galleries, plan))
    return Page(key, left_out)


def key_file(page: str) -> str:
    """The artifact of the suite's run that holds the key of a page."""
    return f"votes/{page}.json"


def _galleries(plan: Plan, store: Store) -> Iterator[SampleGallery]:
    records = plan.records(store)
    for cell in plan.cells:
        record, dataset = records.get(cell.training_key), plan.datasets[cell.dataset]
        if record is None or not cell.is_shown or not _can_be_shown(dataset):
            continue
        if png := store.get(
            record.run_id, f"pictures/{picture_name('samples', cell.sampling)}.png"
        ):
            entrant = Entrant(
                dataset=cell.dataset,
                model=cell.model,
                seed=cell.seed,
                run_id=record.run_id,
                training_key=cell.training_key,
            )
            made = (
                cell.setup.samples
                if cell.is_trained
                else int(record.facts.get("images", cell.setup.samples))
            )
            yield SampleGallery(entrant, grid_tiles(png, dataset.size)[:made])


def _can_be_shown(dataset: Dataset) -> bool:
    """Points in the plane and videos are no pictures to choose between."""
    return dataset.frames == 1 and not is_plane(dataset.test.images)


def _with_a_choice(
    galleries: Sequence[SampleGallery], plan: Plan
) -> tuple[list[SampleGallery], tuple[str, ...]]:
    """The galleries of datasets on which two models or more have samples, and what the others have.
    BadInput where there is no such dataset.
    """
    models: dict[str, set[str]] = {dataset: set() for dataset in plan.datasets}
    for gallery in galleries:
        models[gallery.entrant.dataset].add(gallery.entrant.model)
    kept = [g for g in galleries if len(models[g.entrant.dataset]) > 1]
    left_out = tuple(
        f"{dataset} is left out: {f'only {min(shown)}' if shown else 'no model'} has samples to "
        "show, and a vote takes two models"
        for dataset, shown in models.items()
        if len(shown) < 2
    )
    if not kept:
        raise BadInput(f"{plan.loaded.name} has nothing to choose between: {'; '.join(left_out)}")
    return kept, left_out


def _html(key: Key, run: str, galleries: Sequence[SampleGallery], plan: Plan) -> str:
    used = {(s.entrant, s.sample) for pair in key.pairs for s in (pair.left, pair.right)}
    # In the order of their pixels, which says nothing of who made them.
    uris = {(e, i): _data_uri(image_png(galleries[e].samples[i])) for e, i in used}
    images = sorted(set(uris.values()))
    numbers = {place: images.index(uri) for place, uri in uris.items()}
    datasets = list(dict.fromkeys(entrant.dataset for entrant in key.entrants))
    data = {
        "page": key.page,
        "run": run,
        "suite": key.suite,
        "images": images,
        "pairs": [
            [numbers[s.entrant, s.sample] for s in (pair.left, pair.right)]
            + [datasets.index(key.entrants[pair.left.entrant].dataset)]
            for pair in key.pairs
        ],
        "examples": [_examples(plan.datasets[name]) for name in datasets],
    }
    environment = Environment(
        loader=PackageLoader("harness.vote"), autoescape=True, undefined=StrictUndefined
    )
    return (
        with_scripts(environment)
        .get_template("vote.html")
        .render(
            title=plan.loaded.suite.title,
            count=len(key.pairs),
            # Within a script `<` could end it.
            data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        )
    )


def _examples(dataset: Dataset) -> dict[str, str]:
    images = dataset.normal_test.images[:EXAMPLES]
    return {"title": dataset.card.title, "image": _data_uri(grid_png(images, EXAMPLES))}


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
