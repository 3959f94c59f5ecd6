"""Suites that are called alike have places of their own in a store."""

from pathlib import Path

import pytest

from harness.tracking import Store, default_uri
from harness.tracking.suites import (
    SuiteIdentity,
    experiment_name,
    find_suite,
    open_suite,
    planned_suite,
)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return default_uri(tmp_path_factory.mktemp("store"))


@pytest.fixture
def store(uri: str, tmp_path: Path) -> Store:
    return Store(uri, tmp_path)


def suite(name: str, origin: str, content: str = "1", **more: bool) -> SuiteIdentity:
    return SuiteIdentity(name, (origin,), content, **more)


def test_another_file_with_another_content_is_another_suite(store: Store):
    a, b = suite("same", "aaaaaaaaaaaa", "1"), suite("same", "bbbbbbbbbbbb", "2")
    first, second = (open_suite(store, each, "key", {}) for each in (a, b))
    assert first != second
    assert (experiment_name(store, a), experiment_name(store, b)) == ("same", "same-bbbbbbbb")
    assert (find_suite(store, a, "key"), find_suite(store, b, "key")) == (first, second)


def test_a_suite_stays_itself_where_it_is_edited_or_moved(store: Store):
    run = open_suite(store, suite("kept", "aaaaaaaaaaaa", "1"), "key", {})
    assert open_suite(store, suite("kept", "aaaaaaaaaaaa", "2"), "key", {}) == run
    assert open_suite(store, suite("kept", "moved0000000", "2"), "key", {}) == run
    # What was moved and then edited is told apart: the first may still be where it was.
    assert experiment_name(store, suite("kept", "moved0000000", "3")) == "kept-moved000"
    assert experiment_name(store, suite("kept", "aaaaaaaaaaaa", "4")) == "kept"


def test_planning_reserves_the_place(store: Store):
    run = planned_suite(store, suite("planned", "aaaaaaaaaaaa", "1"), "key")
    assert open_suite(store, suite("planned", "aaaaaaaaaaaa", "9"), "key", {}) == run
    assert find_suite(store, suite("planned", "cccccccccccc", "7"), "key") is None


def test_what_earlier_versions_left_is_the_shipped_suites_or_the_first_ones(store: Store):
    for name in ("quickstart", "mine"):
        store.open_suite(name, "key", {})
    own = suite("quickstart", "aaaaaaaaaaaa")
    assert experiment_name(store, own) == "quickstart-aaaaaaaa"
    assert experiment_name(store, suite("quickstart", "s", is_shipped=True)) == "quickstart"
    assert experiment_name(store, suite("mine", "aaaaaaaaaaaa")) == "mine"
    open_suite(store, suite("mine", "aaaaaaaaaaaa", "1"), "key", {})
    assert experiment_name(store, suite("mine", "bbbbbbbbbbbb", "2")) == "mine-bbbbbbbb"
