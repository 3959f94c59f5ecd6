"""Numbers quoted from papers, as a YAML file: each with its source, spread and protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from harness.config.file_model import FileModel
from harness.config.reference import parse_reference
from harness.config.validate import validate_document
from harness.config.yaml_files import load_yaml
from harness.core.errors import BadInput
from harness.core.protocol import Protocol

SpreadKind = Literal["sd over seeds", "standard error", "none stated"]


class QuotedSpread(FileModel):
    """What a paper's ± is. `over` says of a standard error what it is over."""

    kind: SpreadKind
    value: PositiveFloat | None = None
    seeds: PositiveInt | None = None
    """How many training seeds the number is the mean of."""
    over: str = ""

    @model_validator(mode="after")
    def _complete(self) -> QuotedSpread:
        if (self.value is None) != (self.kind == "none stated"):
            raise ValueError(
                "'value' goes with 'sd over seeds' and 'standard error', and with these alone"
            )
        if self.kind == "sd over seeds" and (self.seeds or 0) < 2:
            raise ValueError("'sd over seeds' needs 'seeds', at least 2")
        return self


class HowMeasured(FileModel):
    """The fields of a protocol that a source states. What it does not state is left out."""

    version: PositiveInt | None = None
    extractor: str | None = None
    preprocessing: str | None = None
    quantisation: str | None = None
    samples: PositiveInt | None = None
    reference: PositiveInt | None = None
    split: str | None = None
    reference_digest: str | None = None
    settings: Mapping[str, str | int | float] | None = None


class Quote(FileModel):
    """One number of one model."""

    model: str = Field(min_length=1)
    dataset: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    value: Annotated[float, Field(strict=True)] | Annotated[int, Field(strict=True)]
    source: str = Field(min_length=1)
    """Where it is written: paper, table."""
    spread: QuotedSpread = QuotedSpread(kind="none stated")
    images: PositiveInt | None = None
    """Training images shown, where the source says so."""
    protocol: HowMeasured = HowMeasured()

    @property
    def identity(self) -> tuple[str, ...]:
        """What no other number of a file may share."""
        return self.model, self.on, self.metric, self.protocol.model_dump_json()

    @property
    def on(self) -> str:
        """The dataset's name as tables write it."""
        return str(parse_reference(self.dataset))

    def differs(self, measured: Protocol) -> list[str]:
        """How the number was measured otherwise than `measured`, or is not known to have been
        measured so; empty where every field is stated and equal.
        """
        stated = self.protocol.model_dump()
        differences, unstated = [], []
        for name, value in stated.items():
            other = getattr(measured, name)
            if name not in self.protocol.model_fields_set:
                unstated += [name] if other not in ("", None, {}) else []
            elif value != other:
                differences.append(f"{name}: {_text(value)} against {_text(other)}")
        return differences + [f"not stated: {', '.join(unstated)}"] * bool(unstated)


class _File(FileModel):
    quoted: tuple[Quote, ...]

    @model_validator(mode="after")  # not a bound of the field, which would hide what is wrong in it
    def _some(self) -> _File:
        if not self.quoted:
            raise ValueError("'quoted' is empty; give at least one number")
        return self


def load_quoted(path: Path, check: Callable[[Quote], object]) -> tuple[Quote, ...]:
    """The numbers that a file quotes. `check` raises BadInput for names that do not exist.

    Raises BadInput with file and line for what is wrong, and for a number given twice.
    """
    document = load_yaml(path)
    quotes = validate_document(_File, document).quoted
    identities = set()
    for index, quote in enumerate(quotes):
        try:
            parse_reference(quote.dataset)
            check(quote)
        except BadInput as error:
            raise document.error(f"quoted[{index}]: {error}", ("quoted", index)) from None
        if quote.identity in identities:
            message = f"{quote.metric} of {quote.model!r} on {quote.dataset} is quoted twice"
            raise document.error(message, ("quoted", index))
        identities.add(quote.identity)
    return quotes


def _text(value: Any) -> str:
    return str(dict(value)) if isinstance(value, Mapping) else str(value) or "none"
