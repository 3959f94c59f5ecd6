"""The runs that a name stands for: the beginning of a run's id, or MODEL@DATASET#SEED."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harness.config.reference import parse_reference
from harness.config.training_fraction import split_place
from harness.core.errors import BadInput, suggest
from harness.core.measurement import FLOORS
from harness.leaderboards.entries import EntryIdentity, EntryPart, differing_facets, parts
from harness.leaderboards.external_samples import earlier, is_outside, outside
from harness.tracking import Store
from harness.tracking.collection import SHORT, collect, find_run


@dataclass
class StoredParts:
    """What a store has on each dataset, read once, without the runs that were taken off boards."""

    store: Store
    read: dict[str, list[EntryPart]] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    """Which entry was taken where a name stands for several, a sentence each."""

    def on(self, dataset: str) -> list[EntryPart]:
        """The parts of the runs on a dataset."""
        if dataset not in self.read:
            runs = [run for run in collect(self.store, dataset=dataset) if not run.forgotten]
            trained = (part for run in runs if not is_outside(run) for part in parts(run))
            self.read[dataset] = [*trained, *outside([run for run in runs if is_outside(run)])]
        return self.read[dataset]

    def named(self, name: str) -> list[EntryPart]:
        """The parts of the run that is called so: one for each way in which suites sample from it.
        Raises BadInput where there is none.
        """
        if "@" not in name:
            run = find_run(self.store, name)
            if not is_outside(run):
                return list(parts(run))
            of_run = [part for part in self.on(run.dataset) if part.run.run_id == run.run_id]
            return of_run[:1] or earlier(run)
        model, rest = split_place(name)
        place, _, seed = rest.partition("#")
        if seed and not seed.isdigit():
            raise BadInput(f"{name!r}: write a seed as a number, such as {model}@{place}#0")
        return [self._cell(name, model, str(parse_reference(place)), seed)]

    def _cell(self, name: str, model: str, dataset: str, seed: str) -> EntryPart:
        """The first run of the entry that is called `model`: of the seed, or of its first one. Of
        several entries, that of the largest budget, which `choices` then says.
        """
        entries: dict[EntryIdentity, list[EntryPart]] = {}
        for part in self._parts(name, model, dataset, seed):
            entries.setdefault(part.identity, []).append(part)
        chosen = max(entries.values(), key=_preference)
        first = min(chosen, key=lambda part: (part.run.seed, part.run.started))
        if len(entries) > 1:
            others = [each[0].run.run_id for each in entries.values() if each is not chosen]
            runs = ", ".join(run[: SHORT + 4] for run in others)
            self.choices.append(
                f"{name} stands for {len(entries)} entries, which differ in "
                f"{', '.join(differing_facets(list(entries)))}: the one of the most training "
                "images is compared (of equal ones that of the most runs, then the latest), run "
                f"{first.run.run_id[: SHORT + 4]}; for another name a run: {runs}"
            )
        return first

    def _parts(self, name: str, model: str, dataset: str, seed: str) -> list[EntryPart]:
        on_dataset = self.on(dataset)
        of_model = [part for part in on_dataset if model in {used for used, _ in part.uses}]
        if not of_model:
            models = {used for part in on_dataset for used, _ in part.uses} - FLOORS.keys()
            raise BadInput(
                f"{name!r}: no {model!r} on {dataset} in {self.store.name}{suggest(model, models)}"
            )
        of_seed = [part for part in of_model if not seed or part.run.seed == int(seed)]
        if not of_seed:
            seeds = ", ".join(map(str, sorted({part.run.seed for part in of_model})))
            raise BadInput(f"{name!r}: no seed {seed}; {model} on {dataset} has {seeds}")
        return of_seed


def _preference(parts: Sequence[EntryPart]) -> tuple[int, int, datetime]:
    """Of entries with one name: the largest budget, then the most runs, then the latest."""
    latest = max(part.run.started for part in parts)
    return parts[0].identity.images or 0, len(parts), latest
