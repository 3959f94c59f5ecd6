"""When a claim was looked at: with which training seeds, and how many it may take at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.sequential import Looks


@dataclass(frozen=True)
class ClaimLooks:
    """The training seeds of every look at a claim, the fewest first. `most` is the greatest number
    of seeds, where it was declared before the first look.
    """

    seeds: tuple[tuple[int, ...], ...] = ()
    most: int | None = None

    @property
    def plan(self) -> Looks:
        """The numbers of seeds at which the claim was looked at."""
        return Looks(tuple(map(len, self.seeds)), self.most)

    def with_look(self, *looks: Sequence[int]) -> ClaimLooks:
        """Returns the looks with others. A look at as many seeds is the same look."""
        by_count = {len(look): look for look in (*(tuple(sorted(k)) for k in looks), *self.seeds)}
        return ClaimLooks(tuple(by_count[count] for count in sorted(by_count)), self.most)
