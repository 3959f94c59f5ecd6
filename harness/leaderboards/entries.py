"""Who is on a leaderboard: runs of a tracking store that are seeds of one and the same thing.

Two runs are the same entry where model, recipe, sampling, budget, code, precision and training data
are; whatever else is called by the same name is another entry, and its label says what differs. The
machine makes no other entry: seeds that several people ran make one, and of a seed that was run
twice the first counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from harness.config.training_fraction import is_fraction
from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.plan.cells import measurement_key
from harness.tracking import CellUse
from harness.tracking.collection import StoredRun

Kind = Literal["trained", "not trained", "external samples", "scored samples"]
MACHINE = ("device", "name", "threads", "torch_version")
"""What numerics say of the machine; the rest is how it was told to compute."""
FIXED = ("kind", "images", "family", "code", "data")
"""The facets that are no settings."""
NAMED = 3
"""So many settings are named where recipes of one name differ; more are a digest."""


@dataclass(frozen=True)
class EntryIdentity:
    """What makes two runs seeds of one entry. `data` is the digest of the training images, and
    empty where all that the store has of the dataset's name was trained on the same ones; of a
    scored set it is the set's own.
    """

    model: str
    kind: Kind
    images: int | None
    family: str
    recipe: tuple[tuple[str, str], ...]
    sampling: str
    code: str
    numerics: tuple[tuple[str, str], ...]
    data: str = ""

    @property
    def is_external(self) -> bool:
        """Whether no model of the harness made its samples."""
        return self.kind in ("external samples", "scored samples")

    @cached_property
    def facets(self) -> dict[str, str]:
        """All but the name, as text by the name that labels give it."""
        sampling = json.loads(self.sampling) if self.sampling else {}
        return {
            "kind": self.kind,
            "images": "" if self.images is None else str(self.images),
            "family": self.family,
            **dict(self.recipe),
            **{f"sampling.{name}": str(value) for name, value in sampling.items()},
            **dict(self.numerics),
            "code": self.code[:8],
            "data": self.data[:8],
        }


@dataclass
class Entry:
    """One line of a leaderboard, and all that is known of the runs behind it."""

    identity: EntryIdentity
    label: str = ""
    also: set[str] = field(default_factory=set)
    """Other names of the same recipe."""
    suites: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)
    seeds: dict[str, set[int]] = field(default_factory=dict)
    """By dataset."""
    runs: dict[str, datetime] = field(default_factory=dict)
    """When each began, by id."""
    parameters: set[int] = field(default_factory=set)
    """Of the networks: more than one number where datasets differ in size or channels."""
    repeats: int = 0
    """Runs of a seed that an earlier run of it has on the same dataset."""

    def add(self, other: Entry) -> None:
        """Take over what is known of the same entry elsewhere."""
        self.also |= other.also
        self.suites |= other.suites
        self.machines |= other.machines
        self.runs |= other.runs
        self.repeats += other.repeats
        self.parameters |= other.parameters
        for dataset, seeds in other.seeds.items():
            self.seeds.setdefault(dataset, set()).update(seeds)

    @property
    def first(self) -> datetime:
        """When the first run began."""
        return min(self.runs.values())

    @property
    def last(self) -> datetime:
        """When the last run began."""
        return max(self.runs.values())


@dataclass(frozen=True)
class EntryPart:
    """What one run says of one entry: under which names which suites' runs have it, the numbers,
    and the digest of the images that it was trained on.
    """

    identity: EntryIdentity
    run: StoredRun
    uses: tuple[tuple[str, str], ...]
    numbers: tuple[Measurement, ...]
    data: str = ""

    @property
    def sampling(self) -> dict[str, Any]:
        """How samples are drawn; empty where that is as the model does it."""
        return dict(json.loads(self.identity.sampling)) if self.identity.sampling else {}


def parts(run: StoredRun) -> Iterator[EntryPart]:
    """A run as it belongs to entries: to one for each way in which suites sample from it."""
    if run.kind == "score":
        samples_digest = run.params.get("samples.digest", "")
        identity = EntryIdentity(
            run.model, "scored samples", None, "", (), "", "", (), samples_digest
        )
        yield EntryPart(identity, run, ((run.model, ""),), run.numbers)
        return
    by_sampling: dict[str, list[CellUse]] = {}
    for use in run.uses:
        sampling = "" if use.sampling is None else json.dumps(use.sampling, sort_keys=True)
        by_sampling.setdefault(sampling, []).append(use)
    for sampling, uses in by_sampling.items():
        names = {use.model for use in uses}
        names = {name for name in names if not is_fraction(name)} or names
        name = run.model if run.model in names else min(names)
        yield EntryPart(
            _identity(run, name, sampling),
            run,
            tuple((use.model, use.parent) for use in uses),
            tuple(_sampled(run, sampling, len(by_sampling) == 1)),
            run.data.get("training", ""),
        )


def _sampled(run: StoredRun, sampling: str, alone: bool) -> Iterator[Measurement]:
    """The numbers of a run with its samples drawn so, and those that are not of samples."""
    protocols = [row.protocol.key() for row in run.numbers]
    if alone and len(set(protocols)) == len(protocols):
        yield from run.numbers
        return
    ways: list[Mapping[str, Any]] = [{}, *([json.loads(sampling)] if sampling else [])]
    for row in run.numbers:
        if any(
            measurement_key(run.training_key, row.protocol, settings) == row.key
            for settings in ways
        ):
            yield row


def _identity(run: StoredRun, model: str, sampling: str) -> EntryIdentity:
    params = run.params
    if run.images is None:  # where the images lie is no setting
        return EntryIdentity(model, "external samples", None, "", (), "", "", ())
    recipe = _settings(params, "recipe.")
    numerics = _settings(params, "numerics.")
    return EntryIdentity(
        model,
        "trained" if run.images else "not trained",
        run.images,
        params.get("family", ""),
        tuple(setting for setting in recipe if not setting[0].startswith("sampling.")),
        sampling,
        params.get("code", ""),
        tuple(setting for setting in numerics if setting[0] not in MACHINE),
    )


def _settings(params: Mapping[str, str], prefix: str) -> list[tuple[str, str]]:
    return sorted((k.removeprefix(prefix), v) for k, v in params.items() if k.startswith(prefix))


def training_machine(run: StoredRun) -> str:
    """Where a run was trained, and with which torch; empty where that is not recorded."""
    name, torch = (run.params.get(f"numerics.{key}", "") for key in ("name", "torch_version"))
    return f"{name}, torch {torch}" if name and torch else name


def label_entries(entries: Sequence[Entry]) -> None:
    """Give every entry a label of its own: its name, and in brackets what sets it apart from the
    others of that name.
    """
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        by_name.setdefault(entry.identity.model, []).append(entry)
    for name, alike in by_name.items():
        names = differing_facets([entry.identity for entry in alike])
        for entry in alike:
            apart = _apart(entry.identity, names)
            entry.label = f"{name} ({apart})" if apart else name


def differing_facets(identities: Sequence[EntryIdentity]) -> list[str]:
    """The facets in which some of them differ."""
    names = dict.fromkeys(name for identity in identities for name in identity.facets)
    return [n for n in names if len({identity.facets.get(n, "") for identity in identities}) > 1]


def _apart(identity: EntryIdentity, names: Sequence[str]) -> str:
    if identity.is_external:
        names = [name for name in names if name in ("kind", "data")]
        return ", ".join(identity.facets[name] for name in names if identity.facets[name])
    settings = [name for name in names if name not in FIXED]
    if len(settings) > NAMED:
        names = [name for name in names if name in FIXED]
    texts = [f"{name}={identity.facets.get(name) or 'unknown'}" for name in names if name != "kind"]
    if len(settings) > NAMED:
        texts.append(f"recipe={digest([identity.recipe, identity.sampling])[:8]}")
    return ", ".join(texts)
