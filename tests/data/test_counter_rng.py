import pytest
import torch
from scipy import stats

from harness.data.counter_rng import BITS, below, keys, random_integers


def test_draws_are_the_output_of_splitmix64():
    """The sequence of the seed 1234567 that Rosetta Code gives under "Splitmix64"."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = random_integers(torch.tensor([1234567]), 3)[0].tolist()
    assert found == [number >> 64 - BITS for number in published]


def test_keys_and_draws_depend_on_nothing_but_their_place():
    whole = random_integers(keys(7, torch.arange(100)), 20)
    assert torch.equal(random_integers(keys(7, torch.tensor([41, 3])), 20), whole[[41, 3]])
    assert torch.equal(random_integers(keys(7, torch.arange(100)), 5), whole[:, :5])
    assert not torch.equal(random_integers(keys(8, torch.arange(100)), 20), whole)


@pytest.mark.parametrize("across", ["places", "draws"])
def test_draws_are_uniform_and_independent(across: str):
    shape = (20_000, 2) if across == "places" else (2, 20_000)
    found = random_integers(keys(0, torch.arange(shape[0])), shape[1]).double() / 2**BITS
    one, other = found.T if across == "places" else found
    assert stats.kstest(one, "uniform").pvalue > 1e-3
    assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.03


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_draws_lies_below_its_threshold(share: float):
    found = random_integers(keys(1, torch.arange(100)), 400) < below(share)
    assert found.double().mean().item() == pytest.approx(share, abs=0.01)


@pytest.mark.gpu
def test_a_gpu_draws_the_same():
    places = torch.arange(50)
    there = random_integers(keys(3, places.cuda()), 30)
    assert torch.equal(there.cpu(), random_integers(keys(3, places), 30))
