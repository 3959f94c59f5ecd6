"""The committed page of cases has what `benchmarks/reconcile.py` makes, and is good enough."""

import re
from pathlib import Path

import reconcile

PAGE = Path(__file__).parents[2] / "docs" / "reconcile-cases.md"
LEAST_RIGHT = 17


class WithoutSets(reconcile.Material):
    """The cases alone: no image is made."""

    def __init__(self) -> None:
        self.folder = Path("sets")
        names = "train test raw exact samples worse small originals decoded restored"
        vars(self).update(dict.fromkeys(names.split()))


def test_there_are_twenty_cases_with_a_cause_and_two_without():
    cases = list(WithoutSets().cases())
    assert [bool(case.causes) for case in cases] == [True] * 20 + [False] * 2
    rows = re.findall(r"^\| \d+ \| (.+?) \|.* (yes|\*\*no\*\*) \|$", PAGE.read_text(), re.M)
    assert [title for title, _ in rows] == [case.title for case in cases]
    right = [verdict == "yes" for _, verdict in rows]
    assert sum(right[:20]) >= LEAST_RIGHT
    assert all(right[20:])
