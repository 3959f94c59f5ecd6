"""Test images of two domains, each translated into the other, and back."""

from __future__ import annotations

from torch import Tensor

from harness.data.frames import unfold
from harness.evaluation.evidence import Evidence
from harness.evaluation.outputs import on_scale
from harness.evaluation.reconstructions import translate
from harness.evaluation.specs import evidence


@evidence("translations")
def translations(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain."""
    made = translate(e, e["reference_images"], e["reference_labels"])
    return on_scale(e, made, "translate")


@evidence("cycles")
def cycles(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain and back."""
    return translate(e, e["translations"], 1 - e["reference_labels"])


@evidence("translations")
def translation_sources(e: Evidence) -> Tensor:
    """The test images that `translations` were made from."""
    images: Tensor = e["reference_images"]
    return images


# As features: what came of one domain, and the domain that it is to resemble.


@evidence("forward", role="extractor", framewise=True)
def forward_features(e: Evidence) -> Tensor:
    """Of translations into the second domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 0])


@evidence("backward", role="extractor", framewise=True)
def backward_features(e: Evidence) -> Tensor:
    """Of translations into the first domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 1])


@evidence("second_domain", role="extractor", framewise=True)
def second_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the second domain, n×d."""
    return _of_domain(e, 1)


@evidence("first_domain", role="extractor", framewise=True)
def first_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the first domain, n×d."""
    return _of_domain(e, 0)


@evidence("translations", "colours", framewise=True)
def translation_colours(e: Evidence) -> Tensor:
    """`translations` of RGB images; of videos, their frames."""
    return unfold(e["translations"], e.setup.frames)


@evidence("translations", "colours", framewise=True)
def source_colours(e: Evidence) -> Tensor:
    """The RGB images that `translations` were made from; of videos, their frames."""
    return unfold(e["reference_images"], e.setup.frames)


def _features(e: Evidence, images: Tensor) -> Tensor:
    return e.extractor().extract(unfold(images, e.setup.frames)).pooled


def _of_domain(e: Evidence, domain: int) -> Tensor:
    features: Tensor = e["reference_features"]
    here: Tensor = e["reference_labels"] == domain
    return features[here.repeat_interleave(e.setup.frames)]
