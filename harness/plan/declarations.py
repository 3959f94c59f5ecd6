"""When claims were declared: their digests, kept with the suite's run before anything trains."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise

from pydantic import TypeAdapter

from harness.config.claim import Claim
from harness.config.members import Members
from harness.core.counting import counted, counted_of
from harness.core.keys import digest
from harness.plan.cells import Cell
from harness.plan.planning import Plan
from harness.tracking import Record, Store

FILE = "claims.json"
"""The artifact of a suite's run that holds the history of its claims."""


@dataclass(frozen=True)
class Declaration:
    """A claim as it was asked from a time `at` on (UTC).

    `digest` covers its statement, sides with their recipes, metrics, margin, alpha, datasets,
    budget and seeds, and `asked` all of these but the seeds. Of the `cells` that it is about,
    `measured` had been measured then.
    """

    digest: str
    asked: str
    at: str
    seeds: int
    cells: int
    measured: int

    @property
    def is_first(self) -> bool:
        """Whether it was declared before anything was measured for it."""
        return self.measured == 0


History = Mapping[str, tuple[Declaration, ...]]
"""The declarations of each claim, by its id, the oldest first."""


def declare(plan: Plan, store: Store, parent: str, records: Mapping[str, Record]) -> History:
    """Record the claims of a plan as they are asked now with the suite's run `parent`. Returns
    their history: what changed since the last time is added to it.
    """
    history = dict(read_declarations(store, parent))
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    for claim in plan.loaded.suite.claims:
        earlier = history.get(claim.id, ())
        latest = _declaration(claim, plan, records, at, earlier)
        if not earlier or earlier[-1].digest != latest.digest:
            history[claim.id] = (*earlier, latest)
    document = {name: [asdict(each) for each in entries] for name, entries in history.items()}
    store.put(parent, FILE, json.dumps(document, indent=1))
    current = {claim.id: history[claim.id][-1].digest for claim in plan.loaded.suite.claims}
    store.tag(parent, {"harness.claims": digest(current)[:16]})
    return history


def read_declarations(store: Store, parent: str | None) -> History:
    """Return what `declare` has recorded with a suite's run; nothing where there is none."""
    content = store.get(parent, FILE) if parent else None
    return {} if content is None else history_of(json.loads(content))


def history_of(document: object) -> History:
    """Return a history from plain types. Raises ValueError where it is none."""
    return TypeAdapter(dict[str, tuple[Declaration, ...]]).validate_python(document)


def declaration_text(claim: Claim, history: Sequence[Declaration]) -> str:
    """Return when a claim was declared, in a sentence or two, and how it was amended since."""
    if not history:
        return "When it was declared is not recorded."
    first, changes = history[0], list(_changes(history))
    when = "before anything was measured for it"
    if not first.is_first:
        when = f"after {counted_of(first.measured, first.cells, 'cell')} had been measured"
    texts = [f"Declared {first.at}, {when}."]
    texts += [f"Amended {each.date}: {each.reason}" for each in claim.amended]
    if changes and not claim.amended:
        texts.append(f"Changed {', '.join(changes)}, no reason given.")
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in texts)


def declared_first(history: Sequence[Declaration]) -> bool:
    """Whether a claim, as it is asked now, was declared before anything was measured for it. More
    seeds are no other claim.
    """
    if not history:
        return False
    asked = history[-1].asked
    return next(each for each in history if each.asked == asked).is_first


def _changes(history: Sequence[Declaration]) -> Iterator[str]:
    """When a claim was asked otherwise than before."""
    for before, after in pairwise(history):
        if after.asked != before.asked:
            yield f"{after.at} ({counted(after.measured, 'cell')} measured by then)"


def _declaration(
    claim: Claim, plan: Plan, records: Mapping[str, Record], at: str, earlier: Sequence[Declaration]
) -> Declaration:
    cells = list(_cells_of(claim, plan))
    seeds = sorted({cell.seed for cell in cells})
    measured = sum(_is_measured(claim, cell, records.get(cell.training_key)) for cell in cells)
    questions = _questions(claim, plan, cells)
    before = earlier[-1].asked if earlier else None
    question = next((each for each in questions if digest(each) == before), questions[0])
    return Declaration(
        digest({**question, "seeds": seeds}), digest(question), at, len(seeds), len(cells), measured
    )


def _questions(claim: Claim, plan: Plan, cells: Iterable[Cell]) -> list[dict[str, object]]:
    """What a claim asks, as this version digests it, and then as earlier versions did: without
    recipes, and before that with `why` too.
    """
    budgets = sorted({(cell.dataset, cell.model, cell.images) for cell in cells})

    def asked(without: set[str], **more: object) -> dict[str, object]:
        # Without defaults, so that a field that a later version adds changes no digest.
        text = claim.model_dump(mode="json", exclude=without, exclude_defaults=True)
        return {"shape": claim.shape, "claim": text, "budgets": budgets, **more}

    reasons = {"amended", "why", "fooled_by"}
    with_recipes = asked(reasons, recipes=_recipes_of(claim, plan))
    return [with_recipes, asked(reasons), asked(reasons - {"why"})]


def _recipes_of(claim: Claim, plan: Plan) -> dict[str, object]:
    """The family and the settings of each model that a claim is about, as the recipes state them:
    whoever changes one after a look asks about another model.
    """
    recipes = {name: plan.recipes.get(name) for name in {side.model for side in claim.entrants}}
    return {name: [each.family, each.settings] for name, each in recipes.items() if each}


def _cells_of(claim: Claim, plan: Plan) -> Iterator[Cell]:
    names = Members(plan.loaded.suite).datasets_of(claim)
    datasets = {member for name in names for member in plan.each.get(name, (name,))}
    models = {str(side) for side in claim.entrants}
    return (cell for cell in plan.cells if cell.dataset in datasets and cell.model in models)


def _is_measured(claim: Claim, cell: Cell, record: Record | None) -> bool:
    """Whether a cell has a number that the claim is about."""
    if record is None:
        return False
    planned = {each.metric for each in cell.planned_measurements} & set(claim.measured)
    return bool(planned - {each.metric for each in cell.missing(record)})
