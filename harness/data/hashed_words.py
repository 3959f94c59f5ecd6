"""Texts as bags of hashed words: no vocabulary has to be kept, and none is ever incomplete."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch

BUCKETS = 4096
"""Words are told apart by a hash below this number; 0 stands for no word."""


def word_ids(texts: Sequence[str]) -> torch.Tensor:
    """int64 N×L, L the most words that a text has: the hash of each word, then zeros.

    Case and everything but letters, digits and underscores do not count.
    """
    found = [re.findall(r"\w+", text.lower()) for text in texts]
    ids = torch.zeros(len(found), max(1, *map(len, found)), dtype=torch.int64)
    for row, words in zip(ids, found, strict=True):
        hashes = [1 + zlib.crc32(word.encode()) % (BUCKETS - 1) for word in words]
        row[: len(words)] = torch.tensor(hashes, dtype=torch.int64)
    return ids
