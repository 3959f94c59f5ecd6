"""The recipes of a report's models, read again."""

from __future__ import annotations

import yaml

from harness.report.results import ModelInfo


def settings_of_model(model: ModelInfo) -> dict[str, object]:
    """The settings of a model's recipe; of samples from elsewhere, and of a text that is no
    mapping, none.
    """
    content = yaml.safe_load(model.recipe) if model.images is not None else None
    return content if isinstance(content, dict) else {}
