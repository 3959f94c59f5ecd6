"""Scores of a model while it trains, in a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.calls import user_call
from harness.api.images import Images, LabelledImages, image_set, is_images
from harness.api.options import ScoreArguments, check_keywords, compute_options, name_list
from harness.api.score_result import ScoreResult
from harness.api.scores import Model, measure_samples
from harness.core.errors import BadInput
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import open_images
from harness.metrics import load_metric
from harness.scoring.statistics import is_statistics

if TYPE_CHECKING:
    import pandas as pd

Log = Callable[..., object]
"""Called with the numbers by name and `step=`, as `mlflow.log_metrics` is."""


class TrainingScores:
    """Measures a model at regular steps of a training: call `scores(step, model)` in the loop.

    Samples are drawn with one seed each time, in evaluation mode and without gradients; the
    training's own randomness and modes are left as they are, so that its result is the same as
    without measuring.
    """

    def __init__(
        self,
        every: int,
        reference: Images | LabelledImages | None = None,
        log: Log | None = None,
        **options: Unpack[ScoreArguments],
    ) -> None:
        """Measures at multiples of `every` steps, against the reference; numbers are also passed to
        `log(numbers, step=step)`. `options` are the options of `harness.score`.

        Raises BadInput for wrong settings, before any training.
        """
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise BadInput(f"every={every!r}: a whole number of steps from 1 up is needed")
        with user_call():
            self._values = check_keywords(ScoreArguments, options, "TrainingScores")
            for name in name_list(self._values.get("metrics")) or ():
                load_metric(name)
            self._reference = _read_once(reference, self._values)
        self.every = every
        self.log = log
        self.history: list[tuple[int, ScoreResult]] = []

    def __call__(self, step: int, model: Model | Images) -> ScoreResult | None:
        """The numbers of the model, or of its samples, after `step` steps; None at a step that is
        not measured. Raises BadInput as `harness.score`.
        """
        return None if step % self.every else self.measure(step, model)

    def measure(self, step: int, model: Model | Images) -> ScoreResult:
        """The numbers after this step, whatever it is."""
        with user_call():
            result = measure_samples(model, self._reference, self._values)
        self.history.append((step, result))
        if self.log:
            self.log(result.numbers, step=step)
        return result

    def to_frame(self) -> pd.DataFrame:
        """All numbers so far: `step`, and the columns of `ScoreResult.to_frame`."""
        import pandas as pd  # noqa: PLC0415 - slow, and not every training makes a table

        frames = [result.to_frame().assign(step=step) for step, result in self.history]
        if not frames:
            return pd.DataFrame(columns=["step", "metric", "value"])
        table = pd.concat(frames, ignore_index=True)
        return table[["step", *(name for name in table.columns if name != "step")]]


def _read_once(reference: Any, values: Mapping[str, Any]) -> Any:
    """The reference as a set of images, so that it is read once in a training. Statistics stay
    where they are.
    """
    if is_images(reference):
        return image_set(reference, values.get("value_range") or "-1..1")
    place = str(reference) if isinstance(reference, Path) else reference
    if not isinstance(place, str) or is_statistics(place):
        return reference
    return open_images(place, OpenOptions(compute_options(values).data_root))
