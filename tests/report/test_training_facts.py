"""Steps, epochs and the end of the loss curve stand on every page."""

import pandas as pd
import pytest
from synthetic_results import synthetic

from harness.core.measurement import CellResult
from harness.report import page
from harness.report.results import TrainingInfo
from harness.report.training import fall_text, training_infos, undertrained
from harness.statistics.convergence import LastTenth

COLUMNS = ["dataset", "model", "seed", "step", "images", "name", "value"]


def cell(model, **costs):
    return CellResult("digits", model, 0, "key", "ok", "run", costs=costs)


def test_it_is_read_from_what_runs_have_logged():
    steps = range(1, 101)
    curves = pd.DataFrame(
        [("digits", "vae/vae", 0, i, 64 * i, "model/loss", 1 / i) for i in steps], columns=COLUMNS
    )
    cells = [
        cell("vae/vae", images="6400", steps="100"),
        cell("vae/vae@0.5", images="3200", steps="50"),
        cell("training images", images="599"),
        cell("gan/dcgan", images="6400", steps="50"),
    ]
    vae, gan = training_infos(cells, curves, {"digits": 1280})
    assert (vae.model, vae.images, vae.steps, vae.epochs) == ("vae/vae", 6400, 100, 5.0)
    assert vae.last.fall == pytest.approx(0.1)
    assert gan.last == LastTenth(why="no loss was recorded")
    assert list(undertrained([vae, gan])) == [("digits", "vae/vae")]
    assert fall_text(vae.last) == "−10.0 % ± 0.0 %"
    assert fall_text(gan.last) == "no loss was recorded"


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


def test_no_page_says_when_claims_were_declared():
    """The harness does not know."""
    results = synthetic()
    assert "declared before" not in page.report_html(results) + page.report_markdown(results)
