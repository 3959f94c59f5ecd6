"""A benchmarking and evaluation harness for generative vision models.

The names below are loaded when they are first used, so that the import itself is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api.lightning_callback import lightning_callback
    from harness.api.loaded_model import LoadedModel, load_model
    from harness.api.score_result import ScoreResult
    from harness.api.scores import score
    from harness.api.suites import SuiteOutcome, results, run
    from harness.api.training_scores import TrainingScores
    from harness.core.errors import BadInput

__version__ = "0.1.0"
__all__ = [
    "BadInput", "LoadedModel", "ScoreResult", "SuiteOutcome", "TrainingScores", "__version__",
    "lightning_callback", "load_model", "results", "run", "score",
]  # fmt: skip

_MODULES = {
    "BadInput": "harness.core.errors",
    "LoadedModel": "harness.api.loaded_model",
    "ScoreResult": "harness.api.score_result",
    "SuiteOutcome": "harness.api.suites",
    "TrainingScores": "harness.api.training_scores",
    "lightning_callback": "harness.api.lightning_callback",
    "load_model": "harness.api.loaded_model",
    "results": "harness.api.suites",
    "run": "harness.api.suites",
    "score": "harness.api.scores",
}
"""Where each name is defined."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
