"""What a suite may name, with titles, for `harness list`.

Suites and recipes are files. The titles of datasets, metrics and feature networks stand in modules
that import torch, which takes longer than the rest: they are kept in the cache folder until a file
of the harness changes.
"""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path

import harness
from harness.config.recipe import list_recipes, load_recipe
from harness.config.suite import list_suites, load_suite
from harness.core.cache_folder import cache_folder
from harness.core.files import atomic_write
from harness.core.keys import digest

Rows = list[tuple[str, str]]

FILE = "titles.json"
GROUPS = "harness."
"""The prefix of the groups of entry points by which other packages add to the registries."""


def catalogue(kind: str | None) -> dict[str, Rows]:
    """The names of one kind that `harness list` takes, or of all, each with what it is."""
    rows: dict[str, Rows] = {}
    if kind in (None, "suites"):
        rows["suites"] = [(name, load_suite(name).suite.title) for name in list_suites()]
    if kind in (None, "models"):
        rows["models"] = [(name, load_recipe(name).description) for name in list_recipes()]
    if kind not in ("suites", "models"):
        titles = _titles()
        rows |= {name: titles[name] for name in titles if kind in (None, name)}
    return rows


def _titles() -> dict[str, Rows]:
    """The titles from the cache folder, or else from the registries. Nothing is kept where other
    packages add titles, since these may change at any time.
    """
    if any(group.startswith(GROUPS) for group in entry_points().groups):
        return _registered()
    key, path = _state(), cache_folder() / FILE
    if (titles := _read(path, key)) is None:
        titles = _registered()
        with suppress(OSError):  # a cache that cannot be written costs time, and nothing else
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, json.dumps({"key": key, "titles": titles}))
    return titles


def _state() -> str:
    """A key that changes with any Python file of the harness."""
    folder = Path(harness.__file__).parent
    stats = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*.py")}
    return digest({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()})


def _read(path: Path, key: str) -> dict[str, Rows] | None:
    with suppress(OSError, ValueError, TypeError, KeyError):  # absent, or damaged
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["key"] == key:
            return {
                name: [(str(entry), str(title)) for entry, title in rows]
                for name, rows in document["titles"].items()
            }
    return None


def _registered() -> dict[str, Rows]:
    """The titles by the registries themselves."""
    from harness.data.inventory import inventory
    from harness.extractors import EXTRACTORS, FACTOR_READERS, PERCEPTUALS, TEXT_IMAGES
    from harness.metrics import METRICS

    uses = {
        "features: FID and its kin": EXTRACTORS,
        "perceptual distance: LPIPS": PERCEPTUALS,
        "texts and images: CLIP score": TEXT_IMAGES,
        "factors: shape, colour, place": FACTOR_READERS,
    }
    return {
        "datasets": [(entry.name, entry.title) for entry in inventory()],
        "metrics": [
            (name, metric.heading + " (retired)" * bool(metric.retired))
            for name, metric in METRICS.items()
        ],
        "extractors": [(name, use) for use, registry in uses.items() for name in registry.names()],
    }
