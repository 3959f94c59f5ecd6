import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Batches, Split, loader, to_float


def numbered(n: int) -> Split:
    """Images whose one pixel and label are their index."""
    index = torch.arange(n)
    return Split(index.to(torch.uint8)[:, None, None, None], index)


def labels(batches: Batches, count: int) -> list[int]:
    return [label for i in range(count) for label in batches.batch(i)[1].tolist()]


@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**31))
def test_each_epoch_shows_every_image_once(size, batch_size, seed):
    shown = labels(Batches(numbered(size), batch_size, seed), 3 * size // batch_size + 1)
    for start in range(0, 3 * size, size):
        assert sorted(shown[start : start + size]) == list(range(size))


@given(st.integers(1, 30), st.integers(1, 40), st.lists(st.integers(0, 50), max_size=5))
def test_a_batch_depends_on_its_index_alone(size, batch_size, asked_before):
    fresh, used = (Batches(numbered(size), batch_size, seed=3) for _ in range(2))
    for index in asked_before:
        used.batch(index)
    assert torch.equal(fresh.batch(7)[1], used.batch(7)[1])


def test_images_come_with_their_labels_as_float32():
    x, y, *_ = Batches(numbered(50), 16, seed=0).batch(2)
    assert x.dtype == torch.float32
    assert torch.equal(x.flatten(), to_float(y.to(torch.uint8)))


def test_epochs_and_seeds_differ():
    epochs = labels(Batches(numbered(50), 50, seed=0), 2)
    assert epochs[:50] != epochs[50:]
    assert epochs[:50] != labels(Batches(numbered(50), 50, seed=1), 1)


def test_the_order_is_the_same_on_every_machine():
    assert labels(Batches(numbered(10), 10, seed=0), 1) == [1, 6, 0, 8, 7, 9, 5, 3, 2, 4]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("fits", [True, False])
def test_batches_on_a_gpu_are_those_on_the_cpu_wherever_the_images_are_kept(monkeypatch, fits):
    monkeypatch.setattr(loader, "_fits", lambda images, device: fits)
    there, here = (Batches(numbered(50), 32, seed=0, device=d) for d in ("cuda", "cpu"))
    for index in range(3):
        for ours, theirs in zip(there.batch(index)[:2], here.batch(index)[:2], strict=True):
            assert ours.is_cuda
            assert torch.equal(ours.cpu(), theirs)


def test_images_too_many_for_a_gpu_stay_in_host_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4000, 8000))
    images = torch.zeros(1000, 1, 1, 1, dtype=torch.uint8)
    assert loader._fits(images, torch.device("cuda"))
    assert not loader._fits(torch.cat([images, images]), torch.device("cuda"))
    assert loader._fits(torch.cat([images, images]), torch.device("cpu"))
