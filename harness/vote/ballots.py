"""What a page asked, what a voter answered: the two files, and how they are read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.config.json_files import parse_json
from harness.config.value_types import mistaken
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.text_files import decode

MOST_BYTES = 16 * 2**20
"""Of a vote file: far more than any voter writes."""

Hex = r"^[0-9a-f]+$"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Entrant(_File):
    """A cell whose samples are shown."""

    dataset: str
    model: str
    seed: int
    run_id: str
    training_key: str


class ShownSide(_File):
    """A picture of a pair: an entrant and one of its samples, by number."""

    entrant: int
    sample: int


class BallotPair(_File):
    """Two samples of one dataset. A pair that `repeats` an earlier one shows it mirrored: it tells
    how steady a voter is, and is no vote.
    """

    left: ShownSide
    right: ShownSide
    repeats: int | None = None


class Key(_File):
    """Who made what on a page. It is kept in the suite's run, and not in the page."""

    suite: str
    entrants: tuple[Entrant, ...]
    pairs: tuple[BallotPair, ...]

    @property
    def page(self) -> str:
        """What the page is known by: a digest of all of it."""
        return digest(self.model_dump(mode="json"))


class Vote(_File):
    """A voter's choice on the pair of this number; `seconds` is how long it took."""

    pair: int = Field(ge=0, strict=True)
    choice: Literal["left", "right", "tie"]
    seconds: float = Field(ge=0)


class BallotCount(_File):
    """What a voter saves: the page that it answers, and the run of the suite of that page."""

    harness_votes: Literal[1]
    page: str = Field(pattern=Hex, max_length=64)
    run: str = Field(pattern=Hex, max_length=64)
    suite: str
    voter: str = Field(max_length=200)
    votes: tuple[Vote, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_pair_once(self) -> Self:
        pair, times = Counter(vote.pair for vote in self.votes).most_common(1)[0]
        if times > 1:
            raise ValueError(f"pair {pair} is answered {times} times")
        return self


def read_votes(path: Path) -> BallotCount:
    """A vote file, which anyone may have written. BadInput names what is wrong in it."""
    try:
        size = path.stat().st_size
        text = decode(path.read_bytes()) if size <= MOST_BYTES else ""
        content = parse_json(text)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except ValueError:
        raise BadInput(f"{path}: not a vote file; the page of `harness vote` saves one") from None
    try:
        made = BallotCount.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise BadInput(f"{path}: {where + ': ' if where else ''}{reason}") from None
    for keys, mistake in mistaken(content, made):
        raise BadInput(f"{path}: {'.'.join(map(str, keys))}: {mistake}")
    return made


def check_pairs(votes: BallotCount, key: Key, path: Path) -> None:
    """BadInput where a vote is about a pair that its page does not have."""
    if unknown := [vote.pair for vote in votes.votes if vote.pair >= len(key.pairs)]:
        raise BadInput(
            f"{path}: unknown pair {unknown[0]}; page {votes.page} has pairs 0 to "
            f"{len(key.pairs) - 1}"
        )
