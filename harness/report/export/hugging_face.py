"""Results as Hugging Face's Hub reads them: `model-index` in a model card's front matter, and
`.eval_results/*.yaml` (huggingface.co/docs/hub/eval-results).
"""

from __future__ import annotations

from typing import Any

import yaml

from harness.report.export.file_names import file_slug, slugs
from harness.report.export.rows import ModelScore, scores_by_model
from harness.report.results import Results
from harness.report.templating import read_moment
from harness.statistics.formatting import percent

TASKS = {
    "reconstruction": "image-to-image",
    "translation": "image-to-image",
    "detection": "image-classification",
    "representation": "image-feature-extraction",
}
"""The Hub's task of a kind of metric; what is not here measures samples."""
SAMPLING = "unconditional-image-generation"
NOTE = """\
# Copy this file into the model's repository, as it lies here. The Hub shows it where `dataset: id`
# is a dataset that is registered there as a benchmark: put its id in place of the harness's name.
"""


def hugging_face_files(results: Results) -> dict[str, str]:
    """For each model a folder as its repository on the Hub has it: `MODEL/README.md` with the
    results in its front matter, and `MODEL/.eval_results/SUITE.yaml`.
    """
    scores_of, files = scores_by_model(results), {}
    names = slugs(scores_of)
    for model, scores in scores_of.items():
        files[f"{names[model]}/README.md"] = _card(model, scores)
        entries = [_entry(results, score) for score in scores]
        place = f"{names[model]}/.eval_results/{file_slug(results.suite_name)}.yaml"
        files[place] = NOTE + _yaml(entries)
    return files


def _card(model: str, scores: list[ModelScore]) -> str:
    by_task: dict[tuple[str, str], list[ModelScore]] = {}
    for score in scores:
        by_task.setdefault((_task(score), score.dataset.name), []).append(score)
    index = {
        "name": model,
        "results": [
            {
                "task": {"type": task},
                "dataset": {
                    "type": file_slug(dataset),
                    "name": dataset,
                    "split": "test",
                    "revision": of_task[0].dataset.digest,
                },
                "metrics": [_metric(score) for score in of_task],
            }
            for (task, dataset), of_task in by_task.items()
        ],
    }
    front = {"tags": ["harness"], "model-index": [index]}
    return f"---\n{_yaml(front)}---\n\n# {' '.join(model.split())}\n"


def _metric(score: ModelScore) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": score.metric.name,
        "value": score.value,
        "name": score.metric.title,
    }
    if score.metric.settings:
        entry["args"] = dict(score.metric.settings)
    return entry


def _entry(results: Results, score: ModelScore) -> dict[str, Any]:
    return {
        "dataset": {"id": score.dataset.name, "task_id": score.metric.name},
        "value": score.value,
        "date": read_moment(results.generated_at).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "notes": _note(score),
    }


def _note(score: ModelScore) -> str:
    board, row = score.board, score.row
    spread = ""
    if row.low is not None and row.high is not None:
        spread = f", {percent(board.level)} interval [{row.low:.6g}, {row.high:.6g}]"
    return f"{board.protocol}; {board.mean} over {row.seeds} {board.over}{spread}"


def _task(score: ModelScore) -> str:
    return TASKS.get(score.metric.kind or "", SAMPLING)


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
