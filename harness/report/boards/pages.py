"""A leaderboard as a web page and as Markdown."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from harness.core.measurement import FLOORS
from harness.leaderboards.standings import Standings
from harness.report import figures
from harness.report.boards import view
from harness.report.charts import chart_markup
from harness.report.templating import template_environment
from harness.statistics.formatting import percent


def boards_html(board: view.Leaderboard) -> str:
    """One page that needs nothing else."""
    template = template_environment(autoescape=True).get_template("leaderboard.html")
    return template.render(**_common(board), fronts=_fronts(board.standings))


def boards_markdown(board: view.Leaderboard) -> str:
    """Words and tables; figures are in the page."""
    return (
        template_environment(autoescape=False)
        .get_template("leaderboard.md")
        .render(**_common(board))
    )


def _common(board: view.Leaderboard) -> dict[str, Any]:
    standings = board.standings
    return {
        "board": board,
        "s": standings,
        "headline": view.headline(standings),
        "datasets": view.datasets(standings),
        "quoted": view.quoted(standings),
        "floors": FLOORS,
        "estimate": view.format_estimate,
        "probability": view.probability,
        "scale": view.scale,
        "partial": view.partial,
        "spread": view.spread,
        "stated": view.stated,
        "budgets": view.budgets(standings),
        "marks": standings.marks,
        "maturity": view.maturity,
        "seeds": view.seeds,
        "parameters": view.parameters,
        "percent": percent,
    }


def _fronts(standings: Standings) -> list[tuple[str, list[Markup]]]:
    """For each dataset its figures. A model looks the same in all of them."""
    models = [entry.label for entry in standings.collected.entries] + sorted(view.quoted(standings))
    figures_by_dataset: dict[str, list[Markup]] = {}
    for front in standings.fronts:
        chart = figures.trade_off(front, standings.metrics[front.quality.metric], models)
        figures_by_dataset.setdefault(front.quality.dataset, []).append(chart_markup(chart))
    return list(figures_by_dataset.items())
