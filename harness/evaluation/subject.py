"""What is measured, as far as must be known before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import torch

from harness.data.base import Dataset
from harness.evaluation.specs import Need
from harness.families.base import (
    Discriminates,
    Encodes,
    Family,
    ImportanceBound,
    Latents,
    Likelihood,
    Posterior,
    Reconstructs,
    Restores,
    Samples,
    ScoreMaps,
    Scores,
    Translates,
    is_conditional,
    takes_texts,
)
from harness.training import memory

SPLITS: dict[Need, str] = {
    "train": "train",
    "reference": "test",
    "reconstructions": "test",
    "scores": "test",
    "translations": "test",
    "cycles": "test",
    "first_domain": "test",
    "second_domain": "test",
}
TRANSLATION: tuple[Need, ...] = (
    "translations", "cycles", "forward", "backward", "first_domain", "second_domain",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A model on a dataset, or sets of images.

    `data` and `digest` say what it is compared with. `counts` is the number of images behind each
    need, `splits` the part of the data; `obstacles` is the reason why there is nothing behind it.
    `quantisation` is what samples are rounded to: "u8" for pixels, "" where they are not.
    """

    data: str
    digest: str
    counts: Mapping[Need, int]
    splits: Mapping[Need, str]
    obstacles: Mapping[Need, str]
    quantisation: str = "u8"
    binary: bool = False
    """Whether the images are binarised, so that likelihoods are of them as they are."""
    sides: tuple[int, ...] = ()
    """Height and width of the images in pixels, where they are pixels."""
    resize: str = ""
    """What images were resized to before anything else, and how, where they were."""


def model_subject(model: str, family: Family, dataset: Dataset, samples: int) -> Subject:
    """A trained model, of which so many samples are drawn."""
    test = len(dataset.normal_test)
    reasons = {need: why(model, family, dataset) for need, why in _OBSTACLES.items()}
    obstacles = {need: reason for need, reason in reasons.items() if reason}
    return Subject(
        data=dataset.name,
        digest=dataset.digest,
        counts={
            "samples": samples,
            "reference": test,
            "train": len(dataset.train),
            "reconstructions": test,
            "scores": len(dataset.test),
            **_translated(dataset),
        },
        splits=SPLITS,
        obstacles={**obstacles, **_lacking(dataset)},
        quantisation=_quantisation(dataset),
        binary=dataset.binary,
        sides=_sides(dataset),
    )


def samples_subject(name: str, dataset: Dataset, samples: int) -> Subject:
    """Images that someone made, to be compared with a dataset."""
    counts: dict[Need, int] = {"samples": samples, "train": len(dataset.train)}
    why = f"of {name} there are only samples"
    there: set[Need] = {
        "train", "labels", "logits", "pixels", "detail", "truth", "modes", "polygons", "symmetry",
        "video",
    }  # fmt: skip
    return _images_subject(dataset, counts, there, why)


def sources_subject(dataset: Dataset) -> Subject:
    """The dataset's damaged test images, as if they were repaired; of two domains, test images as
    if they were translated.
    """
    counts = _translated(dataset)
    counts.pop("cycles", None)  # there is no way back from what was not made
    if dataset.test.sources is not None:
        counts["reconstructions"] = len(dataset.normal_test)
    there: set[Need] = {"pixels", "detail", "colours"}
    return _images_subject(dataset, counts, there, "nothing is made from them")


def _translated(dataset: Dataset) -> dict[Need, int]:
    """Of two domains, how many images of each are translated and compared with."""
    if not dataset.unpaired:
        return {}
    first, second = dataset.test.labels.bincount(minlength=2).tolist()
    return {
        "translations": first + second, "cycles": first + second,
        "forward": first, "second_domain": second, "backward": second, "first_domain": first,
    }  # fmt: skip


def _images_subject(
    dataset: Dataset, counts: Mapping[Need, int], more: set[Need], why: str
) -> Subject:
    there: set[Need] = {"reference", *counts, *more}
    return Subject(
        data=dataset.name,
        digest=dataset.digest,
        counts={**counts, "reference": len(dataset.normal_test)},
        splits=SPLITS,
        obstacles={
            **{need: why for need in get_args(Need) if need not in there},
            **_lacking(dataset),
        },
        quantisation=_quantisation(dataset),
        sides=_sides(dataset),
    )


def _sides(dataset: Dataset) -> tuple[int, ...]:
    return (dataset.size, dataset.size) if dataset.has_pixels else ()


def _quantisation(dataset: Dataset) -> str:
    return "u8" if dataset.has_pixels else ""


def _lacking(dataset: Dataset) -> dict[Need, str]:
    """What a dataset does not have, whatever is measured on it."""
    lacking: dict[Need, str] = {}
    if not dataset.has_pixels:
        lacking["pixels"] = f"{dataset.name} has real numbers, not 8-bit pixels"
    if native := dataset.card.enlarged_from:
        lacking["detail"] = (
            f"{dataset.name} was enlarged from {native}×{native} pixels, and its finest detail is "
            "the interpolation's"
        )
    if dataset.density is None:
        lacking["truth"] = lacking["modes"] = f"{dataset.name} has no known density"
    elif dataset.density.modes == 1:
        lacking["modes"] = f"{dataset.name} has a single mode"
    card = dataset.card
    if not card.corners or dataset.binary:
        lacking["polygons"] = f"{dataset.name} does not consist of polygons"
    if not card.symmetric:
        lacking["symmetry"] = f"{dataset.name} is not symmetric"
    if dataset.colours == 1:
        lacking["colours"] = f"{dataset.name} is grey"
    if card.frames == 1:
        lacking["video"] = f"{dataset.name} has images, not videos"
    return lacking


def _cannot_score(model: str, family: Family, dataset: Dataset) -> str | None:
    if not dataset.detects:
        return f"{dataset.name} has no unseen class; name one, as in {dataset.name}[unseen=8]"
    if isinstance(family, Scores | Reconstructs):
        return None
    return f"{model} neither scores nor reconstructs images"


def _unable(capability: type, what: str) -> Callable[[str, Family, Dataset], str | None]:
    """The obstacle of a model that has not got a capability."""

    def why(model: str, family: Family, _: Dataset) -> str | None:
        return None if isinstance(family, capability) else f"{model} {what}"

    return why


def _cannot_reconstruct(model: str, family: Family, dataset: Dataset) -> str | None:
    if dataset.unpaired and dataset.test.sources is not None:
        return _cannot_translate(model, family, dataset)
    if dataset.unpaired and isinstance(family, Translates):
        return f"of {dataset.name} no image's counterpart in the other domain is known"
    if dataset.test.sources is not None:
        return _unable(Restores, "makes no images from others")(model, family, dataset)
    return _unable(Reconstructs, "does not reconstruct images")(model, family, dataset)


def _cannot_translate(model: str, family: Family, dataset: Dataset) -> str | None:
    if not dataset.unpaired:
        return f"{dataset.name} has no two domains to translate between"
    return _unable(Translates, "does not translate images")(model, family, dataset)


def _no_likelihood(capability: type) -> Callable[[str, Family, Dataset], str | None]:
    """A density of grey levels has no bound on binary images, and a probability of binary images
    is none of grey levels.
    """

    def why(model: str, family: Family, dataset: Dataset) -> str | None:
        if not isinstance(family, capability):
            return f"{model} does not bound the likelihood of images"
        if getattr(family, "binary", False) == dataset.binary:
            return None
        if dataset.binary:
            return f"{model}'s likelihood is a density, which on binarized images has no bound"
        return f"{model}'s likelihood is of binary images; name such, as in mnist[binarized=static]"

    return why


def _no_levels(_: str, __: Family, dataset: Dataset) -> str | None:
    return f"{dataset.name} is binary: its likelihood is in nats" if dataset.binary else None


def _no_peaks(_: str, __: Family, ___: Dataset) -> str | None:
    if memory.can_start_anew("cuda" if torch.cuda.is_available() else "cpu"):
        return None
    return "this system tells no peak of memory from those before it"


def _one_class(_: str, __: Family, dataset: Dataset) -> str | None:
    parts = (dataset.train, dataset.normal_test)
    one = any(bool((part.labels == part.labels[0]).all()) for part in parts)
    return f"{dataset.name} has images of one class only" if one else None


def _no_maps(model: str, family: Family, _: Dataset) -> str | None:
    if isinstance(family, ScoreMaps | Reconstructs):
        return None
    return f"{model} neither scores pixels nor reconstructs images"


def _no_conditional(model: str, family: Family, _: Dataset) -> str | None:
    return None if is_conditional(family) else f"{model} is not asked for classes"


def _no_latents(model: str, family: Family, _: Dataset) -> str | None:
    if is_conditional(family):
        return f"{model} makes images from a class as well as a code"
    return _unable(Latents, "makes no images from codes of a prior")(model, family, _)


def _no_judge(odds: bool) -> Callable[[str, Family, Dataset], str | None]:
    """A critic's values are on a scale of their own, and are no odds."""

    def why(model: str, family: Family, _: Dataset) -> str | None:
        if not isinstance(family, Discriminates):
            return f"{model} has no discriminator"
        if is_conditional(family):
            return f"{model}'s discriminator judges images of a class"
        if family.gives_odds == odds:
            return None
        said = ("a critic's values", "the odds that they are real")
        return f"{model}'s discriminator gives of images {said[family.gives_odds]}"

    return why


def _no_masks(_: str, __: Family, dataset: Dataset) -> str | None:
    return f"{dataset.name} has no masks of defects" if dataset.test.masks is None else None


def _no_factors(_: str, __: Family, dataset: Dataset) -> str | None:
    if dataset.train.factors is None or dataset.test.factors is None:
        return f"{dataset.name} has no factors of variation"
    return None


def _no_texts(model: str, family: Family, dataset: Dataset) -> str | None:
    if dataset.test.texts is None:
        return f"{dataset.name} has no texts to make images from"
    return None if takes_texts(family) else f"{model} makes no images from texts"


_OBSTACLES: dict[Need, Callable[[str, Family, Dataset], str | None]] = {
    "samples": _unable(Samples, "does not make new images"),
    "reconstructions": _cannot_reconstruct,
    "labels": _one_class,
    "scores": _cannot_score,
    "maps": _no_maps,
    "masks": _no_masks,
    "texts": _no_texts,
    "codes": _unable(Encodes, "does not encode images"),
    "posterior": _unable(Posterior, "has no posterior over codes"),
    "latents": _no_latents,
    "conditional": _no_conditional,
    "factors": _no_factors,
    "likelihood": _no_likelihood(Likelihood),
    "importance": _no_likelihood(ImportanceBound),
    "levels": _no_levels,
    "memory": _no_peaks,
    "critic": _no_judge(odds=False),
    "odds": _no_judge(odds=True),
    **dict.fromkeys(TRANSLATION, _cannot_translate),
}
