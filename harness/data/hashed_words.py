"""Texts as bags of hashed words: no vocabulary has to be kept, and none is ever incomplete."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch

BUCKETS = 4096
"""Words are told apart by a hash below this number; 0 stands for no word."""


def split_words(text: str) -> list[str]:
    """The words of a text, in order and in lower case."""
    return re.findall(r"\w+", text.lower())


def word_ids(texts: Sequence[str]) -> torch.Tensor:
    """Return the hash of each word of each text, then zeros: int64 N×L, with L the longest text's
    words.

    Case does not count, nor do characters other than letters, digits and underscores.
    """
    words_of_texts = [split_words(text) for text in texts]
    ids = torch.zeros(len(words_of_texts), max(1, *map(len, words_of_texts)), dtype=torch.int64)
    for row, words in zip(ids, words_of_texts, strict=True):
        hashes = [1 + zlib.crc32(word.encode()) % (BUCKETS - 1) for word in words]
        row[: len(words)] = torch.tensor(hashes, dtype=torch.int64)
    return ids
