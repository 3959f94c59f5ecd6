"""What is known of images and bends a number: it is said beside the number, wherever that stands.

A metric says what follows from its own arithmetic (`harness.metrics.base.Caveat`). Here is what
follows from the images, whatever the metric: copies, too few, formats that lose, enlarged pixels.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.core.counting import counted
from harness.evaluation.evidence import Evidence
from harness.evaluation.specs import evidence, metric_needs, provided
from harness.metrics.base import Metric

FEW = 100
"""With fewer images than this, the draw of them decides more than the model."""

TINY = 8
"""Pixels a side at which an image that was larger shows next to nothing of what was in it."""

LOSSY = {"JPEG", "WEBP"}
"""Formats of files that may not hold the pixels that were saved."""

FACTORS = (8, 4, 3, 2)
"""How often pixels may be repeated in an enlarged image."""

_BLOCK = 64

provided("sample_formats", "samples")
provided("reference_formats", "reference")
provided("sample_sizes", "samples")
provided("reference_sizes", "reference")


@dataclass(frozen=True)
class Remarks:
    """What is to be said beside a number; whether it is of two sets that are one and the same, so
    that its standard error says nothing.
    """

    texts: tuple[str, ...]
    is_same_set: bool = False


def remarks(metric: Metric, evidence: Evidence) -> Remarks:
    """What the images that the metric looks at are known to do to its number."""
    needed = metric_needs(metric)
    if "reconstructions" in needed:
        return _of_pairs(evidence)
    if "samples" not in needed:
        return Remarks(())
    if not _are_pixels(evidence["samples"]):
        return Remarks(tuple(_sizes(evidence)))
    texts = list(evidence["sample_remarks"])
    same = False
    if "reference" in needed and _are_pixels(evidence["reference_images"]):
        texts += evidence["reference_remarks"]
        same, shared = evidence["shared_with_reference"]
        texts += [shared] if shared else []
        texts += _formats(evidence)
    texts += _sizes(evidence)
    if "train" in needed and _are_pixels(evidence["train_images"]):
        texts += too_few(len(evidence["train_images"]), "training image")
    if "train" in needed and "reference" not in needed:
        texts += [evidence["shared_with_train"]] if evidence["shared_with_train"] else []
    return Remarks(tuple(texts), same)


# -- evidence of it, computed once a set ------------------------------------------------------


@evidence(requires=("samples",))
def sample_remarks(e: Evidence) -> list[str]:
    """What is to be said of the samples alone."""
    return list(_of_set(e["samples"], e["sample_digests"], "samples", "sample"))


@evidence(requires=("reference",))
def reference_remarks(e: Evidence) -> list[str]:
    """What is to be said of the reference images alone."""
    images, digests = e["reference_images"], e["reference_digests"]
    return list(_of_set(images, digests, "reference images", "reference image"))


@evidence(requires=("samples", "reference"))
def shared_with_reference(e: Evidence) -> tuple[bool, str]:
    """Whether samples and reference are one set, and what is to be said of what they share."""
    samples, reference = Counter(e["sample_digests"]), Counter(e["reference_digests"])
    if samples == reference:
        return True, "samples and reference are the same images"
    shared = sum(count for digest, count in samples.items() if digest in reference)
    if not shared:
        return False, ""
    return False, f"{_of(shared, samples)} samples are in the reference too, pixel for pixel"


@evidence(requires=("samples", "train"))
def shared_with_train(e: Evidence) -> str:
    """What is to be said of samples that are training images."""
    samples, train = Counter(e["sample_digests"]), set(e["train_digests"])
    shared = sum(count for digest, count in samples.items() if digest in train)
    return f"{_of(shared, samples)} samples are training images, pixel for pixel" if shared else ""


@evidence(requires=("samples",))
def sample_digests(e: Evidence) -> list[bytes]:
    """A short digest of each sample's pixels."""
    return _digests(e["samples"])


@evidence(requires=("reference",))
def reference_digests(e: Evidence) -> list[bytes]:
    """A short digest of each reference image's pixels."""
    return _digests(e["reference_images"])


@evidence(requires=("train",))
def train_digests(e: Evidence) -> list[bytes]:
    """A short digest of each training image's pixels."""
    return _digests(e["train_images"])


def too_few(count: int, one: str) -> list[str]:
    """Remarks that a set has few images of a kind."""
    return [f"only {counted(count, one)}"] if count < FEW else []


# -- what is said ------------------------------------------------------------------------------


def _of_pairs(e: Evidence) -> Remarks:
    made, originals = e["reconstructions"], e["originals"]
    if not _are_pixels(made) or made.shape != originals.shape:
        return Remarks(tuple(_sizes(e)))
    texts = _formats(e) + _sizes(e)
    if torch.equal(made, originals):
        return Remarks(("samples and reference are the same images", *texts), True)
    return Remarks(tuple(texts))


def _of_set(images: Tensor, digests: Sequence[bytes], several: str, one: str) -> Iterator[str]:
    count = len(images)
    yield from too_few(count, one)
    if copies := count - len(set(digests)):
        yield f"{_of(copies, digests)} {several} are copies of another {one}"
    if not images.numel():
        return
    if int(images.max()) <= 1:
        yield f"no value of the {several} is above 1, of 255: were floats in [0, 1] cut to bytes?"
    if images.shape[1] == 3 and _all(images, _is_grey):
        yield f"the {several} are grey, saved as RGB"
    factor = next((f for f in FACTORS if _all(images, partial(_is_enlarged, factor=f))), 1)
    if factor > 1:
        height, width = images.shape[-2] // factor, images.shape[-1] // factor
        yield f"the {several} are {height}×{width} pixels, each repeated {factor}×{factor} times"


def _formats(e: Evidence) -> list[str]:
    """Where one side's files may have lost by compression and the other's did not: that counts as a
    difference of the images.
    """
    samples, reference = (e.at_hand(f"{side}_formats") for side in ("sample", "reference"))
    lossy, other = LOSSY & (samples or set()), LOSSY & (reference or set())
    if bool(lossy) == bool(other):
        return []
    side = "samples are" if lossy else "the reference is"
    unlike = ", the other side is not" if None not in (samples, reference) else ""
    names = " and ".join(sorted(lossy or other))
    return [f"{side} {names} files{unlike}: what compression changed is part of the number"]


def _sizes(e: Evidence) -> list[str]:
    """What was resized, and from what; enlarged images have no more detail than before."""
    remarks = []
    for name, side in (("sample", "samples"), ("reference", "reference images")):
        before = e.at_hand(f"{name}_sizes")
        if not before:
            continue
        after = e["samples"].shape[-2:]
        first = "×".join(map(str, before[0]))
        sizes = first if len(before) == 1 else f"{len(before)} sizes, such as {first}"
        smaller = [min(size) < min(after) for size in before]
        how = (
            "enlarged" if all(smaller) else "resized, some enlarged," if any(smaller) else "resized"
        )
        tiny = ", at which little of an image is left" if min(after) < TINY else ""
        remarks.append(f"{side} {how} to {'×'.join(map(str, after))} from {sizes}{tiny}")
    return remarks


def _of(part: int, whole: Counter[bytes] | Sequence[bytes]) -> str:
    total = whole.total() if isinstance(whole, Counter) else len(whole)
    return f"{part:,} of {total:,}"


def _digests(images: Tensor) -> list[bytes]:
    rows = images.contiguous().numpy()
    with ThreadPoolExecutor() as pool:  # hashing releases Python's lock
        parts = [range(start, min(start + 256, len(rows))) for start in range(0, len(rows), 256)]
        hashed = pool.map(
            lambda part: [hashlib.blake2b(rows[i], digest_size=16).digest() for i in part], parts
        )
        return [digest for part in hashed for digest in part]


def _are_pixels(images: Tensor) -> bool:
    """Points in the plane are images of one pixel, and no pictures; videos are not looked at."""
    return images.dtype == torch.uint8 and images.ndim == 4 and min(images.shape[2:]) > 1


def _all(images: Tensor, holds: Callable[[Tensor], bool]) -> bool:
    """Whether it holds of all images; mostly known from the first few."""
    return all(holds(part) for part in torch.split(images, _BLOCK))


def _is_grey(images: Tensor) -> bool:
    return bool((images[:, :1] == images[:, 1:]).all())


def _is_enlarged(images: Tensor, factor: int) -> bool:
    height, width = images.shape[-2:]
    if height % factor or width % factor or min(height, width) < 2 * factor:
        return False
    blocks = images.reshape(*images.shape[:2], height // factor, factor, width // factor, factor)
    return bool((blocks == blocks[:, :, :, :1, :, :1]).all())
