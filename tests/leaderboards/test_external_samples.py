"""Samples of another program: what counts is what suites have now."""

from dataclasses import replace
from datetime import timedelta

from stored_runs import BEGAN, cell, fid, gathered, value

from harness.core.measurement import TRAINING_IMAGES
from harness.tracking.cell_uses import LastUse
from harness.tracking.collection import StoredRun


def samples(
    content: str, number: float, *had: tuple[str, int, int], dataset: str = "digits",
    name: str = "theirs", day: int = 0,
) -> StoredRun:  # fmt: skip
    """A run of a set of images that suites (their runs) had in the place of a seed on a day."""
    rows = (value(number, fid(dataset)),)
    params = {"budget.images": "0", "family": "samples"}
    made = cell(name, 0, rows, day, params=params, training_key=content)
    last = tuple(
        LastUse(parent, name, dataset, seed, BEGAN + timedelta(days=day))
        for parent, seed, day in had
    )
    uses = tuple(replace(made.uses[0], parent=parent) for parent, _, _ in had) or made.uses
    return replace(
        made, run_id=content, dataset=dataset, uses=uses, last_uses=last, data={"samples": content}
    )


def shown(*runs: StoredRun) -> list[tuple[str, int, float]]:
    table = gathered(*runs).table
    return sorted(zip(table["model"], table["seed"], table["value"], strict=True))


def test_a_replaced_file_is_no_earlier_measurement_of_the_new_one():
    old, new = samples("a", 5.0, ("of-ann", 0, 0)), samples("b", 9.0, ("of-ann", 0, 1), day=1)
    assert shown(old, new) == shown(new, old) == [("theirs", 0, 9.0)]
    (entry,) = gathered(old, new).entries
    assert (set(entry.runs), entry.repeats) == ({"b"}, 0)


def test_a_file_that_is_put_back_counts_again():
    back = samples("a", 5.0, ("of-ann", 0, 2))
    assert shown(back, samples("b", 9.0, ("of-ann", 0, 1), day=1)) == [("theirs", 0, 5.0)]


def test_versions_that_did_not_say_when_are_read_by_when_runs_began():
    assert shown(samples("a", 5.0), samples("b", 9.0, day=1)) == [("theirs", 0, 9.0)]
    newer = samples("b", 9.0, ("of-ann", 0, 1), day=1)
    assert shown(samples("a", 5.0), newer) == [("theirs", 0, 9.0)]


def test_places_are_those_of_the_suite_and_images_stand_in_one():
    first = samples("a", 5.0, ("of-ann", 0, 0), ("of-ann", 1, 1))
    second = samples("b", 9.0, ("of-ann", 0, 1), day=1)
    assert shown(first, second) == [("theirs", 0, 9.0), ("theirs", 1, 5.0)]
    only = samples("b", 9.0, ("of-ann", 1, 0), ("of-ann", 0, 1))
    assert shown(only) == [("theirs", 0, 9.0)]


def test_other_files_of_another_suite_are_another_entry():
    mine, yours = samples("a", 5.0, ("of-ann", 0, 0)), samples("b", 9.0, ("of-bob", 0, 1), day=1)
    found = shown(mine, yours)
    assert [number for _, _, number in found] in ([5.0, 9.0], [9.0, 5.0])
    assert {name for name, _, _ in found} == {e.label for e in gathered(mine, yours).entries}
    assert all(name.startswith("theirs (") for name, _, _ in found)
    both = samples("a", 5.0, ("of-ann", 0, 0), ("of-bob", 0, 1))
    (entry,) = gathered(both).entries
    assert (entry.label, entry.suites) == ("theirs", {"first", "second"})


def test_a_suite_with_some_of_the_files_has_the_same_entry():
    zero = samples("a", 5.0, ("of-ann", 0, 0), ("of-bob", 0, 0))
    one = samples("b", 6.0, ("of-ann", 1, 0))
    assert shown(zero, one) == [("theirs", 0, 5.0), ("theirs", 1, 6.0)]


def test_numbers_of_another_dataset_are_not_of_this_one():
    run = samples("a", 5.0, ("of-ann", 0, 0))
    other = LastUse("of-ann", "theirs", "faces", 0, BEGAN)
    both = replace(
        run, numbers=(*run.numbers, value(7.0, fid("faces"))), last_uses=(*run.last_uses, other)
    )
    table = gathered(both).table
    assert dict(zip(table["dataset"], table["value"], strict=True)) == {"digits": 5.0, "faces": 7.0}


def test_floors_stay_floors():
    runs = [
        samples("a", 1.0, ("of-ann", 0, 0), name=TRAINING_IMAGES),
        samples("b", 2.0, ("of-ann", 0, 1), name=TRAINING_IMAGES, day=1),
    ]
    assert shown(*runs) == [(TRAINING_IMAGES, 0, 2.0)]
    assert not gathered(*runs).entries
