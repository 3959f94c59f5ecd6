"""Several draws of samples give one number, and leave alone what does not come from samples."""

import math
from dataclasses import replace
from statistics import fmean, variance

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.core.protocol import Protocol
from harness.core.seeding import generator
from harness.data import load_dataset
from harness.evaluation import measure
from harness.evaluation.draws import average_draws
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import MetricOutcome, compute_metric
from harness.evaluation.protocols import EvalConfig, draw_count, protocol
from harness.evaluation.subject import samples_subject
from harness.metrics import METRICS
from harness.metrics.base import Estimate, Metric

DATASET = load_dataset("digits")
MEAN = Metric("mean", lambda samples: Estimate(float(samples.double().mean())), "lower", "m", "")


class Noise:
    """A model whose images are noise."""

    samples_at_once = False

    def sample(self, n, draws):
        return torch.rand(n, 1, 16, 16, generator=draws) * 2 - 1


def evidence(seed: int = 0) -> Evidence:
    setup = EvalConfig({}, samples=150, draws=3)
    return Evidence(dataset_evidence(DATASET), setup, seed=seed, model=Noise())


@pytest.mark.parametrize("shared", [True, False])
def test_one_draw_is_what_it_is(shared: bool):
    for estimate in (Estimate(2.0), Estimate(2.0, 0.3, "images")):
        assert average_draws([estimate], shared=shared) == estimate


def test_draws_of_their_own_are_independent():
    found = average_draws([Estimate(v, 0.6, "images") for v in (1.0, 2.0, 6.0, 3.0)], shared=False)
    assert found == Estimate(3.0, pytest.approx(0.3), "images")


def test_what_equal_draws_share_no_draw_takes_away():
    """No variance between draws: all of it is of the reference."""
    found = average_draws([Estimate(5.0, 0.6, "images")] * 3, shared=True)
    assert found == Estimate(5.0, pytest.approx(0.6), "images")


def test_of_a_part_that_draws_share_the_variance_stays():
    found = average_draws([Estimate(v, 1.0, "images") for v in (1.0, 1.0, 1.9)], shared=True)
    between = variance([1.0, 1.0, 1.9])
    assert found.stderr == pytest.approx(math.sqrt(1 - 2 / 3 * between))


def test_without_errors_of_the_draws_there_is_the_one_between_them():
    found = average_draws([Estimate(1.0), Estimate(2.0), Estimate(6.0)], shared=True)
    assert found == Estimate(3.0, pytest.approx(math.sqrt(7 / 3)), "draws")


ESTIMATES = st.lists(
    st.builds(Estimate, st.floats(-5, 5), st.floats(0.1, 3), st.just("images")),
    min_size=2, max_size=6,
)  # fmt: skip


@given(ESTIMATES)
def test_the_error_lies_between_that_of_one_draw_and_that_of_independent_draws(estimates):
    found = average_draws(estimates, shared=True)
    one = math.sqrt(fmean(e.stderr**2 for e in estimates))
    assert found.value == pytest.approx(fmean(e.value for e in estimates))
    assert one / math.sqrt(len(estimates)) <= found.stderr * (1 + 1e-12)
    assert found.stderr <= one * (1 + 1e-12)


def test_other_draws_are_other_samples_of_one_seed():
    first = evidence()
    others = [first.redrawn(draw, {}) for draw in (1, 2)]
    images = [e["samples"] for e in (first, *others)]
    assert all(len(x) == 150 for x in images)
    assert not any(torch.equal(images[i], images[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert torch.equal(evidence().redrawn(2, {})["samples"], images[2]), "whatever came before"
    assert not torch.equal(evidence(seed=1)["samples"], images[0])
    draws = generator(0, "samples")
    batch = ((Noise().sample(100, draws) + 1) * 127.5).round().to(torch.uint8)
    assert (images[0][:100].int() - batch.int()).abs().max() <= 1, "the first is as it ever was"


def test_draws_share_what_does_not_come_from_samples():
    first = evidence()
    other = first.redrawn(1, {})
    assert other["reference_images"] is first["reference_images"]
    assert other["test_labels"] is first["test_labels"], "computed by one, known to both"


def row(*others: MetricOutcome):
    e = evidence()
    return measure.measurement_of(
        MEAN, Protocol("mean"), "key", [compute_metric(MEAN, e), *others], e.setup
    )


def test_the_row_is_the_mean_and_tells_the_spread():
    first = evidence()
    others = [first.redrawn(draw, {}) for draw in (1, 2)]
    found = row(*(compute_metric(MEAN, e) for e in others))
    values = [float(e["samples"].double().mean()) for e in (first, *others)]
    assert found.value == pytest.approx(fmean(values), rel=1e-12)
    assert found.stderr == pytest.approx(math.sqrt(variance(values) / 3))
    assert found.over == "draws"
    spread = math.sqrt(variance(values))
    assert found.reason == f"standard deviation between the 3 draws {spread:.3g}"


def test_a_draw_that_fails_is_named():
    broken = Metric("b", lambda samples: Estimate(math.nan), "lower", "b", "")
    failed = compute_metric(broken, evidence())
    found = row(MetricOutcome(Estimate(1.0)), failed)
    assert (found.status, found.value) == ("failed", None)
    assert found.reason == "draw 2: the value is nan"


def test_only_the_protocols_of_samples_say_how_often():
    once = EvalConfig({"extractor": "x"}, samples=150)
    setup = replace(once, draws=3)
    subject = samples_subject("theirs", DATASET, 150)
    for metric in METRICS.values():
        before, after = (protocol(metric, subject, how) for how in (once, setup))
        assert "draws" not in before.settings
        if draw_count(metric, setup) == 1:
            assert after == before
        else:
            assert after.settings == before.settings | {"draws": 3}
    drawn = {name for name, metric in METRICS.items() if draw_count(metric, setup) > 1}
    assert {"fid", "is", "precision", "authpct", "sharpness", "clip_score"} <= drawn
    assert not drawn & {"mse", "auroc", "sampling_throughput", "elbo", "mig", "training_time"}
