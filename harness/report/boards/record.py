"""A leaderboard as JSON and CSV, for other programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import pandas as pd

from harness.core.csv_text import to_csv
from harness.leaderboards.board import Board, to_table
from harness.leaderboards.entries import Entry
from harness.leaderboards.pareto import Front
from harness.leaderboards.standings import Mention, Standings
from harness.report.boards.view import Leaderboard
from harness.statistics.maturity import MARKS

FORMAT = 1


def csv(board: Leaderboard) -> str:
    """A line for each entry on each board, with the training images that it was shown, and why it
    is undertrained or overfitted if it is.
    """
    standings = board.standings
    table = to_table(standings.boards, against=True)
    places = zip(table["dataset"], table["model"], strict=True)
    images = pd.Series([standings.images.get(model) for model in table["model"]], dtype="Int64")
    marks = [standings.marks.get(place, {}) for place in places]
    reasons = {word: [each.get(word, "") for each in marks] for word in MARKS}
    return to_csv(table.assign(images=images, **reasons))


def boards_json(board: Leaderboard) -> str:
    """Everything that the page says, as JSON. What no number of JSON can be is null."""
    return (
        json.dumps(_finite(boards_document(board)), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def boards_document(board: Leaderboard) -> dict[str, Any]:
    """The same as plain values."""
    standings = board.standings
    return {
        "format": FORMAT,
        "store": board.store,
        "generated_at": board.generated_at,
        "against": next(iter(standings.against), None),
        "notices": list(standings.notices),
        "entries": [_entry(entry, standings) for entry in standings.collected.entries],
        "boards": [_board(each, board) for each in standings.boards],
        "across_datasets": [asdict(each) for each in standings.summaries],
        "fronts": [_front(each) for each in standings.fronts],
        "quoted": [_mention(each) for each in standings.mentions],
        "failures": [asdict(lost) for lost in standings.collected.lost],
    }


def _entry(entry: Entry, standings: Standings) -> dict[str, Any]:
    return {
        "entry": entry.label,
        "model": entry.identity.model,
        "also": sorted(entry.also),
        "kind": entry.identity.kind,
        "images": entry.identity.images,
        "settings": {
            name: value
            for name, value in entry.identity.facets.items()
            if value and name not in ("kind", "images")
        },
        "seeds": {dataset: sorted(seeds) for dataset, seeds in sorted(entry.seeds.items())},
        **{word: _reasons(word, entry, standings) for word in MARKS},
        "parameters": sorted(entry.parameters),
        "suites": sorted(entry.suites),
        "machines": sorted(entry.machines),
        "first": entry.first.isoformat(),
        "last": entry.last.isoformat(),
        "runs": sorted(entry.runs),
    }


def _reasons(mark: str, entry: Entry, standings: Standings) -> dict[str, str | None]:
    """Why an entry has a mark, by dataset: empty where it has not, None where that is unknown."""
    return {
        name: None if marks is None else marks.get(mark, "")
        for name, marks in standings.entry_marks(entry).items()
    }


def _board(board: Board, leaderboard: Leaderboard) -> dict[str, Any]:
    metric = leaderboard.standings.metrics[board.metric]
    how = leaderboard.standings.collected.protocols.get(board.protocol_key)
    return {
        "dataset": board.dataset,
        "metric": board.metric,
        "better": metric.better,
        "unit": metric.unit,
        "protocol": board.protocol,
        "protocol_fields": how.to_dict() if how else {},
        "apart": board.apart,
        "against": board.against,
        "mean": board.mean,
        "level": board.level,
        "over": board.over,
        "rows": [asdict(row) for row in board.rows],
        "floor": asdict(board.floor) if board.floor else None,
    }


def _front(front: Front) -> dict[str, Any]:
    return {
        "dataset": front.quality.dataset,
        "quality": front.quality.metric,
        "cost": front.axis,
        "points": {model: list(point) for model, point in front.points.items()},
        "front": list(front.best),
    }


def _mention(mention: Mention) -> dict[str, Any]:
    return {
        **mention.quote.model_dump(mode="json", exclude_unset=True),
        "comparable": not mention.apart,
        "apart": mention.apart,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
