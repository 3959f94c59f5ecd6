"""Images and the texts that they should show."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import given, kind

given("texts", "texts")


@kind("samples", "texts", role="text")
def image_embeddings(e: Evidence) -> Tensor:
    """The samples in the space of images and texts: unit vectors N×d."""
    return e.text_image().embed_images(e["samples"])


@kind("texts", role="text")
def text_embeddings(e: Evidence) -> Tensor:
    """The text of each sample in the same space: unit vectors N×d."""
    return e.text_image().embed_texts(e["texts"])


@kind("samples", "texts", role="text")
def text_similarity(e: Evidence) -> Tensor:
    """The cosine of each sample and its text: N."""
    cosines: Tensor = (e["image_embeddings"] * e["text_embeddings"]).sum(dim=1)
    return cosines
