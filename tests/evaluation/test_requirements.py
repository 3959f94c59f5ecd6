"""What a kind of evidence declares beside its function is all that there is to say of it."""

import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.protocols import EvalConfig, obstacle, protocol
from harness.evaluation.requirements import (
    REQUIREMENTS,
    Candidate,
    Requirement,
    lacks,
    of_model,
    require,
)
from harness.evaluation.specs import EVIDENCE, evidence, provided
from harness.evaluation.subject import model_subject, samples_subject, sources_subject
from harness.families import build_family
from harness.families.capabilities import Reconstructs
from harness.metrics.base import Estimate, Metric
from harness.plan import shape_of
from harness.training.init import initialise

DIGITS = load_dataset("digits")
SETUP = EvalConfig({}, samples=20)


@pytest.fixture
def brightness(monkeypatch):
    """A new piece of evidence and a metric of it, declared in one place: this one."""
    monkeypatch.setattr("harness.evaluation.specs.EVIDENCE", EVIDENCE)
    before = dict(EVIDENCE), dict(REQUIREMENTS)

    @evidence(
        requires=("reference",),
        unavailable=lacks(Reconstructs, "has no brightness to compare"),
        count=lambda candidate: len(candidate.dataset.normal_test),
    )
    def brightness_changes(e: Evidence) -> torch.Tensor:
        images = e["reference_images"]
        return e.model.reconstruct(images / 127.5 - 1).mean(dim=(1, 2, 3)).detach()

    yield Metric(
        "brightness", lambda brightness_changes: Estimate(float(brightness_changes.mean())),
        "lower", "brightness", "",
    )  # fmt: skip
    for registry, names in zip((EVIDENCE, REQUIREMENTS), before, strict=True):
        registry.clear()
        registry.update(names)


def model(family: str):
    built = initialise(lambda: build_family(family, {"width": 8}, shape_of(DIGITS)), 0)
    built.networks.eval()
    return built


def test_new_evidence_works_from_end_to_end(brightness):
    vae = model("vae")
    subject = model_subject("vae/vae", vae, DIGITS, 20)
    assert obstacle(brightness, subject, SETUP) is None
    how = protocol(brightness, subject, SETUP)
    assert (how.samples, how.reference, how.split) == (len(DIGITS.normal_test),) * 2 + ("test",)
    found = compute_metric(brightness, Evidence(dataset_evidence(DIGITS), SETUP, model=vae))
    assert found.failure == ""
    assert -1 <= found.estimate.value <= 1


def test_new_evidence_says_where_it_does_not_apply(brightness):
    gan = model_subject("gan/dcgan", model("gan"), DIGITS, 20)
    assert obstacle(brightness, gan, SETUP) == "gan/dcgan has no brightness to compare"
    samples = samples_subject("theirs", DIGITS, 20)
    assert obstacle(brightness, samples, SETUP) == "of theirs there are only samples"
    sources = sources_subject(DIGITS)
    assert obstacle(brightness, sources, SETUP) == "nothing is made from them"


def test_a_requirement_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="unknown requirement 'sampels'; did you mean 'samples'"):

        @evidence(requires=("sampels",))
        def anything(_: Evidence) -> None: ...


def test_a_name_of_evidence_or_of_a_requirement_is_not_taken_twice():
    with pytest.raises(BadInput, match="the evidence 'samples' exists already"):

        @evidence()
        def samples(_: Evidence) -> None: ...

    with pytest.raises(BadInput, match="the requirement 'codes' exists already"):
        require(Requirement("codes", lambda _: None))
    provided("reference_images", "reference")  # the same once more, as when a module is reloaded


def test_what_needs_a_model_is_not_there_without_one():
    needy = of_model(lambda candidate: f"{candidate.model} cannot")
    assert needy(Candidate(DIGITS, "vae", object())) == "vae cannot"
    assert needy(Candidate(DIGITS, no_model="there is none")) == "there is none"


def test_training_images_come_first_in_the_split_and_test_images_in_the_count():
    """As they always have: it is part of the key of every number of a probe."""
    how = protocol(
        Metric("m", lambda train_codes, test_codes: None, "lower", "m", ""),
        model_subject("vae/vae", model("vae"), DIGITS, 20), SETUP,
    )  # fmt: skip
    assert how.split == "train+test"
    assert how.reference == len(DIGITS.normal_test) != len(DIGITS.train)
