"""What cells recorded for figures, by dataset and model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.report.results import Results
from harness.report.suite_figures import model_names

FigureData = Mapping[str, Mapping[str, Mapping[int, Mapping[str, Any]]]]
"""By dataset, model and seed."""


def figure_data_of(results: Results, kind: str) -> FigureData:
    """The figure data of a kind; models are in the suite's order, and those without any are left
    out.
    """
    order = model_names(results)
    data: dict[str, dict[str, dict[int, Mapping[str, Any]]]] = {}
    known = [each for each in results.figure_data if each.kind == kind and each.model in order]
    for each in sorted(known, key=lambda one: order.index(one.model)):
        if content := json.loads(each.content):
            by_model = data.setdefault(each.dataset, {})
            by_model.setdefault(each.model, {})[each.seed] = content
    return data
