"""Signs that the training of a GAN went wrong, in its curves and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from harness.core.counting import counted
from harness.evaluation.training_curves import SPREAD
from harness.report.results import Results

JUDGES = ("discriminator/loss", "critics/loss")
"""The losses of players that judge images."""
LAST = 0.1
"""The share of training at whose end a sign must stand."""
NOTHING = 0.01
"""A loss from 0 up to this is zero, and so is a recall."""
STILL = 1e-3
"""A generator whose gradient is less than this share of its largest one hardly moves."""
EXPLOSION = 1e3
"""A gradient that is this many times its median explodes."""
ALIKE = 0.1
"""Samples are alike where their spread is less than this share of the training images'."""


def alarms(results: Results) -> list[str]:
    """Return a sentence for each sign by which a GAN's training went wrong, with the number of
    seeds: a discriminator whose loss is zero at the end, a generator that hardly moves, gradients
    that explode, and samples that are all alike.
    """
    curves = results.curves
    games = curves[curves["name"].isin(JUDGES)][["dataset", "model"]].drop_duplicates()
    sentences: list[str] = []
    for dataset, model in games.itertuples(index=False):
        rows = curves[(curves["dataset"] == dataset) & (curves["model"] == model)]
        counts = {
            **{sign: _seeds_with(rows, has_sign) for sign, has_sign in SIGNS.items()},
            "its samples are all alike, by a recall of zero": _seeds_without_recall(results, rows),
        }
        total = _seed_words(results, rows)
        sentences += [
            f"{model} on {dataset}: {sign}, in {seeds} of {total}"
            for sign, seeds in counts.items()
            if seeds
        ]
    return sentences


def _seeds_with(rows: pd.DataFrame, has_sign: Callable[[pd.DataFrame], bool]) -> int:
    return sum(has_sign(curves) for _, curves in rows.groupby("seed"))


def _ends(curves: pd.DataFrame, names: tuple[str, ...]) -> Iterator[tuple[pd.Series, pd.Series]]:
    """The values of each of these curves, and the ones at the end of training."""
    for _, curve in curves[curves["name"].isin(names)].groupby("name"):
        last = curve["images"] > (1 - LAST) * curve["images"].max()
        yield curve["value"], curve["value"][last]


def _judge_is_at_zero(curves: pd.DataFrame) -> bool:
    return any(bool(end.between(0, NOTHING).all()) for _, end in _ends(curves, JUDGES))


def _generator_is_still(curves: pd.DataFrame) -> bool:
    norms = _ends(curves, ("generator/gradient_norm",))
    return any(bool((end < STILL * values.max()).all()) for values, end in norms)


def _gradients_explode(curves: pd.DataFrame) -> bool:
    names = tuple(n for n in curves["name"].unique() if n.endswith("/gradient_norm"))
    return any(
        bool((end > EXPLOSION * values.median()).any()) for values, end in _ends(curves, names)
    )


def _samples_are_alike(curves: pd.DataFrame) -> bool:
    return any(bool((end < ALIKE).all()) for _, end in _ends(curves, (SPREAD,)))


SIGNS: Mapping[str, Callable[[pd.DataFrame], bool]] = {
    "the discriminator's loss is zero at the end": _judge_is_at_zero,
    "the generator hardly moves at the end": _generator_is_still,
    "gradients explode at the end": _gradients_explode,
    "its samples are all alike, by their spread": _samples_are_alike,
}
"""The test of one seed's curves for each sentence."""


def _seed_words(results: Results, curves: pd.DataFrame) -> str:
    """How many seeds these curves are of. Reports have curves of their first seeds only."""
    table, first, seeds = results.table, curves.iloc[0], curves["seed"].nunique()
    is_model = (table["dataset"] == first["dataset"]) & (table["model"] == first["model"])
    which = "the first " if seeds < table[is_model]["seed"].nunique() else ""
    return f"{which}{counted(seeds, 'seed')}"


def _seeds_without_recall(results: Results, curves: pd.DataFrame) -> int:
    """The number of the seeds of these curves whose recall is zero."""
    table, first = results.table, curves.iloc[0]
    recalls = table[
        (table["dataset"] == first["dataset"])
        & (table["model"] == first["model"])
        & table["seed"].isin(curves["seed"])
        & (table["metric"] == "recall")
        & (table["status"] == "ok")
    ]
    return int(recalls[recalls["value"] < NOTHING]["seed"].nunique())
