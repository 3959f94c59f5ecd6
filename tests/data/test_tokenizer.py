"""Texts as sequences of words of a fixed vocabulary."""

from __future__ import annotations

import pytest
import torch

from harness.core.errors import BadInput
from harness.data import Batches, Split
from harness.data.tokenizer import Tokenizer

TEXTS = ["A red square.", "red", "a green circle at the top"]


def test_words_are_numbered_in_the_order_of_the_alphabet() -> None:
    tokenizer = Tokenizer.of(TEXTS)
    assert tokenizer == Tokenizer.of(TEXTS[::-1])
    assert tokenizer.vocabulary == ("a", "at", "circle", "green", "red", "square", "the", "top")
    assert tokenizer.size == 10
    ids = tokenizer.encode(["a RED square", "red", ""])
    assert ids.tolist() == [[1, 2, 6, 7, 0, 0, 0], [1, 6, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]]


def test_the_order_of_words_counts() -> None:
    first, second = Tokenizer.of(TEXTS).encode(["red square", "square red"])
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, second.sort().values)


def test_a_word_that_is_not_known_is_named() -> None:
    tokenizer = Tokenizer.of(TEXTS)
    with pytest.raises(BadInput, match=r"'a blue square': no training text has the word 'blue'"):
        tokenizer.encode(["a blue square"])
    assert tokenizer.strange_words(["a blue square", "the big red"]) == ("big", "blue")


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadInput, match="7 words; training texts have 6"):
        Tokenizer.of(TEXTS).encode(["a a a a a a a"])


def test_batches_have_the_tokens_of_their_images() -> None:
    images = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 1, 2, 2)
    split = Split(images, torch.zeros(3, dtype=torch.int64), texts=tuple(TEXTS))
    batch = Batches(split, 5, seed=0).batch(1)
    ids = Tokenizer.of(TEXTS).encode(TEXTS)
    places = ((batch.x[:, 0, 0, 0] + 1) * 127.5).round().long()
    assert batch.tokens is not None
    assert torch.equal(batch.tokens, ids[places])
