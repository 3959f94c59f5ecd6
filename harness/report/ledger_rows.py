"""What a recorded verdict rests on, in the words of the ledger's table: data and budget, which
models are undertrained, self-tests and declaration. What a report did not record is marked so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.config.claim import Claim
from harness.core.counting import counted
from harness.core.disturbance import Disturbance, disturbances_text
from harness.report.derivation import budget_texts
from harness.statistics.convergence import LastTenth
from harness.statistics.maturity import TrainingInfo
from harness.statistics.power import MOST_SEEDS

NOT_RECORDED = "not recorded"

DECLARED = {True: "first", False: "after measuring", None: NOT_RECORDED}
"""When a claim was declared."""

SELFTESTS = {"not run": "not run", "passes": "passed", "not applicable": "not applicable"}
"""What the self-test of a claim's metrics came to, where no disturbance fooled one: the first of
these outcomes that any of them has.
"""

Recorded = Mapping[str, Any]
"""A verdict, or a whole document, as `verdicts.json` has it."""


def data_text(verdict: Recorded, claim: Claim, document: Recorded) -> str:
    """The datasets of a verdict, with the images and epochs that its models were trained for."""
    datasets = ", ".join(verdict["datasets"])
    training = _training(verdict, claim, document)
    if training is None:
        return f"{datasets} (budget {NOT_RECORDED})"
    infos = [
        TrainingInfo(
            each["dataset"], each["model"], each["images"], each["steps"], each["epochs"],
            LastTenth(),
        )
        for each in training
    ]  # fmt: skip
    return "; ".join(budget_texts(infos)) or f"{datasets} (nothing is trained)"


def maturity_text(verdict: Recorded, claim: Claim, document: Recorded) -> str:
    """Which of the models that a verdict compares are undertrained."""
    training = _training(verdict, claim, document)
    if training is None:
        return NOT_RECORDED
    marked: dict[str, list[str]] = {}
    for each in training:
        if each["undertrained"]:
            marked.setdefault(each["model"], []).append(each["dataset"])
    texts = [f"{model} on {', '.join(datasets)}" for model, datasets in marked.items()]
    return "; ".join(texts) or ("none" if training else "–")


def remedy_text(verdict: Recorded, claim: Claim, document: Recorded) -> str:
    """What would decide a claim that its verdict leaves open: seeds, training or another metric;
    empty where it is decided.
    """
    if verdict["outcome"] == "inconclusive":
        return _seeds_remedy(verdict)
    if verdict["outcome"] != "not evaluable":
        return ""
    learning = maturity_text(verdict, claim, document)
    if "undertrained" in verdict["reason"] and learning not in (NOT_RECORDED, "none", "–"):
        return f"more training of {learning}"
    if fooled := _fooled_by(verdict.get("selftests") or ()):
        return f"a metric that {disturbances_text(fooled)} cannot fool"
    if "beyond its own noise" in verdict["reason"]:
        return "values that differ by more than their noise"
    return "measurements without what the verdict names"


def _seeds_remedy(verdict: Recorded) -> str:
    needed, seeds = verdict["seeds_needed"], len(verdict["seeds"])
    observed = "with an effect and spread as observed"
    if needed is None:
        return f"no number of seeds up to {MOST_SEEDS:,}, {observed}"
    return f"about {counted(needed, 'seed')}, {needed - seeds} more, {observed}"


def selftest_outcome_text(verdict: Recorded) -> str:
    """What the self-test of a claim's metrics came to."""
    results: Sequence[Recorded] | None = verdict.get("selftests")
    if results is None:
        return NOT_RECORDED
    if fooled := _fooled_by(results):
        return f"fooled by {disturbances_text(fooled)}"
    outcomes = {each["outcome"] for each in results}
    return next((text for outcome, text in SELFTESTS.items() if outcome in outcomes), "–")


def _fooled_by(results: Sequence[Recorded]) -> list[Disturbance]:
    return list(dict.fromkeys(e["disturbance"] for e in results if e["outcome"] == "fooled"))


def declared_text(verdict: Recorded, recorded: Claim, current: Claim) -> str:
    """When a claim was declared, and the days on which it was amended: before its verdict, and
    since.
    """
    return ", ".join([DECLARED[verdict.get("declared_first")], *_amended(recorded, current)])


def _amended(recorded: Claim, current: Claim) -> Iterator[str]:
    since = [each for each in current.amended if each not in recorded.amended]
    for word, amendments in (("amended", recorded.amended), ("amended since:", since)):
        if amendments:
            yield f"{word} {', '.join(str(each.date) for each in amendments)}"


def _training(verdict: Recorded, claim: Claim, document: Recorded) -> list[Recorded] | None:
    """How far the models of a claim were trained on the datasets of its verdict; None where the
    report is of a version that did not record it.
    """
    if "training" not in document:
        return None
    datasets, models = set(verdict["datasets"]), {side.model for side in claim.entrants}
    return [
        each
        for each in document["training"]
        if each["dataset"] in datasets and each["model"] in models
    ]
