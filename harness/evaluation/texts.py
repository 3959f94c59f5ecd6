"""Images and the texts that they should show."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, of_model, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import takes_texts
from harness.metrics.base import Caveat


@of_model
def _no_texts(candidate: Candidate) -> str | None:
    if candidate.dataset.test.texts is None:
        return f"{candidate.dataset.name} has no texts to make images from"
    if takes_texts(candidate.family):
        return None
    return f"{candidate.model} makes no images from texts"


def _no_factor_reader(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    is_known = dataset.test.texts is not None and dataset.test.factors is not None
    if dataset.card.factor_reader and is_known:
        return None
    return f"nothing reads the factors off images of {dataset.name}"


require(Requirement("texts", _no_texts, noun="different texts"))
require(Requirement("readable_factors", _no_factor_reader))
provided("reference_texts", "reference", "texts")
provided("text_factors", "readable_factors")


@evidence(requires=("texts",))
def texts(e: Evidence) -> Sequence[str]:
    """Returns the text that each sample is asked to show: the texts of the test images in random
    order, repeated; for samples of other programs the texts that came with them.
    """
    references: Sequence[str] = e["reference_texts"]
    order = torch.randperm(len(references), generator=generator(e.seed, "texts")).tolist()
    return [references[order[i % len(references)]] for i in range(e.setup.samples)]


@evidence(requires=("samples", "texts"), role="text")
def image_embeddings(e: Evidence) -> Tensor:
    """The samples in the space of images and texts: unit vectors N×d."""
    return e.text_image().embed_images(e["samples"])


@evidence(requires=("texts",), role="text")
def text_embeddings(e: Evidence) -> Tensor:
    """The text of each sample in the same space: unit vectors N×d."""
    network, texts = e.text_image(), e["texts"]
    if cut := network.too_long(texts):
        warnings.warn(
            f"{cut:,} of {len(texts):,} texts are longer than {network.name} takes, and are cut",
            Caveat,
            stacklevel=2,
        )
    return network.embed_texts(texts)


@evidence(requires=("samples", "texts"), role="text")
def text_similarity(e: Evidence) -> Tensor:
    """The cosine of each sample and its text: N."""
    cosines: Tensor = (e["image_embeddings"] * e["text_embeddings"]).sum(dim=1)
    return cosines


@evidence(requires=("samples", "texts"), role="scorer")
def caption_scores(e: Evidence) -> Tensor:
    """How well each sample shows its text, on the scale of the network that judges it: N."""
    return e.caption_scorer().score(e["samples"], e["texts"])


@evidence(requires=("texts", "readable_factors"))
def asked_factors(e: Evidence) -> Tensor:
    """The factors of the text that each sample is asked to show, int64 N×F. Raises BadInput for a
    text that is not one of the test images'.
    """
    rows = {text: row for row, text in enumerate(e["reference_texts"])}
    if strange := [text for text in e["texts"] if text not in rows]:
        raise BadInput(f"{strange[0]!r} is the text of no test image, so its factors are unknown")
    factors: Tensor = e["text_factors"][[rows[text] for text in e["texts"]]]
    return factors


@evidence(requires=("samples", "readable_factors"), role="factors")
def sample_factors(e: Evidence) -> Tensor:
    """The factors that are read off the samples, int64 N×F."""
    return e.factor_reader().read(e["samples"])
