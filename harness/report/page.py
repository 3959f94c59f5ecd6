"""The report's templates and what they are filled with. Everything printed is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.claims.fooled import selftest_text
from harness.claims.wording import quantity
from harness.core.counting import counted
from harness.core.measurement import FLOORS
from harness.core.secrets import without_passwords
from harness.data.base import DatasetCard
from harness.evaluation.pictures import PICTURES
from harness.plan.declarations import declaration_text
from harness.report import figures, suite_figures, tables
from harness.report.alarms import alarms
from harness.report.archive import picture_paths
from harness.report.budgets import are_unequal, bounds, budget_text, budgets_of
from harness.report.charts import Chart, chart_markups
from harness.report.compact_boards import compact_boards
from harness.report.equal_time import equal_time_boards
from harness.report.failures import failures, notice
from harness.report.oddities import oddities
from harness.report.results import DatasetInfo, ReportPicture, Results
from harness.report.sample_browser import sample_browsers
from harness.report.strips import KINDS, Strip, side_by_side, strips
from harness.report.suite_figures import model_names
from harness.report.task_figures import task_figures
from harness.report.templating import data_uri, template_environment, value_text
from harness.statistics.maturity import fall_text, overfitted, training_marks, undertrained

ICONS = {"supported": "✓", "refuted": "✗", "inconclusive": "?", "not evaluable": "–"}


STRIPS = 4
"""Strips at the top of a page, at most; all their pictures are further down."""


@dataclass(frozen=True)
class DatasetBoards:
    """One dataset's part of the leaderboard."""

    name: str
    groups: tuple[tables.Group, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Collection:
    """The datasets of a suite that are made from the same images: these are licensed and cited
    once.
    """

    card: DatasetCard
    datasets: tuple[DatasetInfo, ...]


def report_html(results: Results, claim_pages: Set[str] = frozenset()) -> str:
    """The whole report as one page that needs nothing else. `claim_pages` are the ids of claims
    that have a page in the site that the report is part of.
    """
    rows = strips(results.pictures, model_names(results))
    return (
        template_environment(autoescape=True)
        .get_template("index.html")
        .render(
            **_common(results),
            forests=[chart_markups(figures.forest(verdict)) for verdict in results.verdicts],
            trade_offs=chart_markups(suite_figures.trade_offs(results)),
            tasks=[(part, _marked(part.charts)) for part in task_figures(results)],
            over_training=_marked(suite_figures.metrics_over_training(results)),
            losses=_marked(suite_figures.loss_curves(results)),
            claim_pages=claim_pages,
            browsers=sample_browsers(results.pictures, model_names(results)),
            compact=compact_boards(results, model_names(results)),
            strips=[_with_uris(strip) for strip in rows[:STRIPS]],
            more_strips=len(rows) > STRIPS,
        )
    )


def report_markdown(results: Results) -> str:
    """The report's words and tables as Markdown, with the pictures of what models make as files
    beside it; all else is in the page.
    """
    return (
        template_environment(autoescape=False)
        .get_template("report.md")
        .render(**_common(results), galleries=_picture_files(results))
    )


def claims_markdown(results: Results) -> str:
    """The verdicts alone, as Markdown for a paper's appendix."""
    template = template_environment(autoescape=False).get_template("claims.md")
    return template.render(
        r=results,
        summary=_summary(results),
        quantity=quantity,
        declared=_declared(results),
        selftests=_selftests(results),
    )


def _common(results: Results) -> dict[str, Any]:
    models, failed = model_names(results), failures(results.cells)
    budgets = budgets_of(results)
    return {
        "r": results,
        "icons": ICONS,
        "summary": _summary(results),
        "quantity": quantity,
        "boards": suite_boards(results),
        "equal_time": _equal_time(results, models),
        "collections": _collections(results.datasets),
        "failures": failed,
        "failed": notice(failed),
        "missing": [cell for cell in results.cells if cell.status == "missing"],
        "unequal": are_unequal(budgets),
        "shown": {model: bounds(images.values()) for model, images in budgets.items()},
        "unknown": [model.name for model in results.models if model.images is None],
        "uri": without_passwords(results.store.uri),
        "floors": FLOORS,
        "undertrained": undertrained(results.training),
        "overfitted": overfitted(results.training),
        "trained": tables.training_columns(results.training) if results.training else None,
        "marks": training_marks(results.training),
        "declared": _declared(results),
        "selftests": _selftests(results),
        "alarms": alarms(results),
        "oddities": oddities(results),
        "last_tenth": fall_text,
        "duration": _duration,
        "value": value_text,
    }


def _declared(results: Results) -> dict[str, str]:
    """When each claim was declared, in words, by its id."""
    return {
        verdict.claim.id: declaration_text(
            verdict.claim, results.declarations.get(verdict.claim.id, ())
        )
        for verdict in results.verdicts
    }


def _selftests(results: Results) -> dict[str, str]:
    """What the self-test says of the metrics of each claim, in words, by its id."""
    return {
        verdict.claim.id: selftest_text(
            verdict.claim, results.metrics, results.selftests.get(verdict.claim.id)
        )
        for verdict in results.verdicts
    }


def _summary(results: Results) -> str:
    """What was run, in one sentence."""
    seeds = len({cell.seed for cell in results.cells})
    device = results.environment.get("device", "an unnamed device")
    # Models that differ in how they are sampled share their training.
    trained_once = {cell.training_key: cell for cell in results.cells}.values()
    seconds = sum(float(cell.costs.get("seconds", 0)) for cell in trained_once)
    trained = f", {_duration(seconds)} of training in all" if seconds else ""
    is_fitted_only = all(model.images == 0 for model in results.models)
    budget = "none trained" if is_fitted_only else budget_text(budgets_of(results))
    return (
        f"{_count(results.models, 'model')} on {_count(results.datasets, 'dataset')}, "
        f"{counted(seeds, 'training seed')}, "
        f"{budget}, on {device}{trained}."
    )


def _count(things: Sequence[object], word: str) -> str:
    return counted(len(things), word)


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return "0 s"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def suite_boards(results: Results) -> list[DatasetBoards]:
    """The leaderboards of a suite as tables, for each of its datasets."""
    models, dataset_boards = model_names(results), []
    for name in dict.fromkeys(board.dataset for board in results.boards):
        boards_here = [board for board in results.boards if board.dataset == name]
        models_on = [model for model in models if any(board.row(model) for board in boards_here)]
        grouped = tables.groups(boards_here, results.metrics, models_on, results.doubts)
        none = tables.left_out(boards_here, results.metrics, models_on)
        dataset_boards.append(DatasetBoards(name, tuple(grouped), tuple(none)))
    return dataset_boards


def _equal_time(results: Results, models: Sequence[str]) -> list[DatasetBoards]:
    """Boards after the same training time, where training fractions tell."""
    return [
        DatasetBoards(
            f"{each.dataset} after {_duration(each.seconds)} of training",
            tuple(tables.groups(each.boards, results.metrics, models, results.doubts)),
            (),
        )
        for each in equal_time_boards(results.cells, results.table, results.metrics)
    ]


def _collections(datasets: Sequence[DatasetInfo]) -> list[Collection]:
    by_source: dict[tuple[str, str, str], list[DatasetInfo]] = {}
    for dataset in datasets:
        card = dataset.card
        by_source.setdefault((card.title, card.licence, card.citation), []).append(dataset)
    return [Collection(group[0].card, tuple(group)) for group in by_source.values()]


def _marked(plots: Mapping[str, Sequence[Chart]]) -> list[tuple[str, list[Markup]]]:
    """Figures by dataset, for a template."""
    return [(dataset, chart_markups(charts)) for dataset, charts in plots.items()]


def _picture_files(results: Results) -> dict[tuple[str, str], list[tuple[ReportPicture, str]]]:
    """What models make, with the names of its files, by kind and dataset, of one seed each."""
    paths = {picture: path for path, picture in picture_paths(results.pictures)}
    return {
        (PICTURES[kind].title, dataset): [(picture, paths[picture]) for picture in alike.values()]
        for kind in KINDS
        for dataset, alike in side_by_side(results.pictures, kind).items()
    }


def _with_uris(strip: Strip) -> dict[str, Any]:
    """A strip whose rows have data URIs."""
    rows = [(label, data_uri(png)) for label, png in strip.rows]
    return {"dataset": strip.dataset, "title": strip.title, "seed": strip.seed, "rows": rows}
