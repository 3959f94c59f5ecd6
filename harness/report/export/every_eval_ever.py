"""Results in the format of Every Eval Ever, a shared schema of evaluation results (EvalEval
Coalition, github.com/evaleval/every_eval_ever, `eval.schema.json` version 0.3.0).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

from harness.core.secrets import without_passwords
from harness.report.export.file_names import file_slug, slugs
from harness.report.export.rows import ModelScore, scores_by_model
from harness.report.results import DatasetInfo, ModelInfo, Results
from harness.report.templating import read_moment

SCHEMA_VERSION = "0.3.0"


def every_eval_ever_files(results: Results) -> dict[str, str]:
    """A JSON document for each model, by its place: `data/SUITE/harness/MODEL/UUID.json`."""
    models = {model.name: model for model in results.models}
    scores_of, files = scores_by_model(results), {}
    names = slugs(scores_of)
    for name, scores in scores_of.items():
        document = _document(results, models.get(name, ModelInfo(name, "", None)), scores)
        identity = hashlib.sha256(document["evaluation_id"].encode()).digest()
        place = f"data/{file_slug(results.suite_name)}/harness/{names[name]}"
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        files[f"{place}/{uuid.UUID(bytes=identity[:16], version=4)}.json"] = f"{text}\n"
    return files


def _document(results: Results, model: ModelInfo, scores: list[ModelScore]) -> dict[str, Any]:
    when = read_moment(results.generated_at)
    environment = {name: str(value) for name, value in results.environment.items()}
    identity = f"{results.suite_name}/{model.name}/{int(when.timestamp())}"
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identity,
        "evaluation_timestamp": when.isoformat(),
        "retrieved_timestamp": str(int(when.timestamp())),
        "source_metadata": {
            "source_name": f"harness suite {results.suite_name}",
            "source_type": "evaluation_run",
            "source_organization_name": "not stated",
            "evaluator_relationship": "first_party",
            "additional_details": {
                "title": results.title,
                "command": without_passwords(results.command),
            },
        },
        "eval_library": {
            "name": "harness",
            "version": environment.pop("harness", "unknown"),
            "additional_details": environment,
        },
        "model_info": _model(model),
        "evaluation_results": [
            _result(score, f"{identity}#{place}", when) for place, score in enumerate(scores)
        ],
    }


def _model(model: ModelInfo) -> dict[str, Any]:
    details = {"deployment_type": "self_deployed", "model_availability": "unknown"}
    details |= {"recipe": model.recipe}
    if model.images is not None:
        details["training_images_shown"] = str(model.images)
    if model.parameters is not None:
        details["parameters"] = str(model.parameters)
    return {
        "name": model.name,
        "id": f"harness/{file_slug(model.name)}",
        "developer": "harness",
        "additional_details": details,
    }


def _result(score: ModelScore, identity: str, when: datetime) -> dict[str, Any]:
    metric, row = score.metric, score.row
    return {
        "evaluation_result_id": identity,
        "evaluation_name": f"{metric.name} on {score.dataset.name}",
        "evaluation_timestamp": when.isoformat(),
        "source_data": _source(score.dataset),
        "metric_config": _metric_config(score),
        "score_details": {
            "score": score.value,
            "details": {f"seed {seed}": repr(value) for seed, value in score.by_seed.items()}
            | {"mean": score.board.mean, "rank": "none" if row.rank is None else str(row.rank)},
            **_uncertainty(score),
        },
    }


def _source(dataset: DatasetInfo) -> dict[str, Any]:
    """Of no address: the harness makes datasets itself, from files that it checks."""
    card = dataset.card
    return {
        "dataset_name": dataset.name,
        "source_type": "other",
        "additional_details": {
            "title": card.title,
            "licence": card.licence,
            "citation": card.citation,
            "sha256_of_training_images": dataset.digest,
            "training_images": str(dataset.train),
            "test_images": str(dataset.test),
            "images": dataset.images,
        },
    }


def _metric_config(score: ModelScore) -> dict[str, Any]:
    metric, board = score.metric, score.board
    low, high = metric.range
    better = "nearer to " + str(metric.ideal) if metric.better == "nearer" else metric.better
    return {
        "metric_id": metric.name,
        "metric_name": metric.title,
        "metric_kind": metric.base_name,
        **({"metric_unit": metric.unit} if metric.unit else {}),
        "metric_parameters": dict(metric.settings),
        "evaluation_description": board.protocol,
        "lower_is_better": metric.better == "lower",
        "score_type": "continuous",
        "min_score": "-Infinity" if low is None else low,
        "max_score": "Infinity" if high is None else high,
        "additional_details": {
            "better": better,
            "paper": metric.paper,
            "version": str(metric.version),
            "protocol_key": board.protocol_key,
        },
    }


def _uncertainty(score: ModelScore) -> dict[str, Any]:
    """The interval over training seeds; nothing with one seed."""
    row, board = score.row, score.board
    if row.low is None or row.high is None:
        return {}
    return {
        "uncertainty": {
            "confidence_interval": {
                "lower": row.low,
                "upper": row.high,
                "confidence_level": board.level,
                "method": f"Student's t over {board.over}",
            },
            "num_samples": row.seeds,
        }
    }
