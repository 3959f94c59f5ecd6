"""What every model makes: samples, reconstructions, translations, and samples beside the training
images that they are nearest to.
"""

from __future__ import annotations

from typing import Literal

import torch

from harness.data.frames import unfold
from harness.data.scatter import is_plane, scatter
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import picture
from harness.evaluation.pictures.sheets import grid_png, stacked
from harness.evaluation.protocols import SAMPLING_BATCH
from harness.evaluation.requirements import Candidate
from harness.families.capabilities import Reconstructs, Restores, Samples, Translates
from harness.metrics.memorisation import nearest_neighbours

SUSPECTS, NEIGHBOURS = 8, 5


def _makes_no_samples(candidate: Candidate) -> str | None:
    """Without a model there are samples from elsewhere."""
    if candidate.family is None or isinstance(candidate.family, Samples):
        return None
    return f"{candidate.model} makes no samples"


def remakes_nothing(candidate: Candidate) -> str | None:
    """Returns why a model gives no test images back; None where it does. Where test images have
    sources, these are what is reconstructed from; but in two domains they are counterparts, and
    stand below translations.
    """
    dataset = candidate.dataset
    has_sources = dataset.normal_test.sources is not None
    capability = Restores if has_sources else Reconstructs
    if isinstance(candidate.family, capability) and not (dataset.unpaired and has_sources):
        return None
    return f"{candidate.model} gives no images of {dataset.name} back"


def _translates_nothing(candidate: Candidate) -> str | None:
    if candidate.dataset.unpaired and isinstance(candidate.family, Translates):
        return None
    return f"{candidate.model} does not translate {candidate.dataset.name}"


@picture(
    "samples",
    "Samples",
    caption="",
    alt="The first 64 samples",
    alt_of_points="Samples over the test points",
    unavailable=_makes_no_samples,
)
def draw_samples(e: Evidence) -> bytes:
    """Draws the first samples, unselected; points lie over the test set's. Where no metric has
    asked for samples, one batch is drawn, the first of those that a metric would get.
    """
    if is_plane(e["reference_images"]):
        return scatter(e["samples"], e["reference_images"])
    columns = _columns(e)
    e = e.with_few_samples(SAMPLING_BATCH)
    return grid_png(unfold(e["samples"], e.setup.frames)[: 8 * columns], columns)


@picture(
    "neighbours",
    "Nearest training images",
    caption="In the first column the samples that are nearest to a training image by features, "
    "beside each its five nearest ones. A row whose first two images are the same is a copy.",
    alt="In the first column samples, beside each its nearest training images,",
    unavailable=_makes_no_samples,
    beside="train_features",
)
def draw_neighbours(e: Evidence, among: Literal["train", "reference"] = "train") -> bytes:
    """The samples that are nearest to a training image, each beside its nearest ones, by features:
    if any sample is a copy, it is here. Or likewise `among` the reference images.
    """
    features, images = e[f"{among}_features"], e[f"{among}_images"]
    count = min(NEIGHBOURS, len(images))
    nearest = nearest_neighbours(e["sample_features"], features, count)
    suspects = nearest.distances[:, 0].argsort(stable=True)[:SUSPECTS]
    samples, images = (unfold(x, e.setup.frames) for x in (e["samples"], images))
    rows = [torch.cat([samples[i : i + 1], images[nearest.indices[i]]]) for i in suspects.tolist()]
    return grid_png(torch.cat(rows), 1 + count)


@picture(
    "reconstructions",
    "Reconstructions",
    caption="Test images, each above its reconstruction. Where models repair damaged images, or "
    "make images from others, three rows go together: the image as it should be, what the model "
    "was given, and what it made of that.",
    alt="Test images, each above its source if it has one and its reconstruction,",
    alt_of_points="Reconstructions over the test points",
    unavailable=remakes_nothing,
)
def draw_reconstructions(e: Evidence) -> bytes:
    """The first test images, each above its reconstruction, or its source between the two; of
    points the reconstructions lie over all originals.
    """
    if is_plane(e["originals"]):
        return scatter(e["reconstructions"], e["originals"])
    columns = _columns(e)
    shown = 4 * columns
    e = e.first(shown)
    sources = e["test_sources"]
    if sources is not None:
        sources = unfold(sources, e.setup.frames)
    rows = [e["originals"], sources, e["reconstructions"]]
    return stacked([images[:shown] for images in rows if images is not None], columns)


@picture(
    "translations",
    "Translations",
    caption="Below each test image its translation into the other domain, and below that its "
    "counterpart there if it is known.",
    alt="Test images of each domain, each above its translation into the other, and above its "
    "counterpart there if that is known,",
    unavailable=_translates_nothing,
)
def draw_translations(e: Evidence) -> bytes:
    """The first test images of each domain, each above its translation, and below these its
    counterpart in the other domain where that is known.
    """
    columns, rows = _columns(e), 2
    counterparts = e["test_sources"]
    sets = [e["reference_images"], e["translations"]]
    if counterparts is not None:
        sets.append(counterparts)
    count = rows * columns // e.setup.frames
    both = [
        torch.cat([images[e["reference_labels"] == domain][:count] for domain in (0, 1)])
        for images in sets
    ]
    return stacked([unfold(images, e.setup.frames) for images in both], columns)


def _columns(e: Evidence) -> int:
    """Images in a row; of videos the frames of one."""
    return e.setup.frames if e.setup.frames > 1 else 8
