"""Failures that say nothing of a model: of the machine, its disk, its memory, the store."""

from __future__ import annotations

import re

_REASON = re.compile(
    r"(draw \d+: )?"
    r"(out of memory|its worker process died|OSError: |ConnectionError: |TimeoutError: |"
    r"Connection\w+Error: |MlflowException: |TryLater: )"
)
"""How reasons of failures begin (`harness.evaluation.measure.error_line`) that another try, or a
larger machine, may find gone."""


def is_accident(reason: str) -> bool:
    """Whether a cell or a number failed for a reason that is none of the model's."""
    return bool(_REASON.match(reason)) or "No space left on device" in reason
