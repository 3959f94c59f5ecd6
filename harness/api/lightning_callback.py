"""Scores of a model while Lightning trains it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Unpack

from harness.api.images import Images, LabelledImages
from harness.api.options import ScoreArguments
from harness.api.scores import Model
from harness.api.training_scores import TrainingScores
from harness.core.optional_packages import load_optional


def lightning_callback(
    every_n_epochs: int = 1,
    reference: Images | LabelledImages | None = None,
    model: Callable[[Any], Model] | None = None,
    **options: Unpack[ScoreArguments],
) -> Any:
    """Returns a callback for Lightning's `Trainer`, which logs scores as the module's own metrics,
    so that loggers show `fid` and `ModelCheckpoint(monitor="fid")` follows it.

    Args: every_n_epochs: Epochs of training between two scores. reference: As for `harness.score`.
        model: What is scored of the module, as `lambda module: module.ema`. Default: the module
        itself, by its method `sample(n, generator)`, or with `latent=` by its `forward`. **options:
        The options of `harness.score`, also metrics, n and seed.

    Raises:
        BadInput: Where Lightning is not installed, and for wrong settings.
    """
    scores = TrainingScores(every_n_epochs, reference, **options)

    def on_train_epoch_end(self: Any, trainer: Any, pl_module: Any) -> None:
        """Measures in the first process; all of them log the same numbers."""
        epochs = trainer.current_epoch + 1
        if epochs % scores.every:
            return
        numbers = {}
        if trainer.is_global_zero:
            source = pl_module if model is None else model(pl_module)
            numbers = scores.measure(trainer.global_step, source).numbers
        numbers = trainer.strategy.broadcast(numbers)
        pl_module.log_dict(numbers, on_step=False, on_epoch=True)

    base = _lightning().callbacks.Callback
    methods = {"on_train_epoch_end": on_train_epoch_end, "scores": scores}
    return type("ScoreCallback", (base,), methods)()


def _lightning() -> Any:
    """Lightning under either of its names. Raises BadInput where it is not installed."""
    if importlib.util.find_spec("lightning") is None and importlib.util.find_spec(
        "pytorch_lightning"
    ):
        return importlib.import_module("pytorch_lightning")
    load_optional("lightning", "lightning", "the callback")
    return importlib.import_module("lightning.pytorch")
