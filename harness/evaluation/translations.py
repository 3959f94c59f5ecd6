"""Test images of two domains, each translated into the other, and back."""

from __future__ import annotations

from torch import Tensor

from harness.data.frames import unfold
from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import kind
from harness.evaluation.outputs import on_scale
from harness.evaluation.reconstructions import translated


@kind("translations")
def translations(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain."""
    made = translated(e, e["reference_images"], e["reference_labels"])
    return on_scale(e, made, "translate")


@kind("cycles")
def cycles(e: Evidence) -> Tensor:
    """Every test image, translated into the other domain and back."""
    return translated(e, e["translations"], 1 - e["reference_labels"])


@kind("translations")
def translation_sources(e: Evidence) -> Tensor:
    """The test images that `translations` were made from."""
    images: Tensor = e["reference_images"]
    return images


# As features: what came of one domain, and the domain that it is to resemble.


@kind("forward", role="extractor", framewise=True)
def forward_features(e: Evidence) -> Tensor:
    """Of translations into the second domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 0])


@kind("backward", role="extractor", framewise=True)
def backward_features(e: Evidence) -> Tensor:
    """Of translations into the first domain, n×d."""
    return _features(e, e["translations"][e["reference_labels"] == 1])


@kind("second_domain", role="extractor", framewise=True)
def second_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the second domain, n×d."""
    return _of_domain(e, 1)


@kind("first_domain", role="extractor", framewise=True)
def first_domain_features(e: Evidence) -> Tensor:
    """Of the test images of the first domain, n×d."""
    return _of_domain(e, 0)


@kind("translations", "colours", framewise=True)
def translation_colours(e: Evidence) -> Tensor:
    """`translations` of RGB images; of videos, their frames."""
    return unfold(e["translations"], e.setup.frames)


@kind("translations", "colours", framewise=True)
def source_colours(e: Evidence) -> Tensor:
    """The RGB images that `translations` were made from; of videos, their frames."""
    return unfold(e["reference_images"], e.setup.frames)


def _features(e: Evidence, images: Tensor) -> Tensor:
    return e.extractor().extract(unfold(images, e.setup.frames)).pooled


def _of_domain(e: Evidence, domain: int) -> Tensor:
    features: Tensor = e["reference_features"]
    here: Tensor = e["reference_labels"] == domain
    return features[here.repeat_interleave(e.setup.frames)]
