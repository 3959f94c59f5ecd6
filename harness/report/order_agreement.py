"""Whether our models stand in the order that a paper prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.config.published_types import PublishedColumn
from harness.core.counting import counted_of
from harness.report.figure_comparison import FigureComparison
from harness.report.measured_seeds import MeasuredSeeds


@dataclass(frozen=True)
class OrderAgreement:
    """How many pairs of models stand in the published order: in every seed, in none, or in some."""

    column: PublishedColumn
    same: int
    reversed: int
    mixed: int

    @property
    def text(self) -> str:
        """`by FID the published order holds for 5 of 6 pairs of models in every seed, for 1 in some
        seeds, for 0 in none`
        """
        pairs = self.same + self.reversed + self.mixed
        return (
            f"by {self.column.name} the published order holds for "
            f"{counted_of(self.same, pairs, 'pair')} of models in every seed, for {self.mixed} in "
            f"some seeds, for {self.reversed} in none"
        )


def order_agreement(column: PublishedColumn, figures: Sequence[FigureComparison]) -> OrderAgreement:
    """Returns how the pairs of models of a column stand. Pairs whose published figures are equal
    are left out.
    """
    kinds: Counter[str] = Counter()
    of_column = [each for each in figures if each.column is column]
    for one, other in combinations(of_column, 2):
        if one.figure is None or other.figure is None or one.figure.value == other.figure.value:
            continue
        if one.measured and other.measured and _common_seeds(one.measured, other.measured):
            falls = one.figure.value > other.figure.value
            kinds[_pair_order(one.measured, other.measured, falls, column.factor)] += 1
    return OrderAgreement(column, kinds["same"], kinds["reversed"], kinds["mixed"])


def _pair_order(one: MeasuredSeeds, other: MeasuredSeeds, falls: bool, factor: float) -> str:
    """Whether two models stand in the published order: "same" where they do in each common seed,
    "reversed" where they do in none, else "mixed".
    """
    agreements = {
        (factor * one.values[seed] > factor * other.values[seed]) == falls
        for seed in _common_seeds(one, other)
    }
    if len(agreements) == 1:
        return "same" if agreements.pop() else "reversed"
    return "mixed"


def _common_seeds(one: MeasuredSeeds, other: MeasuredSeeds) -> set[int]:
    return one.values.keys() & other.values.keys()
