"""Texts as sequences of words from a fixed vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.hashed_words import split_words

NOTHING, START = 0, 1
"""Ids of what follows a text's end, and of its start; the words' own begin at 2."""


@dataclass(frozen=True)
class Tokenizer:
    """The sorted words of a set of texts, and the words of its longest text."""

    vocabulary: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> Tokenizer:
        """The tokenizer of these texts; the same in whatever order they are."""
        lists = [split_words(text) for text in texts]
        vocabulary = sorted({word for words in lists for word in words})
        return cls(tuple(vocabulary), max(map(len, lists), default=0))

    @property
    def size(self) -> int:
        """The number of ids."""
        return 2 + len(self.vocabulary)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, 2)}

    def encode(self, texts: Sequence[str]) -> Tensor:
        """START and the ids of each text's words in order, then NOTHING: int64 N×(1 + length).

        Raises BadInput for a word that is not of the vocabulary, and for a text that is too long.
        """
        ids = torch.full((len(texts), 1 + self.length), NOTHING, dtype=torch.int64)
        ids[:, 0] = START
        for row, text in zip(ids, texts, strict=True):
            numbers = self._numbers(text)
            row[1 : 1 + len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return ids

    def strange_words(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The words of these texts that are not of the vocabulary, sorted."""
        return tuple(sorted({word for text in texts for word in split_words(text)} - {*self._ids}))

    def _numbers(self, text: str) -> list[int]:
        words = split_words(text)
        if strange := [word for word in words if word not in self._ids]:
            raise BadInput(f"{text!r}: no training text has the word {strange[0]!r}")
        if len(words) > self.length:
            raise BadInput(f"{text!r}: {len(words)} words; training texts have {self.length}")
        return [self._ids[word] for word in words]
