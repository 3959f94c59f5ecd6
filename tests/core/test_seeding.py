import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.core.seeding import derive, generator

names = st.lists(st.one_of(st.text(max_size=8), st.integers()), max_size=3)


@given(st.integers(min_value=0), names)
def test_a_seed_is_a_pure_function_of_its_names_and_fits_torch(seed: int, axes: list[str | int]):
    assert derive(seed, *axes) == derive(seed, *axes)
    assert 0 <= derive(seed, *axes) < 2**63


def test_other_names_and_other_seeds_give_other_streams():
    streams = {
        derive(0, "order", 0),
        derive(0, "order", 1),
        derive(1, "order", 0),
        derive(0, "init"),
    }
    assert len(streams) == 4


def test_generators_do_not_touch_global_state():
    before = torch.get_rng_state()
    first = torch.rand(3, generator=generator(0, "samples"))
    assert torch.equal(first, torch.rand(3, generator=generator(0, "samples")))
    assert torch.equal(before, torch.get_rng_state())


def test_the_derivation_is_pinned_because_published_numbers_rest_on_it():
    assert derive(0, "order", 3) == 2723741169552378311
