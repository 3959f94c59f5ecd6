"""Test images of two domains, each translated into the other, and back."""

from __future__ import annotations

from torch import Tensor

from harness.data.frames import unfold
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import cannot_reconstruct, cannot_translate, translate
from harness.evaluation.requirements import Candidate, Requirement, require
from harness.evaluation.samples import logits_of
from harness.evaluation.specs import evidence


def _domains(candidate: Candidate) -> list[int] | None:
    """How many test images each of two domains has; None where there is one domain."""
    dataset = candidate.dataset
    return dataset.test.labels.bincount(minlength=2).tolist() if dataset.unpaired else None


def _all(candidate: Candidate) -> int | None:
    counts = _domains(candidate)
    return None if counts is None else sum(counts)


def _first(candidate: Candidate) -> int | None:
    counts = _domains(candidate)
    return None if counts is None else counts[0]


def _second(candidate: Candidate) -> int | None:
    counts = _domains(candidate)
    return None if counts is None else counts[1]


def _no_counterparts(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    if dataset.test.sources is None and not dataset.unpaired:
        return f"{dataset.name} has no images to translate"
    return cannot_reconstruct(candidate)


def _counterparts(candidate: Candidate) -> int:
    """The number of test images that translations should match, without changed images, which no
    classifier knows.
    """
    test = candidate.dataset.normal_test
    return int(test.labels.sum()) if candidate.dataset.unpaired else len(test)


def _grey(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} is grey" if dataset.colours == 1 else None


require(Requirement("translations", cannot_translate, _all, part="made", split="test"))
require(Requirement("cycles", cannot_translate, _all, part="made", split="test"))
require(Requirement("forward", cannot_translate, _first, part="made"))
require(Requirement("backward", cannot_translate, _second, part="made"))
require(Requirement("first_domain", cannot_translate, _first, part="real", split="test"))
require(Requirement("second_domain", cannot_translate, _second, part="real", split="test"))
require(Requirement("colours", _grey))
require(Requirement("counterparts", _no_counterparts, _counterparts, part="made", split="test"))


@evidence(requires=("translations",))
def translations(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain."""
    made = translate(e, e["reference_images"], e["reference_labels"])
    return e.on_scale(made, "translate")


@evidence(requires=("cycles",))
def cycles(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain and back."""
    return translate(e, e["translations"], 1 - e["reference_labels"])


@evidence(requires=("translations",))
def translation_sources(e: Evidence) -> Tensor:
    """The test images that `translations` were made from."""
    images: Tensor = e["reference_images"]
    return images


@evidence(requires=("counterparts", "logits"), role="extractor", framewise=True)
def counterpart_logits(e: Evidence) -> Tensor:
    """Class logits of the test images that translations should match, n×classes. Where one domain
    has changed images, these are the images of the other one: classifiers know no changed images.
    """
    return _class_logits(e, e["originals"])


@evidence(requires=("counterparts", "logits"), role="extractor", framewise=True)
def translated_logits(e: Evidence) -> Tensor:
    """Class logits of the translations that should be the images of `counterpart_logits`, in their
    order, n×classes.
    """
    return _class_logits(e, e["reconstructions"])


# As features: what came of one domain, and the domain that it is to resemble.


@evidence(requires=("forward",), role="extractor", framewise=True)
def forward_features(e: Evidence) -> Tensor:
    """Of translations into the second domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 0])


@evidence(requires=("backward",), role="extractor", framewise=True)
def backward_features(e: Evidence) -> Tensor:
    """Of translations into the first domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 1])


@evidence(requires=("second_domain",), role="extractor", framewise=True)
def second_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the second domain, n×d."""
    return _of_domain(e, 1)


@evidence(requires=("first_domain",), role="extractor", framewise=True)
def first_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the first domain, n×d."""
    return _of_domain(e, 0)


@evidence(requires=("translations", "colours"), framewise=True)
def translation_colours(e: Evidence) -> Tensor:
    """`translations` of RGB images; of videos, their frames."""
    return unfold(e["translations"], e.setup.frames)


@evidence(requires=("translations", "colours"), framewise=True)
def source_colours(e: Evidence) -> Tensor:
    """The RGB images that `translations` were made from; of videos, their frames."""
    return unfold(e["reference_images"], e.setup.frames)


def _features(e: Evidence, images: Tensor) -> Tensor:
    return e.extractor().extract(unfold(images, e.setup.frames)).pooled


def _class_logits(e: Evidence, frames: Tensor) -> Tensor:
    """Class logits of frames of test images; where there are two domains, of the second's alone."""
    if e["unpaired"]:
        frames = frames[(e["reference_labels"] == 1).repeat_interleave(e.setup.frames)]
    return logits_of(e.extractor().extract(frames), e)


def _of_domain(e: Evidence, domain: int) -> Tensor:
    features: Tensor = e["reference_features"]
    in_domain: Tensor = e["reference_labels"] == domain
    return features[in_domain.repeat_interleave(e.setup.frames)]
