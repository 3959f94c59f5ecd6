import numpy as np
import pytest
from scipy.optimize import minimize

from harness.statistics.preference import PairwiseChoice, bradley_terry


def test_two_entrants_have_the_log_odds_of_their_choices():
    """Of 30 choices in 40 they are log 3; the ties with an average entrant pull them to zero."""
    fit = bradley_terry([PairwiseChoice(0, 1, 1.0)] * 30 + [PairwiseChoice(0, 1, 0.0)] * 10, 2)
    first, second = fit.values
    assert first == pytest.approx(-second)
    # The stationary point: 40 (p − ¾) + 2·½·(q − ½) = 0, where q is the odds against an average.
    p, q = (1 / (1 + np.exp(-x)) for x in (first - second, first))
    assert 40 * (p - 0.75) + (q - 0.5) == pytest.approx(0, abs=1e-9)


def test_it_is_the_maximum_of_the_likelihood_with_its_prior():
    rng = np.random.default_rng(0)
    choices = [
        PairwiseChoice(*rng.permutation(5)[:2], rng.choice([0.0, 0.5, 1.0])) for _ in range(60)
    ]

    def loss(s: np.ndarray) -> float:
        met = [(s[c.first] - s[c.second], c.score) for c in choices] + [(x, 0.5) for x in s]
        return sum(
            np.logaddexp(0, -d) * score + np.logaddexp(0, d) * (1 - score) for d, score in met
        )

    best = minimize(loss, np.zeros(5), tol=1e-12).x
    fit = bradley_terry(choices, 5)
    np.testing.assert_allclose(fit.values, best - best.mean(), atol=1e-5)
    assert fit.values.sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(fit.covariance.sum(axis=0), 0, atol=1e-12)


def test_sides_do_not_matter():
    choices = [PairwiseChoice(0, 1, 1.0), PairwiseChoice(1, 2, 0.5), PairwiseChoice(2, 0, 0.0)] * 5
    turned = [PairwiseChoice(c.second, c.first, 1 - c.score) for c in choices]
    np.testing.assert_allclose(bradley_terry(choices, 3).values, bradley_terry(turned, 3).values)


def test_one_that_is_always_preferred_has_a_finite_strength_and_error():
    fit = bradley_terry([PairwiseChoice(0, 1, 1.0)] * 50, 2)
    assert 0 < fit.values[0] < 5
    assert 0 < fit.stderrs[0] < 3


def test_intervals_hold_the_true_strengths_as_often_as_they_say():
    rng = np.random.default_rng(1)
    true = np.array([0.8, 0.2, -0.3, -0.7])
    held = []
    for _ in range(150):
        sides = np.array([rng.permutation(4)[:2] for _ in range(120)])
        chances = 1 / (1 + np.exp(true[sides[:, 1]] - true[sides[:, 0]]))
        scores = rng.random(120) < chances
        choices = [PairwiseChoice(*pair, float(s)) for pair, s in zip(sides, scores, strict=True)]
        fit = bradley_terry(choices, 4)
        held.append(np.abs(fit.values - true) < 1.96 * fit.stderrs)
    # 600 intervals, four a fit: the simulation's own error is below two per cent.
    assert 0.91 < np.mean(held) < 0.99
