"""What a suite says: what is trained on what, measured how, to decide which claims."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from harness.config.claim import Claim
from harness.config.claim_files import Declared
from harness.config.claim_parts import ModelAt
from harness.config.file_model import FileModel, as_list
from harness.config.names import fit_name
from harness.config.reference import parse_reference
from harness.config.repeats import repeated
from harness.config.seeds import MOST, PATTERN, parse_seeds
from harness.core.errors import BadInput

H = TypeVar("H", bound=Hashable)


def _distinct(values: tuple[H, ...]) -> tuple[H, ...]:
    if (twice := repeated(values)) is not None:
        raise ValueError(f"{twice!r} is listed twice")
    return values


def _canonical_reference(text: str) -> str:
    try:
        return str(parse_reference(text))
    except BadInput as error:
        raise ValueError(str(error)) from None


def _as_entry(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


Accelerate = Literal["auto", "off", "graph", "compile"]
Precision = Literal["fp32", "bf16"]
MemoryFormat = Literal["contiguous", "channels_last"]

ONCE = {"uniqueItems": True}
"""Of a list in a schema: `_distinct` checks it."""

Names = Annotated[
    tuple[str, ...], Field(min_length=1, json_schema_extra=ONCE), AfterValidator(_distinct)
]


def _read_seeds(value: object) -> object:
    return parse_seeds(value) if isinstance(value, str) else value


_Seed = Annotated[NonNegativeInt, Field(strict=True)]
_Seeds = Annotated[
    tuple[_Seed, ...],
    Field(min_length=1, max_length=MOST, json_schema_extra=ONCE),
    AfterValidator(_distinct),
]
Seeds = Annotated[
    _Seeds,
    BeforeValidator(
        _read_seeds, json_schema_input_type=_Seeds | Annotated[str, Field(pattern=PATTERN)]
    ),
]
"""Numbers in a list, or as on the command line: `0-4`."""


class Budget(FileModel):
    """How long every model trains."""

    images: PositiveInt
    """Training images shown, counted with repetition."""


class DatasetEntry(FileModel):
    """A dataset of a suite. What it says replaces what the suite says, on this dataset."""

    name: Annotated[str, AfterValidator(_canonical_reference)]
    models: Names | None = None
    metrics: Names | None = None
    budget: Budget | None = None
    samples: PositiveInt | None = None

    @model_serializer(mode="wrap")
    def _without_unsaid(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; budget and samples only where they are said, as resolved suites had none."""
        values: dict[str, Any] = handler(self)
        unsaid = {name for name in ("budget", "samples") if values.get(name) is None}
        return {name: value for name, value in values.items() if name not in unsaid}


_Files = Annotated[
    tuple[str | Names, ...],
    Field(min_length=1, json_schema_extra=ONCE),
    AfterValidator(_distinct),
]
Files = Annotated[_Files, BeforeValidator(as_list, json_schema_input_type=str | _Files)]


class External(FileModel):
    """Samples that another program made; they join the leaderboard of a dataset."""

    name: str = Field(min_length=1)
    dataset: Annotated[str, AfterValidator(_canonical_reference)]
    samples: Files
    """Folders of images, or `.npz` or `.npy` files, below the suite's folder: one a training seed,
    or a list for each, of several draws of one model.
    """

    def draws(self) -> list[tuple[str, ...]]:
        """The files of each training seed."""
        return [(entry,) if isinstance(entry, str) else entry for entry in self.samples]


def _names_differ(entries: tuple[DatasetEntry, ...]) -> tuple[DatasetEntry, ...]:
    _distinct(tuple(entry.name for entry in entries))
    return entries


def _ids_differ(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    _distinct(tuple(claim.id for claim in claims))
    return claims


Item = Annotated[
    DatasetEntry, BeforeValidator(_as_entry, json_schema_input_type=str | DatasetEntry)
]


class Suite(FileModel):
    """Every model is trained on every dataset with every seed, and measured with every metric."""

    title: str = Field(min_length=1)
    name: Annotated[str, Field(strict=True), AfterValidator(fit_name)] | None = None
    """What its results are kept under; the file's name without its ending if not said."""
    description: str = ""
    seeds: Seeds
    budget: Budget
    datasets: Annotated[tuple[Item, ...], Field(min_length=1), AfterValidator(_names_differ)]
    models: Names
    metrics: Names
    profile: str = ""
    """The library whose metrics and feature networks they are; the harness's own if not said."""
    extractor: str | None = None
    """The feature network of FID and its kin; each dataset's default if not said."""
    perceptual: str | None = None
    """The network of LPIPS; each dataset's default if not said."""
    samples: PositiveInt | None = None
    """Images sampled from a model to measure it; as many as the reference has if not said."""
    draws: PositiveInt = 1
    """How many times they are sampled; numbers of samples are means over the draws."""
    safety_filter: str | None = None
    """A function that sees every sample before it is measured, as `module:function`."""
    accelerate: Accelerate = "auto"
    """CUDA graphs on a GPU (graph), losses compiled first (compile), or neither (off); auto is
    graph on CUDA and off elsewhere."""
    precision: Precision | None = None
    """Of training; each recipe's own if not said."""
    memory_format: MemoryFormat | None = None
    """Of images in training; each recipe's own if not said."""
    external: tuple[External, ...] = ()
    claims: Annotated[tuple[Declared, ...], AfterValidator(_ids_differ)] = ()

    def models_on(self, entry: DatasetEntry) -> tuple[str, ...]:
        """The models that are trained on a dataset of this suite."""
        return self.models if entry.models is None else entry.models

    def entrants_on(self, entry: DatasetEntry) -> tuple[str, ...]:
        """The models and the external samples that are measured on a dataset of this suite."""
        external = (outside.name for outside in self.external if outside.dataset == entry.name)
        return (*self.models_on(entry), *external)

    def metrics_on(self, entry: DatasetEntry) -> tuple[str, ...]:
        """The metrics that are measured on a dataset of this suite."""
        return entry.metrics or self.metrics

    def images_on(self, entry: DatasetEntry) -> int:
        """The training images that every model is shown on a dataset of this suite."""
        return (entry.budget or self.budget).images

    def samples_on(self, entry: DatasetEntry) -> int | None:
        """The images that are sampled from a model on a dataset of this suite; None for as many as
        the reference has.
        """
        return entry.samples or self.samples

    def budgets(self) -> dict[str, int]:
        """The training images that every model is shown, by dataset."""
        return {entry.name: self.images_on(entry) for entry in self.datasets}

    def fractions_on(self, entry: DatasetEntry) -> dict[ModelAt, tuple[str, ...]]:
        """The training fractions that claims are about on a dataset of this suite, each with the
        metrics that it is measured with there.
        """
        fractions: dict[ModelAt, tuple[str, ...]] = {}
        models, metrics = {*self.entrants_on(entry)}, {*self.metrics_on(entry)}
        for claim in self.claims:
            named = claim.datasets is None or entry.name in claim.datasets
            applies = {side.model for side in claim.entrants} <= models and metrics >= {
                *claim.measured
            }
            for side in claim.entrants if named and applies else ():
                if side.at < 1:
                    before = fractions.get(side, ())
                    fractions[side] = tuple(dict.fromkeys([*before, *claim.measured]))
        return fractions

    def presets(self) -> dict[str, str]:
        """Settings that all recipes get."""
        named = {"precision": self.precision, "memory_format": self.memory_format}
        return {name: value for name, value in named.items() if value}

    def all_models(self) -> tuple[str, ...]:
        """Every model, those of single datasets included."""
        named = [*self.models, *(m for entry in self.datasets for m in entry.models or ())]
        return tuple(dict.fromkeys(named))

    def all_entrants(self) -> tuple[str, ...]:
        """Every model, and the names of external samples."""
        outside = (outside.name for outside in self.external)
        return tuple(dict.fromkeys([*self.all_models(), *outside]))

    def all_metrics(self) -> tuple[str, ...]:
        """Every metric, those of single datasets included."""
        named = [*self.metrics, *(m for entry in self.datasets for m in entry.metrics or ())]
        return tuple(dict.fromkeys(named))
