"""Looks up the models, metrics and datasets of a suite by name."""

from __future__ import annotations

from collections import Counter

from harness.config.claim import Claim
from harness.config.suite_types import External, Suite
from harness.config.training_fraction import is_fraction
from harness.core.errors import suggest
from harness.core.measurement import FLOORS


class Members:
    """The names of a suite's models, metrics and datasets, looked up once: a suite of thousands of
    claims asks for them as often.
    """

    def __init__(self, suite: Suite) -> None:
        self.models = frozenset(suite.all_models())
        self.external = Counter((o.name, o.dataset) for o in suite.external)
        self.external_names = frozenset(samples.name for samples in suite.external)
        self.names = {
            "model": dict.fromkeys(suite.all_entrants()),
            "metric": dict.fromkeys(suite.all_metrics()),
            "dataset": dict.fromkeys(entry.name for entry in suite.datasets),
        }
        self.entrants = {e.name: frozenset(suite.entrants_on(e)) for e in suite.datasets}
        self.metrics = {e.name: frozenset(suite.metrics_on(e)) for e in suite.datasets}

    def misplaced(self, samples: External) -> str | None:
        """Why external samples cannot be measured in the suite, or None where they can."""
        name, dataset = samples.name, samples.dataset
        if dataset not in self.names["dataset"]:
            near = suggest(dataset, self.names["dataset"])
            return f"dataset {dataset!r} is not in the suite{near}"
        if name in FLOORS:
            return f"{name!r} is the name of the floor; choose another"
        if is_fraction(name):
            return f"{name!r} reads as a training fraction of a model; choose another name"
        if name in self.models:
            return f"{name!r} is a model of the suite already"
        return (
            f"{name!r} is listed twice on {dataset}" if self.external[name, dataset] > 1 else None
        )

    def undecidable(self, claim: Claim) -> str | None:
        """Why no run of the suite can decide the claim, which names what it lacks, or None."""
        fractions = [side for side in claim.entrants if side.at < 1]
        for side in fractions:
            if side.model in self.external_names:
                return f"{side} is a training fraction, and {side.model} is not trained here"
        for kind, named in [
            ("model", [side.model for side in claim.entrants]),
            ("metric", claim.measured),
            ("dataset", claim.datasets or ()),
        ]:
            for name in named:
                if name not in self.names[kind]:
                    return f"{kind} {name!r} is not in the suite{suggest(name, self.names[kind])}"
        everywhere = self.names["dataset"]
        if claim.datasets is None and not all(self._lacking(claim, name) for name in everywhere):
            return None
        for dataset in claim.datasets or everywhere:
            if lacking := self._lacking(claim, dataset):
                return f"dataset {dataset!r} has no {lacking[0]} in the suite"
        return None

    def datasets_of(self, claim: Claim) -> tuple[str, ...]:
        """The datasets on which the suite has all that the claim is about, among those it names."""
        named = None if claim.datasets is None else frozenset(claim.datasets)
        return tuple(
            dataset
            for dataset in self.names["dataset"]
            if (named is None or dataset in named) and not self._lacking(claim, dataset)
        )

    def _lacking(self, claim: Claim, dataset: str) -> list[str]:
        models, metrics = self.entrants[dataset], self.metrics[dataset]
        return [
            *(f"model {side.model!r}" for side in claim.entrants if side.model not in models),
            *(f"metric {name!r}" for name in claim.measured if name not in metrics),
        ]
