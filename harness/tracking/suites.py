"""The place of a suite in a tracking store: its own, whatever others are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.config.shipped import shipped_files

if TYPE_CHECKING:
    from harness.tracking.store import Store

ORIGINS, CONTENT = "harness.suite.origins", "harness.suite.content"


@dataclass(frozen=True)
class SuiteIdentity:
    """Which suite it is, apart from its name: digests of where its file is (`origins`, more than
    one where the same place is known in several ways) and of its `content`.

    A suite stays itself where its file is edited, and where it is copied or moved as it is. Another
    file with another content is another suite, whatever it is called.
    """

    name: str
    origins: tuple[str, ...]
    content: str
    is_shipped: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """Its name, and one that is taken where another suite has that."""
        return self.name, f"{self.name}-{self.origins[0][:8]}"

    @property
    def marks(self) -> dict[str, str]:
        """What is kept beside a suite's results, to tell whose they are."""
        return {ORIGINS: " ".join(self.origins), CONTENT: self.content}

    def owns(self, marks: Mapping[str, str]) -> bool:
        """Whether results with these marks belong to this suite. Earlier versions left no marks:
        their results belong to the shipped suite of that name, or else to the first suite that
        asks.
        """
        if ORIGINS not in marks:
            return self.is_shipped or self.name not in shipped_files("suites")
        return self._began(marks) or marks.get(CONTENT) == self.content

    def _began(self, marks: Mapping[str, str]) -> bool:
        return bool({*marks.get(ORIGINS, "").split()} & {*self.origins})

    def marked(self, marks: Mapping[str, str]) -> dict[str, str]:
        """The marks of its results from now on: a copy that is the same leaves the first one's."""
        return self.marks if ORIGINS not in marks or self._began(marks) else dict(marks)


def experiment_name(store: Store, suite: SuiteIdentity) -> str:
    """The name of the experiment that has the suite, or would have it."""
    first, second = suite.names
    marks = _marks(store, first)
    return first if marks is None or suite.owns(marks) else second


def open_suite(store: Store, suite: SuiteIdentity, key: str, tags: Mapping[str, str]) -> str:
    """As the store's `open_suite`, in the suite's own experiment."""
    name = experiment_name(store, suite)
    run_id = store.open_suite(name, key, tags)
    _mark(store, name, suite)
    return run_id


def planned_suite(store: Store, suite: SuiteIdentity, key: str) -> str:
    """As the store's `planned_suite`, in the suite's own experiment."""
    name = experiment_name(store, suite)
    run_id = store.planned_suite(name, key)
    _mark(store, name, suite)
    return run_id


def find_suite(store: Store, suite: SuiteIdentity, key: str) -> str | None:
    """As the store's `find_suite`, in the suite's own experiment."""
    return store.find_suite(experiment_name(store, suite), key)


def _marks(store: Store, name: str) -> dict[str, str] | None:
    """The tags of an experiment; None where there is none of that name."""
    experiment = store.client.get_experiment_by_name(name)
    return None if experiment is None else dict(experiment.tags)


def _mark(store: Store, name: str, suite: SuiteIdentity) -> None:
    experiment = store.client.get_experiment_by_name(name)
    if experiment is None:  # deleted at this moment
        return
    tags = dict(experiment.tags)
    for tag, value in suite.marked(tags).items():
        if tags.get(tag) != value:
            store.client.set_experiment_tag(experiment.experiment_id, tag, value)
