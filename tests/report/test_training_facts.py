"""Steps, epochs and the end of the loss curve stand on every page."""

from dataclasses import replace

import pytest
from synthetic_results import synthetic

from harness.config.claim_shapes import make_claim
from harness.report import page
from harness.report.costs import with_costs
from harness.report.derivation import with_budget
from harness.report.record import verdicts_document
from harness.report.results import ModelInfo
from harness.statistics.convergence import LastTenth
from harness.statistics.maturity import TrainingInfo
from harness.statistics.overfitting import HeldOutRise

DDPM = "diffusion/ddpm"
LONGER = "2.2 times the training time"
TRAINING = (
    TrainingInfo("digits", "vae/vae", 76_800, 1_200, 53.4, LastTenth(0.035, 0.004, 0.03)),
    TrainingInfo("digits", "gan/dcgan", 76_800, 600, 53.4, LastTenth(why="no measure")),
    TrainingInfo("digits", "diffusion/ddpm", 76_800, 1_200, 53.4, LastTenth(0.01, 0.004, 0.0)),
)


def test_pages_mark_what_is_undertrained_and_say_steps_and_epochs():
    results = synthetic(training=TRAINING)
    html, text = page.report_html(results), page.report_markdown(results)
    assert "<strong>Undertrained:</strong> vae/vae on digits." in html
    assert html.count(">undertrained</span>") >= 2, "on a board, and beside the loss"
    assert "| vae/vae | digits | 76800 | 1200 | 53.40 | −3.5 % ± 0.4 %, **undertrained** |" in text
    assert "| gan/dcgan | digits | 76800 | 600 | 53.40 | no measure |" in text
    assert "−1.0 % ± 0.4 % |" in text
    assert "| vae/vae (undertrained) |" in text
    plain = page.report_html(synthetic(training=TRAINING[1:]))
    assert "Undertrained:" not in plain
    assert ">undertrained</span>" not in plain


def test_pages_mark_what_is_overfitted_with_its_figures_and_beside_what_is_undertrained():
    rising = replace(TRAINING[2], rise=HeldOutRise(0.123, 0.35))
    results = synthetic(training=(TRAINING[0], rising))
    html, text = page.report_html(results), page.report_markdown(results)
    reason = "its held-out loss rose 12.3 % from its lowest, at 35% of training"
    assert f"<strong>Overfitted:</strong> diffusion/ddpm on digits ({reason}" in html
    assert html.count(">overfitted</span>") >= 2, "on a board, and beside the loss"
    assert "| diffusion/ddpm (overfitted) |" in text
    assert "| vae/vae (undertrained) |" in text
    assert f"**Overfitted:** diffusion/ddpm on digits ({reason}" in text
    (mark,) = verdicts_document(results)["overfitted"]
    assert (mark["model"], mark["reason"]) == ("diffusion/ddpm", rising.overfitted)
    plain = page.report_html(synthetic(training=TRAINING))
    assert "Overfitted:" not in plain
    assert ">overfitted</span>" not in plain


def test_boards_have_columns_of_steps_and_epochs():
    html = page.report_html(synthetic(training=TRAINING))
    assert '<td data-sort="1200">1\u202f200</td><td data-sort="53.4">53</td>' in html
    assert "<td>–</td><td>–</td>" in html, "of a model that takes no steps"
    assert "epochs</button>" not in page.report_html(synthetic())


def test_verdicts_name_the_budget_and_the_document_the_undertrained():
    results = synthetic(training=TRAINING)
    by_id = {v.claim.id: with_budget(v, TRAINING).sentence for v in results.verdicts}
    assert by_id["diversity"].endswith(" Budget: 76,800 images, 53 epochs of digits.")
    (mark,) = verdicts_document(results)["undertrained"]
    assert mark == {
        "dataset": "digits",
        "model": "vae/vae",
        "reason": "its loss still falls 3.5 % in the last tenth of training",
    }


def test_a_last_step_makes_no_other_budget():
    other = TrainingInfo("digits", "gan/dcgan", 76_928, 601, 53.5, LastTenth(why="no measure"))
    sentence = with_budget(synthetic().verdicts[0], [TRAINING[2], other]).sentence
    assert sentence.endswith(" Budget: 76,800 images, 53 epochs of digits.")


def test_budgets_that_differ_are_named_by_model():
    other = TrainingInfo("digits", "gan/dcgan", 38_400, 300, 26.7, LastTenth(why="no measure"))
    diversity = synthetic().verdicts[0]
    assert with_budget(diversity, [TRAINING[2], other]).sentence.endswith(
        " Budget: diffusion/ddpm 76,800 images, 53 epochs of digits; "
        "gan/dcgan 38,400 images, 27 epochs of digits."
    )
    assert with_budget(diversity, []) == diversity


@pytest.mark.parametrize(
    ("parameters", "seconds", "text"),
    [
        ((300, 100), (9.0, 4.0), f"{DDPM} 3.0 times the parameters and {LONGER}"),
        ((100, 300), (4.0, 4.0), f"{DDPM} 0.33 times the parameters"),
        ((140, 100), (4.0, 5.9), None),
        ((None, 100), (None, 5.9), None),
    ],
)  # fmt: skip
def test_verdicts_say_at_what_cost_models_are_compared(parameters, seconds, text):
    diversity = synthetic().verdicts[0]
    models = [
        ModelInfo(name, "", 1, count, time)
        for name, count, time in zip(
            ["diffusion/ddpm", "gan/dcgan"], parameters, seconds, strict=True
        )
    ]
    sentence = with_costs(diversity, models).sentence.removeprefix(diversity.sentence)
    assert sentence == (f" Costs beside gan/dcgan: {text}." if text else "")


def test_the_time_of_what_is_not_trained_is_not_compared():
    diversity = synthetic().verdicts[0]
    models = [ModelInfo(DDPM, "", 64, 100, 40.0), ModelInfo("gan/dcgan", "", 0, 100, 1e-4)]
    assert with_costs(diversity, models) == diversity


def test_a_correlation_of_metrics_compares_no_costs():
    models = [
        ModelInfo(name, "", 1, 100**k, 4.0) for k, name in enumerate([DDPM, "gan/dcgan", "a"])
    ]
    sides = ["a", "gan/dcgan", DDPM]
    claim = make_claim(
        id="c", shape="correlation", statement="S.", metric=["fid", "recall"], models=sides, above=0
    )
    verdict = replace(synthetic().verdicts[0], claim=claim)
    assert with_costs(verdict, models) == verdict


def test_no_page_says_when_claims_were_declared():
    """The harness does not know."""
    results = synthetic()
    assert "declared before" not in page.report_html(results) + page.report_markdown(results)
