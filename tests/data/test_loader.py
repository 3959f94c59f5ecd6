import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import Batches, Split, loader, to_float


def numbered(n: int) -> Split:
    """Images whose one pixel and label are their index."""
    index = torch.arange(n)
    return Split(index.to(torch.uint8)[:, None, None, None], index)


def labels(batches: Batches, count: int) -> list[int]:
    return [label for i in range(count) for label in batches.batch(i).labels.tolist()]


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
    assert torch.equal(fresh.batch(7).labels, used.batch(7).labels)


def test_images_come_with_their_labels_as_float32():
    batch = Batches(numbered(50), 16, seed=0).batch(2)
    assert batch.x.dtype == torch.float32
    assert torch.equal(batch.x.flatten(), to_float(batch.labels.to(torch.uint8)))


def test_epochs_and_seeds_differ():
    epochs = labels(Batches(numbered(50), 50, seed=0), 2)
    assert epochs[:50] != epochs[50:]
    assert epochs[:50] != labels(Batches(numbered(50), 50, seed=1), 1)


def test_the_order_is_the_same_on_every_machine():
    assert labels(Batches(numbered(10), 10, seed=0), 1) == [1, 6, 0, 8, 7, 9, 5, 3, 2, 4]


def halves(n: int) -> Split:
    """Images that are dark on the left and bright on the right; the label is their index."""
    row = torch.tensor([0, 0, 255, 255], dtype=torch.uint8)
    return Split(row.expand(n, 3, 2, 4).contiguous(), torch.arange(n))


def flipped(batches: Batches, count: int) -> list[bool]:
    """Which of the images in the first `count` batches are mirrored; all pixels are looked at."""
    shown = torch.cat([batches.batch(index).x for index in range(count)])
    as_stored = to_float(halves(1).images)
    is_mirrored = (shown == as_stored.flip(-1)).flatten(1).all(1)
    assert torch.equal(~is_mirrored, (shown == as_stored).flatten(1).all(1))
    return is_mirrored.tolist()


@settings(deadline=None)
@given(st.integers(3, 30), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_flips_are_those_of_the_place_whatever_the_batch_size(size, one, other, seed):
    first, second = (Batches(halves(size), n, seed, flip=True) for n in (one, other))
    shown = flipped(first, 4), flipped(second, 4)
    both = min(map(len, shown))
    assert shown[0][:both] == shown[1][:both]


def test_half_of_the_images_are_flipped_anew_each_epoch():
    batches = Batches(halves(10_000), 10_000, seed=0, flip=True)
    first, second = torch.tensor(flipped(batches, 2)).view(2, -1)
    for share in (first.float().mean(), second.float().mean(), (first ^ second).float().mean()):
        assert abs(share - 0.5) < 0.02  # four standard deviations


def test_flips_change_neither_the_order_nor_the_stored_images():
    split = halves(50)
    before = split.images.clone()
    flips = Batches(split, 16, seed=3, flip=True)
    assert labels(flips, 9) == labels(Batches(split, 16, seed=3), 9)
    assert torch.equal(split.images, before)


def test_flips_are_the_same_on_every_machine():
    places = flipped(Batches(halves(8), 8, seed=0, flip=True), 1)
    assert places == [bool(int(bit)) for bit in "00100110"]


@pytest.mark.gpu
@pytest.mark.parametrize("fits", [True, False])
def test_batches_on_a_gpu_are_those_on_the_cpu_wherever_the_images_are_kept(monkeypatch, fits):
    monkeypatch.setattr(loader, "_fits", lambda images, device: fits)
    split = Split(torch.arange(150, dtype=torch.uint8).view(50, 1, 1, 3), torch.arange(50))
    there, here = (Batches(split, 32, seed=0, device=d, flip=True) for d in ("cuda", "cpu"))
    for index in range(3):
        ours, theirs = there.batch(index), here.batch(index)
        for name in ("x", "labels"):
            assert getattr(ours, name).is_cuda
            assert torch.equal(getattr(ours, name).cpu(), getattr(theirs, name))


def test_images_too_many_for_a_gpu_stay_in_host_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4000, 8000))
    images = torch.zeros(1000, 1, 1, 1, dtype=torch.uint8)
    assert loader._fits(images, torch.device("cuda"))
    assert not loader._fits(torch.cat([images, images]), torch.device("cuda"))
    assert loader._fits(torch.cat([images, images]), torch.device("cpu"))
