"""A check of two models in the tracking store."""

from __future__ import annotations

import json
from hashlib import sha256

from harness.core.keys import digest
from harness.report.checks.model_page import pairs_html
from harness.report.checks.model_words import ModelCheckText
from harness.tracking import Store
from harness.tracking.environment import environment


def log_model_check(words: ModelCheckText, store: Store) -> str:
    """The means, the values of each image and the page of pairs in the store; the id of their run.
    The same images again continue it.
    """
    draws = words.scores.draws
    made = (draws.candidate, draws.reference)
    digests = [sha256(images.numpy().tobytes()).hexdigest() for images in made]
    params = {
        "model": words.model,
        "against": words.against,
        "images": len(words.scores),
        "seed": words.plan.seed,
        "extractor": words.scores.networks.extractor.label,
    }
    run_id = store.open_score(digest(["check", *digests]), words.title, params)
    store.tag(run_id, {"harness.outcome": words.check.outcome})
    store.put(run_id, "environment.json", json.dumps(environment(), indent=2))
    store.put(run_id, "check.json", json.dumps(words.document(), indent=2, ensure_ascii=False))
    store.put(run_id, "per_image.csv", words.table().csv_text())
    store.put(run_id, "pairs.html", pairs_html(words))
    store.log_summary(run_id, words.means())
    store.finish(run_id)
    return run_id
