"""Runs side by side as one web page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.evaluation.pictures import PICTURES, may_have_picture, picture_name
from harness.leaderboards.run_comparison import ComparedRun, RunComparison
from harness.report import tables
from harness.report.runs import view
from harness.report.templating import data_uri, template_environment
from harness.tracking import Store


@dataclass(frozen=True)
class RunGallery:
    """The pictures of one kind, a PNG (or None) for each run."""

    title: str
    pictures: tuple[bytes | None, ...]


def galleries(comparison: RunComparison, store: Store) -> list[RunGallery]:
    """The pictures of all kinds that any run has."""
    read = (
        RunGallery(spec.title, tuple(_picture(side, kind, store) for side in comparison.sides))
        for kind, spec in PICTURES.items()
    )
    return [gallery for gallery in read if any(gallery.pictures)]


def _picture(side: ComparedRun, kind: str, store: Store) -> bytes | None:
    name = picture_name(kind, side.part.sampling)
    if not may_have_picture(side.run.facts, name):
        return None
    return store.get(side.run.run_id, f"pictures/{name}.png")


def runs_html(
    comparison: RunComparison, shown: Sequence[RunGallery], store_uri: str, generated_at: str
) -> str:
    """The page, which needs nothing else."""
    context: dict[str, Any] = {
        "c": comparison,
        "letters": view.letters(comparison),
        "sections": view.sections(comparison),
        "notices": list(view.notices(comparison)),
        "galleries": [(g.title, [png and data_uri(png) for png in g.pictures]) for g in shown],
        "value": view.value,
        "training": view.training(comparison),
        "effect": view.effect,
        "basis": view.basis,
        "heading": tables.heading,
        "store": store_uri,
        "generated_at": generated_at,
    }
    return template_environment(autoescape=True).get_template("compare.html").render(**context)
