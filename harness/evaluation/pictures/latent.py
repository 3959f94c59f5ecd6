"""What a decoder makes of codes: unit by unit, and on paths between two of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.core.counting import counted, named
from harness.core.seeding import generator
from harness.evaluation.codes import decoded_images, spherical_path
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.sheets import grid_png
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.requirements import Candidate
from harness.families.capabilities import Decodes, Encodes, Posterior, Quantises, Remembers
from harness.objectives.codes import unit_kl

CODES = 500
"""Test images whose codes pictures look at."""
UNITS, STEPS, REACH = 10, 9, 2.5
"""Units that are moved, the values that each takes, and how far from its mean the outermost are, in
standard deviations."""
PAIRS, PLACES = 4, 8
"""Pairs of codes, and the images on a path between two."""
PARALLEL = 0.9999
"""The cosine from which on two directions count as one, or as opposite ones, without an arc."""
LEADS, TRAILS = 0.5, 0.1
"""A unit follows one factor alone if that explains this much of the unit's variance or more, and
every other factor no more than the second."""


def _has_no_units(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, Quantises):
        return f"{candidate.model} has a codebook of symbols, not units"
    if isinstance(candidate.family, Remembers):
        return f"{candidate.model} has learnt no units"
    return not_still_images(candidate)


def _codes_images(candidate: Candidate) -> str | None:
    family = candidate.family
    if isinstance(family, Encodes) and isinstance(family, Decodes):
        return f"{candidate.model} has codes of images"
    return not_still_images(candidate)


def first_codes(e: Evidence) -> Tensor:
    """The codes of the first test images, n×d."""
    codes = e.at_hand("test_codes")
    if codes is None:
        codes = map_batches(e, e["reference_images"][:CODES], e.model.encode)
    return torch.as_tensor(codes[:CODES])


@picture(
    "traversals",
    "Latent traversals",
    caption="What each unit of a code does. In each row all units are those of the first test "
    f"image, but for one, which takes values from {REACH} standard deviations below its mean on "
    "the left to as many above it on the right. The units that are used most come first; a row "
    "whose images are all alike is of a unit that the decoder passes over.",
    alt="Decoded images, in each row with another unit of the code moved,",
    requires=("codes", "decoder", "reference"),
    unavailable=_has_no_units,
)
def draw_traversals(e: Evidence) -> bytes:
    """The code of the first test image, with one unit a row moved."""
    codes = first_codes(e)
    use, middle, width = _units(e, codes)
    units = use.argsort(descending=True, stable=True)[:UNITS]
    places = torch.linspace(-REACH, REACH, STEPS)
    rows = codes[0].repeat(len(units), STEPS, 1)
    for row, unit in zip(rows, units.tolist(), strict=True):
        row[:, unit] = middle[unit] + width[unit] * places
    numbers = ", ".join(str(unit) for unit in units.tolist())
    caption = f"From the top: {named(len(units), 'unit')} {numbers} of {codes.shape[1]}."
    if e.at_hand("test_factors") is not None:
        factors = e["test_factors"][: len(codes)]
        caption += f" {_factor_sentence(codes[:, units], factors, e['factor_names'])}"
    return grid_png(decoded_images(e, rows.flatten(0, 1)), STEPS, caption)


def _units(e: Evidence, codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How much each unit is used, and the mean and the width of its values, d each. Of a model with
    a posterior these are its divergence from the prior, and the prior's mean and width; else the
    variance, mean and standard deviation of the codes.
    """
    if isinstance(e.model, Posterior):
        images = e["reference_images"][: len(codes)]
        use = map_batches(e, images, lambda x: unit_kl(*e.model.posterior(x))).mean(dim=0)
        return use, torch.zeros_like(use), torch.ones_like(use)
    return codes.var(dim=0), codes.mean(dim=0), codes.std(dim=0)


def explained_shares(codes: Tensor, factors: Tensor) -> Tensor:
    """The share of each unit's variance that each factor explains, d×F from 0 to 1: the variance of
    its means over the images of each value of the factor (the correlation ratio, Fisher 1925).
    `codes` n×d, `factors` int64 n×F. Where a unit does not vary the shares are 0.
    """
    centred = (codes - codes.mean(dim=0)).double()
    total = centred.square().sum(dim=0)
    shares = []
    for factor in factors.T:
        values, places = factor.unique(return_inverse=True)
        sums = centred.new_zeros(len(values), codes.shape[1]).index_add_(0, places, centred)
        between = (sums.square() / places.bincount()[:, None]).sum(dim=0)
        shares.append(torch.where(total > 0, between / total.clamp(min=1e-300), 0.0))
    return torch.stack(shares, dim=1)


def _factor_sentence(codes: Tensor, factors: Tensor, names: Sequence[str]) -> str:
    """Which of these units follow one factor of the images alone; a user's factors have numbers
    where they have no names.
    """
    shares = explained_shares(codes, factors)
    alone = []
    for row, of_unit in enumerate(shares, start=1):
        best = int(of_unit.argmax())
        others = torch.cat([of_unit[:best], of_unit[best + 1 :]])
        if of_unit[best] >= LEADS and bool((others <= TRAILS).all()):
            name = names[best] if best < len(names) else f"factor {best}"
            alone.append(f"{name} (row {row})")
    if not alone:
        return "None of these units follows one factor alone."
    listed = ", ".join(alone)
    rest = len(shares) - len(alone)
    others_text = f"; {counted(rest, 'unit')} more follow several factors, or none" if rest else ""
    return f"One factor alone: {listed}{others_text}."


@picture(
    "interpolations",
    "Interpolations between two test images",
    caption="The first and the last image of a row are test images, and those between are decoded "
    "from codes on a path from the code of the one to that of the other. Of two rows with the same "
    "ends, the path of the upper one is straight, that of the lower one an arc around the origin.",
    alt="Images decoded on paths between the codes of two test images,",
    requires=("codes", "decoder", "reference"),
    unavailable=not_still_images,
)
def draw_interpolations(e: Evidence) -> bytes:
    """Test images of different classes, and the paths between their codes."""
    codes, images = first_codes(e), e["reference_images"]
    pairs = _pairs(e["reference_labels"][: len(codes)])
    starts, ends = (torch.tensor(indices) for indices in zip(*pairs, strict=True))
    between = _paths(e, codes[starts], codes[ends])
    rows = [
        torch.cat([images[i : i + 1], path, images[j : j + 1]])
        for paths, (i, j) in zip(between, pairs, strict=True)
        for path in paths
    ]
    return grid_png(torch.cat(rows), PLACES + 2)


@picture(
    "latent-interpolations",
    "Interpolations between two samples",
    caption="The first and the last image of a row are samples, and those between are made from "
    "codes on a path from the one to the other. Of two rows with the same ends, the path of the "
    "upper one is straight, that of the lower one an arc around the origin, on which codes of a "
    "Gaussian prior lie.",
    alt="Images made on paths between two codes of the prior,",
    requires=("latents",),
    unavailable=_codes_images,
)
def draw_latent_interpolations(e: Evidence) -> bytes:
    """Samples, and the paths between their codes."""
    draws = generator(e.seed, "interpolations", device=e.device)
    with torch.inference_mode():
        starts, ends = (e.model.latents(PAIRS, draws).cpu() for _ in range(2))
    return grid_png(_paths(e, starts, ends).flatten(0, 2), PLACES)


def _pairs(labels: Tensor) -> list[tuple[int, int]]:
    """The first pairs of images of different classes, each image once; of the same class where
    there is no other.
    """
    free = list(range(len(labels)))
    pairs: list[tuple[int, int]] = []
    while len(free) > 1 and len(pairs) < PAIRS:
        first = free.pop(0)
        others = (place for place, i in enumerate(free) if labels[i] != labels[first])
        pairs.append((first, free.pop(next(others, 0))))
    return pairs


def _paths(e: Evidence, starts: Tensor, ends: Tensor) -> Tensor:
    """The images on the straight and on the spherical path between codes n×d: n×2×PLACES×C×S×S, as
    the dataset stores them.
    """
    places = torch.linspace(0, 1, PLACES).view(-1, 1, 1)
    straight = torch.lerp(starts, ends, places)
    arcs = spherical_path(starts.expand_as(straight), ends.expand_as(straight), places)
    has_arc = torch.cosine_similarity(starts, ends).abs() < PARALLEL
    arcs = torch.where(has_arc[:, None], arcs, straight)
    codes = torch.stack([straight, arcs], dim=1).permute(2, 1, 0, 3)
    images = decoded_images(e, codes.flatten(0, 2))
    return images.view(*codes.shape[:3], *images.shape[1:])
