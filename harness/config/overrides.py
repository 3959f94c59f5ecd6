"""What a command changes of a suite for one run."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields

from harness.config.members import Members
from harness.config.reference import parse_reference
from harness.config.suite_types import (
    Accelerate,
    Budget,
    DatasetEntry,
    MemoryFormat,
    Precision,
    Suite,
)
from harness.core.errors import BadInput, suggest

MAX_LABEL = 80
FEWEST_SAMPLES = 100


@dataclass(frozen=True)
class Overrides:
    """Changes to a suite; None leaves a thing as it is.

    `models`, `datasets` and `metrics` select some of the suite's; `seeds` may be any. `budget`, in
    training images, is that of all datasets; `budget_scale` multiplies the budget of each, and
    `samples` where it is set (but leaves a hundred, since metrics of fewer say nothing).
    """

    seeds: Sequence[int] | None = None
    models: Sequence[str] | None = None
    datasets: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    budget: int | None = None
    budget_scale: float | None = None
    extractor: str | None = None
    perceptual: str | None = None
    accelerate: Accelerate | None = None
    precision: Precision | None = None
    memory_format: MemoryFormat | None = None

    def texts(self) -> dict[str, str]:
        """What is overridden, as text: `{"seeds": "0,1", "budget_scale": "0.05"}`."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            name: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for name, value in values.items()
        }

    def label(self) -> str:
        """A suffix for file names, such as `budget-x0.05_seeds-0+1`; empty without overrides. Of
        what cannot be read back from it, it ends in a digest: no two overrides share a label.
        """
        texts = self.texts()
        plain = "_".join(_PREFIXES[name] + text for name, text in texts.items())
        label = re.sub(r"[^A-Za-z0-9.+_-]+", "-", plain.replace(",", "+"))
        if len(label) <= MAX_LABEL and all(_is_plain(*item) for item in self._items()):
            return label
        exact = json.dumps(list(self._items()))
        return f"{label[: MAX_LABEL - 9]}-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"

    def _items(self) -> Iterator[tuple[str, str]]:
        for name, value in asdict(self).items():
            if value is not None:
                for item in value if isinstance(value, list | tuple) else [value]:
                    yield name, str(item)


_PREFIXES = {field.name: f"{field.name}-" for field in fields(Overrides)} | {
    "budget_scale": "budget-x"
}
"""What stands before each option's value in a label."""


def _is_plain(option: str, item: str) -> bool:
    """Whether a label shows exactly what it is of. A dash stands for the slash in models' names,
    and for itself elsewhere.
    """
    part = r"[A-Za-z0-9._]+"
    characters = f"{part}(/{part})*" if option == "models" else r"[A-Za-z0-9._-]+"
    begins_another = any(f"_{prefix}" in item.replace("/", "-") for prefix in _PREFIXES.values())
    return bool(re.fullmatch(characters, item)) and not begins_another


def apply(suite: Suite, overrides: Overrides) -> tuple[Suite, dict[str, str]]:
    """The suite so changed, and the claims that it can no longer decide, by id, with the reason.

    Raises BadInput for what the suite does not have or what cannot be.
    """
    models = _pick("model", overrides.models, suite.all_entrants())
    metrics = _pick("metric", overrides.metrics, suite.all_metrics())
    suite = _scaled(suite, overrides)
    entries = tuple(_entries(suite, overrides.datasets, models, metrics))
    datasets = {entry.name for entry in entries}
    changed = suite.model_copy(
        update={
            "seeds": _seeds(overrides.seeds) or suite.seeds,
            "datasets": entries,
            "models": tuple(name for name in suite.models if name in models),
            "metrics": tuple(name for name in suite.metrics if name in metrics),
            "external": tuple(
                outside
                for outside in suite.external
                if outside.name in models and outside.dataset in datasets
            ),
            "extractor": overrides.extractor or suite.extractor,
            "perceptual": overrides.perceptual or suite.perceptual,
            "accelerate": overrides.accelerate or suite.accelerate,
            "precision": overrides.precision or suite.precision,
            "memory_format": overrides.memory_format or suite.memory_format,
        }
    )
    if not changed.datasets:
        raise BadInput("nothing of the suite is left: no chosen dataset has a chosen model")
    members = Members(changed)
    reasons = {claim.id: members.undecidable(claim) for claim in suite.claims}
    dropped = {name: reason for name, reason in reasons.items() if reason}
    claims = tuple(claim for claim in suite.claims if claim.id not in dropped)
    return changed.model_copy(update={"claims": claims}), dropped


def _pick(kind: str, names: Iterable[str] | None, members: Sequence[str]) -> frozenset[str]:
    available = frozenset(members)
    if names is None:
        return available
    picked = dict.fromkeys(names)
    for name in picked:
        if name not in available:
            raise BadInput(f"the suite has no {kind} {name!r}{suggest(name, members)}")
    return frozenset(picked)


def _seeds(seeds: Sequence[int] | None) -> tuple[int, ...] | None:
    if seeds is None:
        return None
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise BadInput(f"seeds {list(seeds)}: should be different whole numbers from 0 up")
    return tuple(seeds)


def _scaled(suite: Suite, overrides: Overrides) -> Suite:
    """The suite with other budgets and numbers of samples, where the overrides ask for them."""
    images, scale = overrides.budget, overrides.budget_scale
    if images is not None and scale is not None:
        raise BadInput("give a budget or a budget scale, not both")
    if images is not None:
        if images < 1:
            raise BadInput(f"budget {images}: should be at least one training image")
        entries = tuple(e.model_copy(update={"budget": None}) for e in suite.datasets)
        return suite.model_copy(update={"budget": Budget(images=images), "datasets": entries})
    if scale is None:
        return suite
    if not (math.isfinite(scale) and scale > 0):
        raise BadInput(f"budget scale {scale}: should be a number above 0, such as 0.05")
    entries = tuple(e.model_copy(update=_times(scale, e)) for e in suite.datasets)
    return suite.model_copy(update={**_times(scale, suite), "datasets": entries})


def _times(scale: float, of: Suite | DatasetEntry) -> dict[str, object]:
    """The scaled budget and number of samples of a suite or one of its datasets."""
    budget, samples = of.budget, of.samples
    return {
        "budget": budget and Budget(images=max(1, round(budget.images * scale))),
        "samples": samples and max(min(samples, FEWEST_SAMPLES), round(samples * scale)),
    }


def _entries(
    suite: Suite,
    datasets: Sequence[str] | None,
    models: frozenset[str],
    metrics: frozenset[str],
) -> Iterable[DatasetEntry]:
    """The chosen datasets on which a chosen model and metric is left."""
    named = [str(parse_reference(name)) for name in datasets] if datasets is not None else None
    selected = _pick("dataset", named, [entry.name for entry in suite.datasets])
    for entry in suite.datasets:
        own_models = tuple(name for name in suite.models_on(entry) if name in models)
        own_metrics = tuple(name for name in suite.metrics_on(entry) if name in metrics)
        entrants = models.intersection(suite.entrants_on(entry))
        if entry.name in selected and entrants and own_metrics:
            yield entry.model_copy(
                update={
                    "models": own_models if entry.models is not None else None,
                    "metrics": own_metrics if entry.metrics else None,
                }
            )
