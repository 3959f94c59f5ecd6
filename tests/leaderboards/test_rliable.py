"""Interquartile mean and probability of improvement are those of rliable, on the same scores."""

import importlib.util
import sys
import types
import warnings

import numpy as np
import pytest

from harness.leaderboards.aggregate import (
    RESAMPLES,
    improvement,
    improvement_interval,
    interquartile_mean,
    iqm_interval,
)


@pytest.fixture(scope="module")
def rliable() -> types.SimpleNamespace:
    """Its modules. It needs only the bootstrap of `arch`, of which some versions do not import
    beside pandas 3 as a whole.
    """
    found = importlib.util.find_spec("arch")
    if found is None or importlib.util.find_spec("rliable") is None:
        pytest.skip("rliable is not installed")
    with pytest.MonkeyPatch.context() as patch:
        bare = types.ModuleType("arch")
        bare.__path__ = list(found.submodule_search_locations or ())
        patch.setitem(sys.modules, "arch", bare)
        library = pytest.importorskip("rliable.library")
        metrics = pytest.importorskip("rliable.metrics")
        yield types.SimpleNamespace(library=library, metrics=metrics)


def scores(seed: int, runs: int, tasks: int) -> np.ndarray:
    """Runs × tasks, with ties."""
    return np.random.default_rng(seed).normal(size=(runs, tasks)).round(1)


SIZES = [(3, 1), (5, 1), (10, 1), (3, 2), (5, 4), (10, 3)]


@pytest.mark.parametrize(("runs", "tasks"), SIZES)
def test_the_definitions_are_those_of_rliable(rliable, runs: int, tasks: int):
    x, y = scores(1, runs, tasks), scores(2, runs, tasks)
    assert interquartile_mean(list(x.T)) == pytest.approx(rliable.metrics.aggregate_iqm(x))
    expected = rliable.metrics.probability_of_improvement(x, y)
    assert improvement(list(x.T), list(y.T)) == pytest.approx(expected)


def test_intervals_agree_to_the_noise_of_resampling(rliable):
    """rliable resamples; what it computes of each resample is ours, which is much faster, and equal
    by the test above.
    """
    x, y = scores(3, 10, 3), scores(4, 10, 3)

    def expected(given: object, statistic: object) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            # Its draws differ from call to call whatever the state, by 0.009 with as many as ours.
            found = rliable.library.get_interval_estimates(
                {"a": given}, statistic, reps=10 * RESAMPLES
            )
        return found[1]["a"].ravel()

    iqm = expected(x, lambda a: np.array([interquartile_mean(list(a.T))]))
    assert iqm_interval(list(x.T)) == pytest.approx(iqm, abs=0.02)
    better = expected((x, y), lambda a, b: np.array([improvement(list(a.T), list(b.T))]))
    assert improvement_interval(list(x.T), list(y.T)) == pytest.approx(better, abs=0.02)
