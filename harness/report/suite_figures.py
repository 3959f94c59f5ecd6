"""Which figures a suite's report has: each drawn by `harness.report.figures`."""

from __future__ import annotations

from harness.config.training_fraction import is_entrant, split_fraction
from harness.evaluation.training_curves import OUTPUTS, SPREAD
from harness.leaderboards.pareto import front
from harness.report import figures
from harness.report.charts import LineChart, PointChart
from harness.report.results import Results


def model_names(results: Results) -> list[str]:
    """The models in the suite's order, which gives each its colour."""
    measured = (str(m) for m in results.table["model"] if is_entrant(m))
    return list(dict.fromkeys([*(model.name for model in results.models), *measured]))


def trade_offs(results: Results) -> list[PointChart]:
    """Each metric of quality against the speed of sampling, on each dataset that has both."""
    models = model_names(results)
    boards = {(b.dataset, b.metric): b for b in results.boards if not b.apart}
    fronts = [
        front(board, boards[dataset, results.speed], results.metrics)
        for (dataset, metric), board in boards.items()
        if metric in results.trade_off and (dataset, results.speed) in boards
    ]
    return [
        figures.trade_off(each, results.metrics[each.quality.metric], models)
        for each in fronts
        if each
    ]


def metrics_over_training(results: Results) -> dict[str, list[LineChart]]:
    """For each dataset the metrics that were measured at points in training, of those models."""
    names = results.table["model"].map(split_fraction)
    table = results.table.assign(model=names.str[0], share=names.str[1])
    table = table[table["status"] == "ok"]
    models = model_names(results)
    plots: dict[str, list[LineChart]] = {}
    grouped = table.groupby(["dataset", "metric", "protocol_key"], sort=False)
    for (dataset, metric, _), rows in grouped:
        early = rows.loc[rows["share"] < 1, "model"]
        if len(early):
            points, measured = rows[rows["model"].isin(early)], results.metrics[str(metric)]
            chart = figures.over_training(points, measured, models)
            plots.setdefault(str(dataset), []).append(chart)
    return plots


def loss_curves(results: Results) -> dict[str, list[LineChart]]:
    """For each dataset the loss curves of its models, the norms of their gradients, and what their
    discriminators say of images.
    """
    models = model_names(results)
    plots: dict[str, list[LineChart]] = {}
    grouped = results.curves.groupby(["dataset", "model"], sort=False)
    for (dataset, model), curves in grouped:
        are_norms = curves["name"].str.endswith("/gradient_norm")
        are_outputs = curves["name"].str.startswith(OUTPUTS)
        are_other = curves["name"].str.endswith(("/drift", "/learning_rate")) | (
            curves["name"] == SPREAD
        )
        losses = curves[~(are_norms | are_outputs | are_other)]
        kinds = {
            "Losses": losses,
            "Norms of gradients": curves[are_norms],
            "Outputs of the discriminator": curves[are_outputs],
        }
        for subject, part in kinds.items():
            if len(part):
                chart = figures.training_curves(part, str(model), models, subject)
                plots.setdefault(str(dataset), []).append(chart)
    return plots
