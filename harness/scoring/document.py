"""The numbers of a scoring, for files and for the tracking store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.data.imageset import ImageSet
from harness.data.output_files import write_output
from harness.scoring.comparing import StatisticsComparison
from harness.scoring.curve import Curve
from harness.scoring.per_image import ImageTable
from harness.scoring.scoring import Scoring
from harness.tracking import Store
from harness.tracking.environment import environment


def scoring_document(
    scoring: Scoring, rows: Sequence[Measurement], curve: Curve | None = None
) -> dict[str, Any]:
    """Rows, sets, environment, and the curve if there is one, as plain values for JSON."""
    return {
        **({"name": scoring.sets.name} if scoring.sets.name else {}),
        "sets": {name: image_facts(images) for name, images in scoring.sets.by_role().items()},
        "paired": scoring.sets.paired,
        "rows": [json.loads(row.to_json()) for row in rows],
        **({"curve": curve.document(scoring.setup)} if curve else {}),
        "environment": {**environment(), "device": scoring.numerics.machine},
    }


def statistics_document(comparison: StatisticsComparison) -> dict[str, Any]:
    """The same of statistics."""
    return {
        "sets": {
            name: {
                "images": statistics.count,
                "shards": statistics.shards,
                **vars(statistics.origin),
            }
            for name, statistics in comparison.by_role().items()
        },
        "rows": [json.loads(row.to_json()) for row in comparison.rows],
        "environment": {**environment(), "device": comparison.numerics.machine},
    }


def image_facts(images: ImageSet) -> dict[str, Any]:
    """What a set is, without its pixels."""
    return {
        "description": images.description,
        "shape": list(images.images.shape),
        "digest": images.digest,
        "left_out": images.left_out,
        "remark": images.remark,
    }


def write_json(content: dict[str, Any], file: Path) -> None:
    """Write `content` as JSON, to an output as `write_output` takes it."""
    write_output(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def log_scoring(
    document: Mapping[str, Any],
    rows: Sequence[Measurement],
    store: Store,
    table: ImageTable | None = None,
) -> str:
    """Logs the rows of a scoring, whose document is that of `scoring_document`, and the values of
    each image where metrics have such; returns the id of their run. The same sets again continue
    it.
    """
    sets = document["sets"]
    params = {
        f"{name}.{key}": value for name, facts in sets.items() for key, value in facts.items()
    }
    key = digest([[name, facts["digest"]] for name, facts in sets.items()] + [document["paired"]])
    run_id = store.open_score(key, sets["samples"]["description"], params)
    store.log_datasets(
        run_id, [(name, facts["description"], facts["digest"]) for name, facts in sets.items()]
    )
    store.put(run_id, "environment.json", json.dumps(document["environment"], indent=2))
    store.record(run_id, rows)
    if table and table.columns:
        store.put(run_id, "per_image.csv", table.csv_text())
    store.finish(run_id, ok=all(row.status != "failed" for row in rows))
    return run_id
