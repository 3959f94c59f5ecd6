"""The committed page of cases has what `benchmarks/reconcile.py` makes, and is good enough."""

import re
from pathlib import Path

import reconcile

PAGE = Path(__file__).parents[2] / "docs" / "reconcile-cases.md"
MOST_WRONG = 3


class WithoutSets(reconcile.Material):
    """The cases alone: no image is made."""

    def __init__(self) -> None:
        self.folder = Path("sets")
        names = "train test raw exact samples worse small originals decoded restored"
        vars(self).update(dict.fromkeys(names.split(), ()))


def test_there_are_twenty_cases_with_a_cause_and_two_without():
    assert [bool(case.causes) for case in WithoutSets().cases()] == [True] * 20 + [False] * 2


def test_the_page_names_most_causes_and_none_where_there_is_none():
    causes = {case.title: case.causes for case in WithoutSets().cases()}
    rows = re.findall(r"^\| \d+ \| (.+?) \|.* (yes|\*\*no\*\*) \|$", PAGE.read_text(), re.M)
    assert rows
    wrong = [title for title, verdict in rows if verdict != "yes"]
    assert len(wrong) <= MOST_WRONG
    assert all(causes[title] for title in wrong)
