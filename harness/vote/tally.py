"""From vote files to strengths: read, fit, record in the runs of the cells that were compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.measurement import PREFERENCE, Measurement
from harness.core.protocol import Protocol
from harness.metrics.base import Estimate
from harness.statistics.preference import HUMAN_PREFERENCE, PairwiseChoice, Strengths, bradley_terry
from harness.tracking import Store
from harness.vote.ballots import BallotCount, BallotPair, Entrant, Key, check_pairs, read_votes
from harness.vote.page import key_file

SCORES = {"left": 1.0, "tie": 0.5, "right": 0.0}
FASTEST = 0.5
"""Seconds: nobody looks at two pictures and chooses in less. To see an animal in one picture and
let go of a button takes 0.45 s in the median (Thorpe, Fize & Marlot 1996, Nature 381).
"""
FEWEST_REPEATS = 4
"""Of fewer repeated pairs no agreement is judged."""


@dataclass(frozen=True)
class Ballot:
    """One voter's file, with the key of the page that it answers."""

    votes: BallotCount
    key: Key

    def answers(self, repeated: bool = False) -> list[tuple[BallotPair, float]]:
        """Pairs with 1 for left, 0 for right, ½ for neither; those that repeat, or all others."""
        pairs = [(self.key.pairs[vote.pair], SCORES[vote.choice]) for vote in self.votes.votes]
        return [(pair, score) for pair, score in pairs if (pair.repeats is not None) == repeated]

    @property
    def repeats(self) -> list[bool]:
        """For each repeated pair that was answered both times, whether the answers are alike."""
        before = {vote.pair: SCORES[vote.choice] for vote in self.votes.votes}
        # The repeated pair is mirrored: the same choice has the opposite side.
        return [
            score == 1 - before[pair.repeats]
            for pair, score in self.answers(repeated=True)
            if pair.repeats in before
        ]

    @property
    def is_unsteady(self) -> bool:
        """Whether no more than half of the repeated pairs were answered alike, as by a coin."""
        alike = self.repeats
        return len(alike) >= FEWEST_REPEATS and 2 * sum(alike) <= len(alike)


@dataclass(frozen=True)
class PreferenceStanding:
    """An entrant's strength: the log odds of being preferred to an average one, over `votes`."""

    entrant: Entrant
    strength: Estimate
    votes: int


@dataclass(frozen=True)
class Tally:
    """What the votes say. `agreement` is Fleiss' kappa of the voters on the pairs that all of them
    saw, and `steadiness` the share of repeated pairs that a voter answered alike; None where there
    are no such pairs. `unsteady` has the numbers of the ballots that answer repeated pairs no more
    alike than a coin would.
    """

    run: str
    ballots: int
    voters: int
    votes: int
    ties: int
    standings: tuple[PreferenceStanding, ...]
    agreement: float | None
    steadiness: float | None
    unsteady: tuple[int, ...]

    @property
    def remark(self) -> str:
        """What a reader of its numbers must know; empty where there is nothing."""
        if not self.unsteady:
            return ""
        return (
            f"{len(self.unsteady)} of {counted(self.ballots, 'ballot')} answered no more than half "
            "of the repeated pairs alike, as a coin would"
        )


def read_ballots(paths: Sequence[Path], store: Store) -> list[Ballot]:
    """Returns the vote files with their keys, of one suite's run. Raises BadInput where a file is
    not what a page saves, counts a voter twice, or was filled in faster than a person can look.
    """
    ballots: list[Ballot] = []
    counted: list[tuple[Path, BallotCount]] = []
    for path in paths:
        votes = read_votes(path)
        for earlier_path, earlier in counted:
            if reason := _same_voter(votes, earlier):
                raise BadInput(f"{path}: {reason} as {earlier_path}; count one of them")
        counted.append((path, votes))
        if ballots and votes.run != ballots[0].votes.run:
            other = ballots[0].votes.suite
            raise BadInput(f"{path}: of another run ({votes.suite}) than {paths[0]} ({other})")
        key = _key(votes, store, path)
        check_pairs(votes, key, path)
        _check_pace(votes, path)
        ballots.append(Ballot(votes, key))
    return ballots


def _check_pace(votes: BallotCount, path: Path) -> None:
    seconds = median(vote.seconds for vote in votes.votes)
    if seconds < FASTEST:
        raise BadInput(
            f"{path}: half of its votes took {seconds:.2g} s or less, and nobody looks at two "
            f"pictures in less than {FASTEST} s; count the other files without it"
        )


def _same_voter(votes: BallotCount, other: BallotCount) -> str:
    """Why two files on one page are of one voter, so that both would count twice; empty where they
    are not, as far as can be seen. A voter who gave no name and saved twice has left the same
    choices, each after the same seconds.
    """
    if (votes.run, votes.page) != (other.run, other.page):
        return ""
    few, many = sorted((votes.votes, other.votes), key=len)
    if set(few) <= set(many):
        return "the same votes"
    if _voter(votes) and _voter(votes) == _voter(other):
        return f"by the same voter, {votes.voter.strip()!r},"
    return ""


def _voter(votes: BallotCount) -> str:
    """The voter's name as it tells voters apart: however it is spaced and capitalised."""
    return " ".join(unicodedata.normalize("NFKC", votes.voter).casefold().split())


def _voters(ballots: Sequence[Ballot]) -> int:
    """Of one who voted on several pages there are several files; each without a name is another."""
    names = [_voter(ballot.votes) for ballot in ballots]
    return len({name for name in names if name}) + names.count("")


def _key(votes: BallotCount, store: Store, path: Path) -> Key:
    content = store.get(votes.run, key_file(votes.page))
    key = Key.model_validate_json(content) if content else None
    if key is None or key.page != votes.page:
        raise BadInput(
            f"{path}: {store.name} has no page {votes.page} of suite {votes.suite!r}; name the "
            "tracking store in which the page was made with --tracking-uri or --output"
        )
    return key


def tally(ballots: Sequence[Ballot]) -> Tally:
    """Fit each dataset's entrants; all voters and pages together."""
    answers = [answer for ballot in ballots for answer in _named(ballot)]
    standings = [
        standing
        for dataset in dict.fromkeys(first.dataset for first, _, _ in answers)
        for standing in _fit([answer for answer in answers if answer[0].dataset == dataset])
    ]
    return Tally(
        run=ballots[0].votes.run,
        ballots=len(ballots),
        voters=_voters(ballots),
        votes=len(answers),
        ties=sum(score == SCORES["tie"] for _, _, score in answers),
        standings=tuple(standings),
        agreement=_agreement(ballots),
        steadiness=_steadiness(ballots),
        unsteady=tuple(i for i, ballot in enumerate(ballots) if ballot.is_unsteady),
    )


def _named(ballot: Ballot) -> Iterable[tuple[Entrant, Entrant, float]]:
    entrants = ballot.key.entrants
    for pair, score in ballot.answers():
        yield entrants[pair.left.entrant], entrants[pair.right.entrant], score


def _fit(answers: Sequence[tuple[Entrant, Entrant, float]]) -> list[PreferenceStanding]:
    entrants = list(dict.fromkeys(e for first, second, _ in answers for e in (first, second)))
    numbers = {entrant: number for number, entrant in enumerate(entrants)}
    choices = [
        PairwiseChoice(numbers[first], numbers[second], score) for first, second, score in answers
    ]
    fitted: Strengths = bradley_terry(choices, len(entrants))
    return [
        PreferenceStanding(
            entrant,
            Estimate(float(value), float(error), "votes"),
            sum(number in (choice.first, choice.second) for choice in choices),
        )
        for number, (entrant, value, error) in enumerate(
            zip(entrants, fitted.values, fitted.stderrs, strict=True)
        )
    ]


def _agreement(ballots: Sequence[Ballot]) -> float | None:
    """Fleiss' kappa (1971) over the pairs that every voter answered, all of one page."""
    if len(ballots) < 2 or len({ballot.key.page for ballot in ballots}) > 1:
        return None
    ballot_choices = [{vote.pair: vote.choice for vote in ballot.votes.votes} for ballot in ballots]
    shared = sorted(set.intersection(*(set(choices) for choices in ballot_choices)))
    table = np.array([[choices[pair] for choices in ballot_choices] for pair in shared])
    if len(shared) < 2 or len(np.unique(table)) < 2:
        return None
    return float(fleiss_kappa(aggregate_raters(table)[0]))


def _steadiness(ballots: Sequence[Ballot]) -> float | None:
    alike = [each for ballot in ballots for each in ballot.repeats]
    return sum(alike) / len(alike) if alike else None


def record(tally: Tally, ballots: Sequence[Ballot], paths: Sequence[Path], store: Store) -> None:
    """Each strength becomes a row of its cell, in place of what an earlier tally said; the files
    are kept in the suite's run.
    """
    for standing in tally.standings:
        store.record(standing.entrant.run_id, [_row(standing, tally, ballots)])
    for path in paths:
        store.put_file(tally.run, path, "votes")


def _row(standing: PreferenceStanding, tally: Tally, ballots: Sequence[Ballot]) -> Measurement:
    entrant, strength = standing.entrant, standing.strength
    # All numbers of one tally, and only these, compare: strengths are relative to its entrants.
    settings: Mapping[str, str | int | float] = {
        "voters": tally.voters,
        "votes": tally.votes,
        "tally": digest([ballot.votes.model_dump(mode="json") for ballot in ballots])[:8],
    }
    how = Protocol(PREFERENCE, HUMAN_PREFERENCE.version, entrant.dataset, settings=dict(settings))
    key = digest([entrant.training_key, entrant.dataset, PREFERENCE])
    return Measurement(
        PREFERENCE, "ok", how, key, strength.value, strength.stderr, strength.over, tally.remark
    )
