import torch

from harness.data import Batches, Split
from harness.data.hashed_words import BUCKETS, word_ids


def test_words_are_hashed_alike_wherever_they_stand():
    found = word_ids(["A red square.", "red", "", "square, a RED one"])
    assert found.shape == (4, 4)
    assert found.dtype == torch.int64
    assert found[0, 1] == found[1, 0] == found[3, 2]
    assert found[0, 2] == found[3, 0]
    assert (found > 0).sum(dim=1).tolist() == [3, 1, 0, 4]
    assert found.max() < BUCKETS


def test_hashes_are_the_same_on_every_machine():
    assert word_ids(["square"]).item() == 1 + 0xCDE368A9 % 4095


def test_no_words_at_all():
    assert word_ids(["", "…"]).tolist() == [[0], [0]]


def test_training_shows_each_image_with_its_words():
    texts = tuple(f"number {i}" for i in range(20))
    images = torch.arange(20, dtype=torch.uint8)[:, None, None, None]
    shown = Batches(Split(images, torch.arange(20), texts=texts), 8, seed=0).batch(3)
    assert torch.equal(shown.words, word_ids([texts[i] for i in shown.labels.tolist()]))
