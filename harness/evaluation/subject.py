"""What is measured, as far as must be known before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.data.base import Dataset
from harness.evaluation.requirements import REQUIREMENTS, Candidate, Need
from harness.families.base import Family


@dataclass(frozen=True)
class Subject:
    """A model on a dataset, or sets of images.

    `data` and `digest` say what it is compared with. `counts` is the number of images that meet
    each requirement, `splits` the part of the data, training images first; `obstacles` is the
    reason why nothing meets it. `quantisation` is what samples are rounded to: "u8" for pixels, ""
    where they are not.
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
    trained_on: Mapping[str, str] = field(default_factory=dict)
    """The feature networks that the model learned from: their names by the digits of their weights
    that stand in labels."""
    resize: str = ""
    """What images were resized to before anything else, and how, where they were."""


def model_subject(model: str, family: Family, dataset: Dataset, samples: int) -> Subject:
    """A trained model, from which `samples` images are drawn."""
    subject = _subject(Candidate(dataset, model, family, samples), frozenset(), dataset.binary)
    return replace(
        subject, trained_on={network.digest: network.name for network in family.frozen_networks()}
    )


def samples_subject(name: str, dataset: Dataset, samples: int) -> Subject:
    """Images that someone made, to be compared with a dataset."""
    reason = f"of {name} there are only samples"
    return _subject(Candidate(dataset, samples=samples, no_model=reason), frozenset({"samples"}))


def sources_subject(dataset: Dataset) -> Subject:
    """The dataset's damaged test images, as if they were repaired; of two domains, test images as
    if they were translated.
    """
    candidate = Candidate(dataset, no_model="nothing is made from them")
    met = set() if dataset.test.sources is None else {"reconstructions", "counterparts"}
    if dataset.unpaired:  # there is no way back from what was not made, and so no cycles
        met |= {"translations", "forward", "backward", "first_domain", "second_domain"}
    subject = _subject(candidate, frozenset(met))
    # They are compared with other test images: training images have no part in it.
    counts = {name: n for name, n in subject.counts.items() if name != "train"}
    obstacles = {**subject.obstacles, "train": candidate.no_model}
    return replace(subject, counts=counts, obstacles=obstacles)


def _subject(candidate: Candidate, met: frozenset[Need], binary: bool = False) -> Subject:
    """The candidate as a subject, on which the requirements `met` are met without a model."""
    dataset = candidate.dataset
    reasons = {
        name: requirement.unavailable(candidate)
        for name, requirement in REQUIREMENTS.items()
        if name not in met
    }
    # Of images from elsewhere, what they do not have is not counted: nobody is asked to make it.
    is_counted = candidate.family is not None
    counts = {
        name: requirement.count(candidate)
        for name, requirement in REQUIREMENTS.items()
        if is_counted or not reasons.get(name)
    }
    splits = {name: r.split for name, r in REQUIREMENTS.items() if r.split}
    return Subject(
        data=dataset.name,
        digest=dataset.digest,
        counts={name: n for name, n in counts.items() if n is not None},
        splits=dict(sorted(splits.items(), key=lambda part: part[1] != "train")),
        obstacles={name: reason for name, reason in reasons.items() if reason},
        quantisation="u8" if dataset.has_pixels else "",
        binary=binary,
        sides=(dataset.size, dataset.size) if dataset.has_pixels else (),
    )
