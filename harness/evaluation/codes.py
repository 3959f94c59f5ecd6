"""Codes of images, and what is known of those images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from harness.core.seeding import generator
from harness.data.transforms import RandomCorruption
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.requirements import Candidate, Requirement, lacks, of_model, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import (
    Decodes,
    Encodes,
    Latents,
    Posterior,
    Quantises,
    is_conditional,
)
from harness.families.vq import VQ

PATHS = 1000
"""Paths through latent space; each gives one distance."""
DECODED = 256
"""Codes that are decoded at once."""
NUDGE = 0.1
"""How far a number of a code is moved either way, in its standard deviations."""
STEP = 1e-4
"""The length of a step on a path from 0 to 1, as in Karras et al. 2019."""


@of_model
def _no_latents(candidate: Candidate) -> str | None:
    if is_conditional(candidate.family):
        return f"{candidate.model} makes images from a class as well as a code"
    return lacks(Latents, "makes no images from codes of a prior")(candidate)


@of_model
def _no_factors(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    if dataset.train.factors is None or dataset.test.factors is None:
        return f"{dataset.name} has no factors of variation"
    return None


def _no_damage(candidate: Candidate) -> str | None:
    if isinstance(candidate.dataset.train.transform, RandomCorruption):
        return None
    name = candidate.dataset.name
    return (
        f"{name} has no damaged copies of its images; name such, as in mnist[denoise=gaussian-0.2]"
    )


require(Requirement("codes", lacks(Encodes, "does not encode images")))
require(Requirement("decoder", lacks(Decodes, "does not decode codes")))
require(Requirement("posterior", lacks(Posterior, "has no posterior over codes")))
require(Requirement("latents", _no_latents))
require(Requirement("factors", _no_factors))
require(Requirement("damage", _no_damage))
provided("train_outliers", "train")
provided("train_factors", "factors")
provided("test_factors", "factors")
provided("class_names", "labels")


@evidence(requires=("train",))
def inlier_images(e: Evidence) -> Tensor:
    """The training images that are no outliers, which `train_labels` and `train_factors` describe
    row by row.
    """
    images: Tensor = e["train_images"]
    outliers = e.at_hand("train_outliers")
    return images if outliers is None else images[~outliers]


@evidence(requires=("codes", "train"))
def train_codes(e: Evidence) -> Tensor:
    """The codes of the training images that are no outliers, n×d, as `train_labels` are of them."""
    return map_batches(e, e["inlier_images"], e.model.encode)


@evidence(requires=("codes", "train", "decoder"))
def decoder_directions(e: Evidence) -> Tensor:
    """In which directions the decoder moves an image, d×D: a row for each number of a code, the
    difference of the images, with D values in [-1, 1], that are decoded where it is `NUDGE`
    standard deviations above and below the mean of the training codes.
    """
    codes = e["train_codes"].double()
    moves = torch.diag(NUDGE * codes.std(dim=0)).float().to(e.device)
    mean = codes.mean(dim=0).float().to(e.device)
    with torch.inference_mode():
        above, below = (e.model.decode(mean + way * moves).flatten(1).cpu() for way in (1, -1))
    directions: Tensor = above - below
    return directions


@evidence(requires=("codes", "reference"))
def test_codes(e: Evidence) -> Tensor:
    """The codes of the test images (of the classes seen in training), n×d."""
    return map_batches(e, e["reference_images"], e.model.encode)


@evidence(requires=("codes", "reference", "damage"))
def damaged_codes(e: Evidence) -> Tensor:
    """The codes of the test images' damaged copies, n×d, in the order of `test_codes`."""
    return map_batches(e, e["test_sources"], e.model.encode)


@evidence(requires=("codes", "latents", "reference"))
def drawn_codes(e: Evidence) -> Tensor:
    """A code of each test image, n×d: a draw from its posterior where the model has one."""
    if isinstance(e.model, Posterior):
        means, deviations = e["posterior_means"], (e["posterior_logvars"] / 2).exp()
        noise = torch.randn(means.shape, generator=generator(e.seed, "codes"))
        codes: Tensor = means + deviations * noise
    else:
        codes = e["test_codes"]
    return codes


@evidence(requires=("latents", "reference"))
def prior_codes(e: Evidence) -> Tensor:
    """As many draws from the prior of codes as there are test images, n×d."""
    draws = generator(e.seed, "prior", device=e.device)
    with torch.inference_mode():
        codes: Tensor = e.model.latents(len(e["reference_images"]), draws).cpu()
    return codes


@evidence(requires=("codes", "reference", "labels"))
def test_labels(e: Evidence) -> Tensor:
    """The classes of the test images, n."""
    labels: Tensor = e["reference_labels"]
    return labels


@evidence(requires=("posterior", "reference"))
def posterior_means(e: Evidence) -> Tensor:
    """The means of the test images' codes, n×d."""
    return map_batches(e, e["reference_images"], lambda x: e.model.posterior(x)[0])


@evidence(requires=("posterior", "reference"))
def posterior_logvars(e: Evidence) -> Tensor:
    """The log-variances of the test images' codes, n×d."""
    return map_batches(e, e["reference_images"], lambda x: e.model.posterior(x)[1])


@evidence(requires=("reference",), unavailable=lacks(Quantises, "has no codebook of symbols"))
def code_symbols(e: Evidence) -> Tensor:
    """The numbers of the codebook's entries that each test image becomes, int64 n×H×W."""
    return map_batches(e, e["reference_images"], e.model.symbols)


def codebook_size(model: object) -> int | None:
    """The number of entries of a model's codebook; None where it does not say it by an attribute
    `codebook_size`, and is no `VQ`.
    """
    if isinstance(model, VQ):
        return model.settings.entries
    return getattr(model, "codebook_size", None)


@of_model
def _no_codebook_size(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, Quantises) and not codebook_size(candidate.family):
        return f"{candidate.model} does not say the size of its codebook"
    return None


@evidence(requires=("code_symbols",), unavailable=_no_codebook_size)
def codebook_entries(e: Evidence) -> int:
    """The number of entries of the codebook."""
    return codebook_size(e.unchecked_model) or 0


@evidence(requires=("latents",), role="perceptual")
def path_distances(e: Evidence) -> Tensor:
    """How fast images change on a path between two codes, divided by the step's square, n.

    A path from z₀ to z₁ is their spherical interpolation, since codes are Gaussian.
    """
    draws = generator(e.seed, "paths", device=e.device)
    with torch.inference_mode():
        start, end = e.model.latents(PATHS, draws), e.model.latents(PATHS, draws)
        place = torch.rand(PATHS, 1, generator=draws, device=e.device) * (1 - STEP)
        # Not rounded to bytes: a step this small would be lost.
        images = [
            (e.model.decode(spherical_path(start, end, t)).clamp(-1, 1).cpu() + 1) * 127.5
            for t in (place, place + STEP)
        ]
    return e.perceptual().distance(*images) / STEP**2


def decoded_images(e: Evidence, codes: Tensor) -> Tensor:
    """The images of codes N×d, as the dataset stores its own."""
    with torch.inference_mode():
        batches = (part.to(e.device) for part in torch.split(codes, DECODED))
        return torch.cat([e.stored(e.model.decode(part)) for part in batches])


def spherical_path(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The point at a share `t` of the arc from a to b, N×d, whose directions differ: spherical
    interpolation (Shoemake 1985).
    """
    cosine = (normalize(a, dim=-1) * normalize(b, dim=-1)).sum(dim=-1, keepdim=True)
    angle = cosine.clamp(-1, 1).acos()
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
