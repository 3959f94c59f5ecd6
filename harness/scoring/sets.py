"""The sets of images that are compared, and what a metric may ask of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.captions import load_captions
from harness.data.images_on_disk import AS_STORED, OpenOptions
from harness.data.imageset import ImageSet, open_images, open_pairs, size_text, split_images
from harness.evaluation.requirements import REQUIREMENTS, Need
from harness.evaluation.specs import metric_needs
from harness.evaluation.subject import Subject
from harness.metrics.base import Metric
from harness.plan.external_samples import check_draws, check_sizes

_AT_ONCE = 64


@dataclass(frozen=True)
class Sets:
    """Samples, and what they are compared with.

    Where they are `paired`, sample i is a reconstruction of reference image i; `texts` has what
    each sample should show; `further` are other draws of the same model's samples.
    """

    samples: ImageSet
    reference: ImageSet | None = None
    train: ImageSet | None = None
    paired: bool = False
    texts: Sequence[str] | None = None
    further: tuple[ImageSet, ...] = ()
    resize: str = ""
    """What all images were resized to, and how, if they were: `64-bicubic`."""
    name: str = ""
    """What the samples are called, among others."""

    @property
    def draws(self) -> int:
        """How many draws of samples there are."""
        return 1 + len(self.further)

    def by_role(self) -> dict[str, ImageSet]:
        """The sets that are there, by what they are for."""
        sets = {"samples": self.samples, "reference": self.reference, "train": self.train}
        present = {name: images for name, images in sets.items() if images}
        return present | {f"draw {i}": images for i, images in enumerate(self.further, start=2)}

    def evidence(self) -> dict[str, Any]:
        """What the sets give to metrics, by the names that these ask for."""
        values = of_draw(self.samples)
        if self.reference:
            values["reference_sizes"] = self.reference.resized_from
            values["reference_formats"] = None if self.reference.dataset else self.reference.formats
            values["reference_images"] = self.reference.images
            values["reference_labels"] = self.reference.labels
            if dataset := self.reference.dataset:
                values["polygon_corners"] = dataset.card.corners
                values["reference_texts"] = dataset.normal_test.texts
                values["text_factors"] = dataset.normal_test.factors
                values["factor_names"] = dataset.card.factors
        if self.train:
            values |= {"train_images": self.train.images, "train_labels": self.train.labels}
        if self.paired:
            values["reconstructions"] = self.samples.images
        if _labels_fit(self) is None:
            values["sample_labels"] = self.samples.labels
        if self.texts:
            values["texts"] = self.texts
        return {name: value for name, value in values.items() if value is not None}


def of_draw(images: ImageSet) -> dict[str, Any]:
    """What one draw of samples gives to metrics."""
    return {
        "samples": images.images,
        "sample_sizes": images.resized_from,
        "sample_formats": None if images.dataset else images.formats,
    }


def open_sets(
    samples: str | ImageSet,
    reference: str | ImageSet | None = None,
    train: str | ImageSet | None = None,
    *,
    paired: bool = False,
    opening: OpenOptions = AS_STORED,
) -> Sets:
    """The sets at these places (see `harness.data.imageset.open_images`), pixels not yet read.

    Where `reference` is a split of a dataset, its train split is `train` unless that is said.
    Raises BadInput where a header cannot be read, and where two sets differ in size or channels.
    """
    if not paired:
        first = open_images(samples, opening)
        second = open_images(reference, opening) if reference else None
    elif reference:
        first, second = open_pairs(samples, reference, opening)
    else:
        raise BadInput("--pairs needs the originals; give --reference")
    third = open_images(train, opening) if train else None
    if second and second.dataset and not third:
        third = split_images(second.dataset, "train")
    sets = Sets(first, second, third, paired, resize=str(opening.resize or ""))
    _check_alike(sets)
    return sets


def load_sets(
    samples: str,
    reference: str | None = None,
    train: str | None = None,
    *,
    paired: bool = False,
    opening: OpenOptions = AS_STORED,
) -> Sets:
    """As `open_sets`, with the pixels read; BadInput also where a set has none that vary."""
    sets = open_sets(samples, reference, train, paired=paired, opening=opening)
    read_pixels(sets)
    return sets


def read_pixels(sets: Sets) -> None:
    """Read the pixels of every set. Raises BadInput where a file is damaged, and where every image
    of a set is of one colour all over.
    """
    for images in sets.by_role().values():
        if _is_constant(images.images):
            raise BadInput(
                f"{images.description}: every image is of one colour all over; nothing can be "
                "measured of such a set, and a distance of it would only look like a number"
            )
    if sets.further:
        check_draws([(each.description, each) for each in (sets.samples, *sets.further)])


def with_captions(sets: Sets, path: Path) -> Sets:
    """The sets with the text of each sample (see `harness.data.captions.load_captions`)."""
    return replace(sets, texts=load_captions(path, sets.samples.names))


def with_draws(
    sets: Sets, places: Sequence[str | ImageSet], opening: OpenOptions = AS_STORED
) -> Sets:
    """The sets with further draws of samples, in these places; BadInput where there is none, or
    where one differs in how many images it has, or does not differ from another at all.
    """
    if not places:
        raise BadInput("--draws needs several sets of samples, one for each draw")
    whole = replace(sets, further=tuple(open_images(place, opening) for place in places))
    _check_alike(whole)
    check_sizes([(each.description, each) for each in (whole.samples, *whole.further)])
    return whole


def _check_alike(sets: Sets) -> None:
    for name, images in sets.by_role().items():
        if images.shape[1:] != sets.samples.shape[1:]:
            cure = "one size, and nothing is resized unless --resize says how"
            if images.shape[1] != sets.samples.shape[1]:
                cure = "one number of channels: convert one side, grey to RGB or RGB to grey"
            raise BadInput(
                f"samples ({sets.samples.description}) are {size_text(sets.samples)} and "
                f"{name} ({images.description}) {size_text(images)} (C×H×W); they need "
                f"{cure}"
            )


def _is_constant(images: Tensor) -> bool:
    """Whether no image varies within a channel; mostly known from the first few. Points do not
    vary, and are no images.
    """
    several = images.shape[2] * images.shape[3] > 1
    parts = torch.split(images, _AT_ONCE)
    return several and all(bool((some == some[:, :, :1, :1]).all()) for some in parts)


# -- what metrics may ask ---------------------------------------------------------------------

SAME = "the reference is the training set; give images that it was not trained on as --reference"

MISSING: Mapping[Need, str] = {
    "reference": "there is nothing to compare with; give --reference, such as cifar10:test",
    "train": "needs the images that the model was trained on; give --train, such as cifar10:train",
    "labels": "needs the class of each image; give a split of a dataset as --reference",
    "reconstructions": "needs pairs of images; give --pairs and the originals as --reference",
    **dict.fromkeys(
        ("scores", "rebuilt", "filled_in", "validation"), "images alone have no anomaly scores"
    ),
    "conditional": "needs the class asked of each image; give a metadata.jsonl with labels beside"
    " the samples, and a reference with labels",
    "texts": "needs the text of each image; give --captions, such as prompts.csv",
    "readable_factors": "is asked of images with factors; give --reference shapes:test",
    "truth": "images alone have no known density",
    "modes": "images alone have no known modes",
    "polygons": "is asked of polygons; give --reference polygons:test",
    "symmetry": "is asked of symmetric images; give --reference symmetric:test",
    "video": "images are no videos",
    "detail": "the reference images were enlarged, and their finest detail is the interpolation's",
    **dict.fromkeys(
        ("backward", "forward", "colours", "cycles"), "is asked of models that translate images"
    ),
    "costs": "images do not say what their model cost",
}


def header_subject(sets: Sets) -> Subject:
    """The sets as any metric sees them, as far as headers tell: without digests of pixels."""
    return _subject(sets, "", "")


def subject(sets: Sets, metric: Metric) -> Subject:
    """The sets as `metric` sees them.

    Against a dataset's split it is what a suite has for samples of a model, so that the numbers
    rank together. What is compared with another thing too, texts or a training set of one's own,
    carries the digest of that as well.
    """
    reference = sets.reference
    data = digest_ = ""
    if reference:
        dataset = reference.dataset
        data = dataset.name if dataset else reference.description
        digest_ = dataset.digest if dataset else reference.digest
    seen, needed = _subject(sets, data, digest_), metric_needs(metric)
    if sets.texts and "texts" in needed:
        texts = digest(list(sets.texts))
        return replace(seen, data="captions", digest=texts, splits={"texts": "captions"})
    if {"train", "reference"} <= needed and _is_train(sets):
        return replace(seen, obstacles={**seen.obstacles, "train": SAME})
    if sets.train and "train" in needed and not _belongs(sets.train, sets.reference):
        both = digest([seen.digest, sets.train.digest])
        return replace(seen, data=f"{seen.data}, {sets.train.description}", digest=both)
    return seen


def _labels_fit(sets: Sets) -> str | None:
    """Why samples and reference cannot be compared class by class; None where they can. Of further
    draws the labels would be others.
    """
    if not sets.reference or sets.further:
        return MISSING["conditional"]
    sides = {"samples": sets.samples.labels, "reference": sets.reference.labels}
    counts = {
        side: Counter(labels.tolist()) for side, labels in sides.items() if labels is not None
    }
    if len(counts) < 2:
        return MISSING["conditional"]
    for label in sorted(counts["samples"].keys() | counts["reference"].keys()):
        for side, count in counts.items():
            if count[label] < 2:
                return (
                    f"{side}: {counted(count[label], 'image')} of class {label}; each class needs 2"
                )
    return None


def _is_train(sets: Sets) -> bool:
    """Whether samples are compared with the training images themselves."""
    return bool(sets.train and sets.reference and sets.train.digest == sets.reference.digest)


def _belongs(train: ImageSet, reference: ImageSet | None) -> bool:
    """Whether the two are train and test split of one dataset: one digest is that of both."""
    if not (reference and reference.dataset and train.dataset):
        return False
    return train.split == "train" and train.dataset.digest == reference.dataset.digest


def _subject(sets: Sets, data: str, digest_: str) -> Subject:
    reference = sets.reference
    met = {need for need, at_hand in _at_hand(sets).items() if at_hand}
    counts: dict[Need, int] = {"samples": len(sets.samples), "reconstructions": len(sets.samples)}
    if reference:
        counts["reference"] = len(reference)
    if sets.train:
        counts["train"] = len(sets.train)
    if sets.texts:
        counts["texts"] = len(set(sets.texts))
    part = (reference.split or "reference") if reference else ""
    splits: dict[Need, str] = {"train": "train", "reference": part, "reconstructions": part}
    return Subject(
        data=data,
        digest=digest_,
        counts=counts,
        sides=sets.samples.shape[2:],
        resize=sets.resize,
        splits={need: split for need, split in splits.items() if split},
        obstacles=_missing(sets, met),
    )


def _missing(sets: Sets, met: set[Need]) -> dict[Need, str]:
    reasons = {
        need: MISSING.get(need, f"images alone have no {need}")
        for need in REQUIREMENTS
        if need not in met
    }
    if why := _labels_fit(sets):
        reasons["conditional"] = why
    return reasons


def _at_hand(sets: Sets) -> dict[Need, bool]:
    dataset = sets.reference.dataset if sets.reference else None
    labelled = [images.labels is not None for images in (sets.reference, sets.train) if images]
    return {
        "samples": True,
        "reference": sets.reference is not None,
        "train": sets.train is not None,
        "logits": True,
        "labels": bool(labelled) and all(labelled),
        "reconstructions": sets.paired,
        "texts": sets.texts is not None,
        "pixels": True,
        "detail": dataset is None or not dataset.card.enlarged_from,
        "conditional": _labels_fit(sets) is None,
        "readable_factors": dataset is not None
        and bool(dataset.card.factor_reader)
        and sets.reference is not None
        and sets.reference.split == "test",
        "polygons": dataset is not None and dataset.card.corners > 0,
        "symmetry": dataset is not None and dataset.card.symmetric,
    }
