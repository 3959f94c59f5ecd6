"""Failures that are not the model's: of the machine, its disk, its memory, the tracking store."""

from __future__ import annotations

import re

_REASON = re.compile(
    r"(draw \d+: )?"
    r"(out of memory|its worker process died|OSError: |ConnectionError: |TimeoutError: |"
    r"Connection\w+Error: |MlflowException: |TryLater: )"
)
"""How the reasons (`harness.evaluation.measure.error_line`) begin of failures that another try or a
larger machine may avoid.
"""


def is_accident(reason: str) -> bool:
    """Whether a cell or a number failed for a reason that is not the model's."""
    return bool(_REASON.match(reason)) or "No space left on device" in reason
