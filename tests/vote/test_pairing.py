from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.vote.ballots import Entrant
from harness.vote.pairing import draw_pairs


def entrants(models: int, seeds: int, datasets: int = 1) -> list[Entrant]:
    return [
        Entrant(dataset=f"d{d}", model=f"m{m}", seed=s, run_id="ab", training_key=f"{d}{m}{s}")
        for d in range(datasets)
        for m in range(models)
        for s in range(seeds)
    ]


@given(
    st.integers(2, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 60), st.integers(0, 9)
)
def test_every_two_models_meet_equally_often_and_none_meets_itself(m, s, d, count, seed):
    those = entrants(m, s, d)
    pairs = draw_pairs(those, [3] * len(those), count, seed)
    votes = [pair for pair in pairs if pair.repeats is None]
    assert len(votes) == count
    met = Counter()
    for pair in votes:
        left, right = those[pair.left.entrant], those[pair.right.entrant]
        assert left.dataset == right.dataset
        assert left.model != right.model
        assert {pair.left.sample, pair.right.sample} <= {0, 1, 2}
        met[left.dataset, frozenset((left.model, right.model))] += 1
    possible = d * m * (m - 1) // 2
    counts = [*met.values(), *[0] * (possible - len(met))]
    assert max(counts) - min(counts) <= 1


def test_some_pairs_come_again_mirrored():
    pairs = draw_pairs(entrants(3, 2), [64] * 6, 50, 0)
    again = [pair for pair in pairs if pair.repeats is not None]
    assert len(again) == 5
    for pair in again:
        assert (pair.left, pair.right) == (pairs[pair.repeats].right, pairs[pair.repeats].left)


def test_the_side_is_by_lot_and_the_number_decides_the_pairs():
    those = entrants(2, 1)
    pairs = draw_pairs(those, [64] * 2, 400, 0)
    left = sum(pair.left.entrant == 0 for pair in pairs)
    assert 150 < left < 290
    assert pairs == draw_pairs(those, [64] * 2, 400, 0)
    assert pairs != draw_pairs(those, [64] * 2, 400, 1)
