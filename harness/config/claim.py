"""Claims: statements that an experiment can decide, declared before it runs.

Here is what all have; `harness.config.claim_shapes` has a type for each shape of claim, which says
what a suite must have to decide it, and `harness.claims.questions` turns each into the comparisons
that decide it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, Self

from pydantic import Field, model_validator

from harness.config.claim_parts import Amendments, FooledBy, Margin, ModelAt, Names
from harness.config.file_model import FileModel
from harness.core.disturbance import Disturbance
from harness.core.errors import suggest


class Claim(FileModel):
    """What every shape of claim has.

    `delta` is the margin that counts as a difference: in the metric's units, or, for metrics
    compared on the log scale, as a ratio minus one (0.1 is ten per cent). It is one number, or one
    for each metric.

    Whatever a claim names several of, it must hold for every one (an intersection-union test),
    unless `over: average`, which takes the mean over datasets.
    """

    shape: str
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1)
    source: str = ""
    """Who says so."""
    why: str = ""
    """Why this metric and this margin decide it."""
    fooled_by: FooledBy = ()
    """The disturbances by which images would fool its metrics, added to the ones that the metrics'
    records name. The self-test tries them. `nothing` where no disturbance can fool them."""
    datasets: Names | None = None
    """All datasets of the suite on which the metric applies, if not said."""
    over: Literal["every", "average"] = "every"
    delta: Margin = 0.0
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    at_budget: bool = False
    """It is about the suite's budget ("after 50,000 images …") and not about what models can do
    once trained, which is withheld where a model is undertrained."""
    amended: Amendments = ()
    """What was changed of it after it was declared."""
    failures: Literal["withhold", "drop", "lose"] = "withhold"
    """A diverged or failed cell withholds the verdict, is dropped with its pair, or loses it."""

    @property
    @abstractmethod
    def measured(self) -> tuple[str, ...]:
        """The metrics that it is about."""

    @property
    @abstractmethod
    def entrants(self) -> tuple[ModelAt, ...]:
        """The models, or training fractions of them, that it is about."""

    @property
    def sided(self) -> tuple[str, ...]:
        """The metrics whose better side decides it, without its naming the side."""
        return self.measured if self.failures == "lose" else ()

    @property
    def disturbances(self) -> tuple[Disturbance, ...]:
        """The disturbances that it names as fooling its metrics."""
        return tuple(name for name in self.fooled_by if name != "nothing")

    def margin(self, metric: str) -> float:
        """The margin for a metric."""
        return self.delta.get(metric, 0.0) if isinstance(self.delta, dict) else self.delta

    def asks_as(self, other: Claim) -> bool:
        """Whether both are decided alike: all but their words and datasets is the same."""
        words = {
            "statement": "-", "source": "", "why": "", "fooled_by": (), "datasets": None,
            "amended": (),
        }  # fmt: skip
        return self.model_copy(update=words) == other.model_copy(update=words)

    @model_validator(mode="after")
    def _margins_are_of_its_metrics(self) -> Self:
        measured = {*self.measured}
        for metric in self.delta if isinstance(self.delta, dict) else ():
            if metric not in measured:
                near = suggest(metric, self.measured)
                raise ValueError(f"delta names {metric!r}, which the claim is not about{near}")
        return self
