"""The numbers of a suite's leaderboards by model, as formats of other projects want them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.leaderboards.board import Board, Row
from harness.metrics.base import Metric
from harness.report.results import DatasetInfo, Results


@dataclass(frozen=True)
class ModelScore:
    """The mean of one metric of one model on one dataset, with the values by seed that it is of."""

    dataset: DatasetInfo
    metric: Metric
    board: Board
    row: Row
    value: float
    by_seed: dict[int, float]


def scores_by_model(results: Results) -> dict[str, list[ModelScore]]:
    """The scores of each model that has any, in the suite's order. Datasets that stand for several,
    such as `digits[unseen=each]`, and rows of images that no model made are left out.
    """
    scores: dict[str, list[ModelScore]] = {model.name: [] for model in results.models}
    for score in _scores(results):
        scores.setdefault(score.row.model, []).append(score)
    return {model: found for model, found in scores.items() if found}


def _scores(results: Results) -> Iterator[ModelScore]:
    datasets = {dataset.name: dataset for dataset in results.datasets}
    table = results.table[results.table["status"] == "ok"]
    values: dict[tuple[str, str, str, str], dict[int, float]] = {}
    columns = ("dataset", "model", "metric", "protocol_key", "seed", "value")
    for *names, seed, value in zip(*(table[name] for name in columns), strict=True):
        key = (str(names[0]), str(names[1]), str(names[2]), str(names[3]))
        values.setdefault(key, {})[int(seed)] = float(value)
    for board in results.boards:
        for row in board.rows:
            if row.mean is not None and board.dataset in datasets:
                key = (board.dataset, row.model, board.metric, board.protocol_key)
                yield ModelScore(
                    datasets[board.dataset],
                    results.metrics[board.metric],
                    board,
                    row,
                    row.mean,
                    values.get(key, {}),
                )
