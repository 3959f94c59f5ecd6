"""`verdicts.json`: what a suite said of its claims, for other programs and for the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.claims.verdicts import Verdict
from harness.config.claim import Claim
from harness.plan.declarations import Declaration, declared_first
from harness.report.budgets import budgets_of, distinct_budgets
from harness.report.results import Results
from harness.statistics.maturity import MARKS

FORMAT = 1


def verdicts_document(results: Results) -> dict[str, Any]:
    """The verdicts with all that they rest on, in plain types: claims as they were asked, blocks,
    protocols and MLflow runs; and what ran, where, when, and with which version.
    """
    environment = results.environment
    return {
        "format": FORMAT,
        "suite": results.suite_name,
        "identity": dict(results.identity),
        "title": results.title,
        "command": results.command,
        "overrides": dict(results.overrides),
        "images": distinct_budgets(budgets_of(results)),
        **{mark: _marked(results, mark) for mark in MARKS},
        "training": _training(results),
        "generated_at": results.generated_at,
        "machine": environment.get("device", ""),
        "version": environment.get("harness", ""),
        "commit": environment.get("commit", ""),
        "harness_commit": environment.get("harness commit", ""),
        "verdicts": [
            _verdict(verdict, results.declarations.get(verdict.claim.id, ()))
            | {"selftests": _selftests(results, verdict.claim)}
            for verdict in results.verdicts
        ],
    }


def _marked(results: Results, mark: str) -> list[dict[str, str]]:
    """The models that have a mark, each with the reason."""
    return [
        {"dataset": info.dataset, "model": info.model, "reason": info.marks[mark]}
        for info in results.training
        if mark in info.marks
    ]


def _training(results: Results) -> list[dict[str, Any]]:
    """How far each model was trained on each dataset, and the MLflow runs that this is true of."""
    runs: dict[tuple[str, str], list[str]] = {}
    for cell in results.cells:
        if cell.run_id:
            runs.setdefault((cell.dataset, cell.model), []).append(cell.run_id)
    return [
        {
            "dataset": info.dataset,
            "model": info.model,
            "images": info.images,
            "steps": info.steps,
            "epochs": info.epochs,
            "undertrained": info.undertrained,
            "overfitted": info.overfitted,
            "runs": runs.get((info.dataset, info.model), []),
        }
        for info in results.training
    ]


def verdicts_json(results: Results) -> str:
    """The document as JSON."""
    return (
        json.dumps(verdicts_document(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )


def _verdict(verdict: Verdict, history: Sequence[Declaration]) -> dict[str, Any]:
    parts = verdict.parts
    return {
        **verdict.to_dict(),
        "datasets": list(dict.fromkeys(part.dataset for part in parts)),
        "seeds": sorted({block.seed for part in parts for block in part.blocks}),
        "protocols": list(dict.fromkeys(part.protocol for part in parts if part.protocol)),
        "runs": list(verdict.runs),
        "declared_first": declared_first(history) if history else None,
        "declarations": [asdict(each) for each in history],
    }


def _selftests(results: Results, claim: Claim) -> list[dict[str, Any]] | None:
    """What the self-test says of the metrics of a claim; None where it is not recorded."""
    of_claim = results.selftests.get(claim.id)
    return None if of_claim is None else [asdict(each) for each in of_claim]
