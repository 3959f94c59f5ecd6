"""Test images, and what a model makes of them, or of their damaged copies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from harness.data.frames import unfold
from harness.data.pixels import to_float, to_uint8
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, lacks, of_model, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import Direction, Reconstructs, Restores, Translates

BATCH = 250
"""Images passed through a model at a time where batches do not change the result."""


@of_model
def cannot_translate(candidate: Candidate) -> str | None:
    """Why a model does not translate between two domains; None where it does."""
    if not candidate.dataset.unpaired:
        return f"{candidate.dataset.name} has no two domains to translate between"
    return lacks(Translates, "does not translate images")(candidate)


@of_model
def cannot_reconstruct(candidate: Candidate) -> str | None:
    """Why a model does not make test images from themselves or their sources; None where it
    does.
    """
    dataset = candidate.dataset
    if dataset.unpaired and dataset.test.sources is not None:
        return cannot_translate(candidate)
    if dataset.unpaired and isinstance(candidate.family, Translates):
        return f"of {dataset.name} no image's counterpart in the other domain is known"
    if dataset.test.sources is not None:
        return lacks(Restores, "makes no images from others")(candidate)
    return lacks(Reconstructs, "does not reconstruct images")(candidate)


def _no_hole(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} has no holes to be filled" if dataset.test.known is None else None


require(
    Requirement(
        "reconstructions",
        cannot_reconstruct,
        lambda c: len(c.dataset.normal_test),
        part="made",
        split="test",
    )
)
require(Requirement("hole", _no_hole))
provided("test_sources", "reconstructions")
provided("test_known", "reconstructions")
provided("unpaired", "reconstructions")


@evidence(requires=("reconstructions",), framewise=True)
def originals(e: Evidence) -> Tensor:
    """The test images that are reconstructed, or that sources are to be restored to; of videos,
    their frames.
    """
    return unfold(e["reference_images"], e.setup.frames)


@evidence(requires=("reconstructions",), framewise=True)
def reconstructions(e: Evidence) -> Tensor:
    """The model's reconstructions of `originals`, or what it makes of their sources: of two domains
    the translations of their counterparts.
    """
    sources = e["test_sources"]
    if sources is not None and e["unpaired"]:
        made = translate(e, sources, 1 - e["reference_labels"])
        used = "translate"
    elif sources is not None:
        made = _restored(e, sources, e["test_known"])
        used = "restore"
    else:
        made = map_batches(e, e["reference_images"], lambda x: e.stored(e.model.reconstruct(x)))
        used = "reconstruct"
    return unfold(e.on_scale(made, used, e["reference_images"]), e.setup.frames)


@evidence(requires=("reconstructions", "hole"), framewise=True)
def known_pixels(e: Evidence) -> Tensor:
    """Which pixels of `originals` are known and stay, bool n×H×W."""
    known: Tensor = e["test_known"]
    return known.repeat_interleave(e.setup.frames, dim=0)


def _restored(e: Evidence, sources: Tensor, known: Tensor | None) -> Tensor:
    """Reconstructs sources, and keeps the pixels that are known as they are, as inpainting does."""
    if known is None:
        return map_batches(e, sources, lambda x: to_uint8(e.model.restore(x, None)))
    masks = known[:, None].to(torch.uint8) * 255
    made = map_batches(
        e,
        torch.cat([sources, masks], dim=1),
        lambda x: to_uint8(e.model.restore(x[:, :-1], (x[:, -1:] > 0).float())),
    )
    return torch.where(known[:, None], sources, made)


def translate(e: Evidence, images: Tensor, domains: Tensor) -> Tensor:
    """Stored images, whose domains are 0 or 1, each in the other domain, as the dataset stores
    them: what is told by values between two bytes is lost, as when a picture is saved.
    """
    out = torch.empty_like(images)
    directions: tuple[Direction, ...] = ("forward", "backward")

    def translate(direction: Direction, x: Tensor) -> Tensor:
        return e.stored(e.model.translate(x, direction))

    for domain, direction in enumerate(directions):
        in_domain = domains == domain
        out[in_domain] = map_batches(e, images[in_domain], partial(translate, direction))
    return out


@evidence(requires=("reconstructions",), role="extractor", framewise=True)
def reconstruction_features(e: Evidence) -> Tensor:
    """Pooled features of the reconstructions, n×d."""
    return e.extractor().extract(e["reconstructions"]).pooled


@evidence(requires=("reconstructions",), role="perceptual", framewise=True)
def perceptual_distances(e: Evidence) -> Tensor:
    """How different each reconstruction looks from its original."""
    return e.perceptual().distance(e["originals"], e["reconstructions"])


def map_batches(e: Evidence, images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """`function` of stored images as floats in [-1, 1] on the model's device, batch by batch."""
    with torch.inference_mode():
        batches = [to_float(part.to(e.device)) for part in torch.split(images, BATCH)]
        return torch.cat([function(x).cpu() for x in batches])
