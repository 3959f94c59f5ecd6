"""Which cells further seeds ask for, where only some claims of a suite are still open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.claims.verdicts import Verdict
from harness.config.members import Members
from harness.plan import Cell, Plan
from harness.statistics.sequential import planned_looks


@dataclass(frozen=True)
class SeedsOfClaims:
    """The training seeds of the whole suite (`base`), and the seeds of each claim that has more, by
    its id. `most` is the greatest number that a claim may take, where it is declared.
    """

    base: tuple[int, ...]
    of_claims: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    most: int | None = None

    def of(self, claim: str) -> tuple[int, ...]:
        """Returns the seeds of a claim."""
        return self.of_claims.get(claim, self.base)

    @property
    def all(self) -> tuple[int, ...]:
        """The seeds that anything has, in ascending order."""
        return tuple(sorted({*self.base, *(s for seeds in self.of_claims.values() for s in seeds)}))

    def widened(self, verdicts: Iterable[Verdict], count: int) -> SeedsOfClaims:
        """Returns the same with `count` seeds for each claim that its verdict leaves open."""
        seeds = first_seeds(self.all, count)
        still_open = {v.claim.id: seeds for v in verdicts if v.outcome == "inconclusive"}
        return replace(self, of_claims={**self.of_claims, **still_open})

    def later_looks(self) -> list[int]:
        """Returns the numbers of seeds of the looks after the first, up to `most`."""
        return planned_looks(len(self.base), self.most)[1:] if self.most else []

    def cells(self, plan: Plan) -> tuple[Cell, ...]:
        """Returns the cells of a plan that these seeds ask for."""
        members = Members(plan.loaded.suite)
        asked = {
            (dataset, str(side), seed)
            for claim in plan.loaded.suite.claims
            for dataset in members.datasets_of(claim)
            for side in claim.entrants
            for seed in self.of(claim.id)
        }
        base = set(self.base)
        return tuple(
            cell
            for cell in plan.cells
            if cell.seed in base or (cell.dataset, cell.model, cell.seed) in asked
        )


def first_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """Returns `count` seeds: the given ones, and the smallest that are not among them."""
    others = (seed for seed in range(count + max(seeds, default=0) + 1) if seed not in set(seeds))
    result = list(seeds[:count])
    while len(result) < count:
        result.append(next(others))
    return tuple(sorted(result))
