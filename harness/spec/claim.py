"""Claims: statements that an experiment can decide, declared before it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
]


class Claim(BaseModel):
    """A statement, and what decides it.

    Either `model` is compared with `against`, paired over (dataset, seed), or its metric is
    compared with the constant `above` or `below`. With several metrics, models or datasets the
    claim must hold for every one (an intersection-union test), unless `over: average`.

    `delta` is the margin that counts as a difference: in the metric's units, or, for metrics
    compared on the log scale, as a ratio minus one (0.1 is ten per cent).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1)
    source: str = ""
    metric: Names
    model: Names
    against: str | None = None
    above: float | None = None
    below: float | None = None
    direction: Literal["higher", "lower"] | None = None
    """Which side of `against` the claim puts `model` on; the metric's better one if not said."""
    datasets: tuple[str, ...] | None = None
    """All datasets of the suite on which the metric applies, if not said."""
    over: Literal["every", "average"] = "every"
    delta: float = Field(default=0.0, ge=0)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    failures: Literal["withhold", "drop", "lose"] = "withhold"
    """A diverged or failed cell withholds the verdict, is dropped with its pair, or loses it."""

    @model_validator(mode="after")
    def _one_other_side(self) -> Self:
        given = [name for name in ("against", "above", "below") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a claim needs exactly one of 'against', 'above' and 'below'")
        if self.against in self.model:
            raise ValueError(f"'model' and 'against' are both {self.against!r}")
        if self.against is None and self.direction is not None:
            raise ValueError("'direction' goes with 'against'; 'above' and 'below' say their own")
        return self
