"""Numbers as LaTeX macros, so that a paper names them and never copies them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from harness.claims.verdicts import Verdict
from harness.claims.wording import decimal_places
from harness.core.counting import counted
from harness.core.printable import printable
from harness.leaderboards.board import Board, Row
from harness.report.boards.latex import escape
from harness.report.results import Results
from harness.statistics.formatting import decimals, interval, number, percent

DIGITS = "Zero One Two Three Four Five Six Seven Eight Nine".split()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Macro = tuple[str, str, str]
"""Its name without the backslash, the text that it stands for, and what that is, in words."""


def number_macros(results: Results) -> str:
    """A file of `\\newcommand`s: what leaderboards and verdicts say, and the facts of the suite."""
    suite = results.suite_name
    entries = [*_facts(results)]
    for board in results.boards:
        entries += _board_macros(board, suite)
    for verdict in results.verdicts:
        entries += _verdict_macros(verdict, suite)
    return _file(entries, "Means over training seeds, their intervals, and verdicts on claims.")


def seed_macros(results: Results) -> str:
    """A file of `\\newcommand`s: the value of each metric of each cell."""
    table = results.table[results.table["status"] == "ok"]
    columns = ("dataset", "metric", "model", "seed", "value")
    rows = zip(*(table[name] for name in columns), strict=True)
    entries = [
        (
            macro_name(results.suite_name, dataset, metric, model, "seed", seed),
            number(float(value)),
            f"{metric} of {model} on {dataset}, seed {seed}",
        )
        for dataset, metric, model, seed, value in rows
    ]
    return _file(entries, "The value of each cell.")


def macro_name(*parts: object) -> str:
    """A name that TeX takes for a macro's: letters only. Digits become words; other characters
    separate words.

    >>> macro_name("quickstart", "digits[unseen=8]", "fid")
    'quickstartDigitsUnseenEightFid'
    """
    plain = unicodedata.normalize("NFKD", " ".join(map(str, parts)))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    spelled = re.sub(r"[0-9]", lambda match: f" {DIGITS[int(match[0])]} ", plain)
    words = re.findall(r"[A-Za-z]+", spelled)
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name[:1].lower() + name[1:] or "suite"


def _facts(results: Results) -> Iterator[Macro]:
    suite = results.suite_name
    counts = {
        "models": len(results.models),
        "datasets": len(results.datasets),
        "seeds": len({cell.seed for cell in results.cells}),
        "cells": len(results.cells),
        "claims": len(results.verdicts),
    }
    for name, count in counts.items():
        yield macro_name(suite, name), number(count, 0), f"the number of {name}"
    for outcome in ("supported", "refuted", "inconclusive", "not evaluable"):
        count = sum(verdict.outcome == outcome for verdict in results.verdicts)
        yield macro_name(suite, "claims", outcome), number(count, 0), f"claims that are {outcome}"
    for model in results.models:
        if model.images:
            images = number(model.images, 0)
            yield macro_name(suite, model.name, "images"), images, f"images shown to {model.name}"


def _board_macros(board: Board, suite: str) -> Iterator[Macro]:
    """The rows of a board, and the row of images that no model made."""
    for row in [*board.rows, *([board.floor] if board.floor else [])]:
        if row.mean is not None:
            yield from _row_macros(board, row, row.mean, suite)


def _row_macros(board: Board, row: Row, mean: float, suite: str) -> Iterator[Macro]:
    base = (suite, board.dataset, board.metric, row.model)
    what = f"{board.metric} of {row.model} on {board.dataset}"
    what += f" ({board.apart})" if board.apart else ""
    places = None
    if row.low is not None and row.high is not None:
        places = decimals((row.high - row.low) / 2)
        ends = f"{percent(board.level)} interval of {what}"
        yield macro_name(*base, "low"), number(row.low, places), f"lower end of the {ends}"
        yield macro_name(*base, "high"), number(row.high, places), f"upper end of the {ends}"
        yield macro_name(*base, "interval"), interval(row.low, row.high, places), ends
    yield (
        macro_name(*base),
        number(mean, places),
        f"{what}, {board.mean} over {counted(row.seeds, 'seed')}",
    )
    if row.rank is not None:
        yield macro_name(*base, "rank"), str(row.rank), f"rank of {row.model} by {board.metric}"


def _verdict_macros(verdict: Verdict, suite: str) -> Iterator[Macro]:
    claim = verdict.claim.id
    base = (suite, "claim", claim)
    yield macro_name(*base), verdict.outcome, f"the verdict on {claim}"
    yield macro_name(*base, "sentence"), verdict.sentence, f"the sentence on {claim}"
    if effect := verdict.effect:
        places = decimal_places(effect)
        what = f"{effect.kind} of {claim} ({verdict.about})"
        yield macro_name(*base, "effect"), number(effect.value, places), what
        yield macro_name(*base, "low"), number(effect.low, places), f"lower end of the {what}"
        yield macro_name(*base, "high"), number(effect.high, places), f"upper end of the {what}"
        bounds = interval(effect.low, effect.high, places)
        yield (
            macro_name(*base, "interval"),
            bounds,
            f"{percent(effect.level)} interval of the {what}",
        )
    if verdict.p is not None:
        p = number(verdict.p) if verdict.p >= 1e-4 else f"{verdict.p:.1e}"
        yield macro_name(*base, "p"), p, f"the smallest alpha that decides {claim} alone"


def _file(entries: list[Macro], title: str) -> str:
    """The entries in their order; a name that is taken gets a letter more."""
    lines = [f"% {title} Read it with \\input; \\usepackage[T1]{{fontenc}} for quotation marks."]
    taken: set[str] = set()
    for name, text, what in entries:
        free = next(each for each in _candidates(name) if each not in taken)
        taken.add(free)
        lines.append(f"\\newcommand{{\\{free}}}{{{escape(text)}}}% {printable(what)}")
    return "\n".join(lines) + "\n"


def _candidates(name: str) -> Iterator[str]:
    yield name
    suffixes = [""]
    while True:
        suffixes = [before + letter for before in suffixes for letter in LETTERS]
        yield from (name + suffix for suffix in suffixes)
