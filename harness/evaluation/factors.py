"""Factors of images that a model makes, read off the training image nearest to each."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.evaluation.codes import decoded_images
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Requirement, lacks, require
from harness.evaluation.specs import evidence, provided
from harness.families.capabilities import MixesStyles

READ, MIXED = 4000, 1000
"""The number of codes whose images are read, and of pairs of codes that are mixed."""
ROWS = 256
"""Images that are compared with all training images at once, to bound memory."""
READABLE = ("latents", "factors", "train", "pixels")
"""What reading the factors of a model's images requires."""


require(Requirement("styles", lacks(MixesStyles, "has no layers that take a style each")))
provided("factor_names")


def read_factors(images: Tensor, train: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """The factors, int64 N×F, of the training image nearest to each image, and the root mean square
    distance to it, N, on the scale of their values. `images` N×C×S×S and `train` M×C×S×S are of one
    type, `factors` M×F belong to the latter. Where several are equally near, the first counts.
    """
    references = train.flatten(1).float()
    squares = references.square().sum(dim=1)
    nearest, distances = [], []
    for rows in torch.split(images.flatten(1).float(), ROWS):
        least, index = (squares - 2 * rows @ references.T).min(dim=1)
        nearest.append(factors[index])
        distances.append((least + rows.square().sum(dim=1)).clamp(min=0) / references.shape[1])
    return torch.cat(nearest), torch.cat(distances).sqrt()


@evidence(requires=READABLE)
def latent_codes(e: Evidence) -> Tensor:
    """Codes of the space that the model is sampled in, n×d."""
    codes: Tensor = e.model.latents(READ, generator(e.seed, "factors", device=e.device))
    return codes.cpu()


@evidence(requires=READABLE)
def latent_readings(e: Evidence) -> tuple[Tensor, Tensor]:
    """What `read_factors` reads off the images of `latent_codes`."""
    images = decoded_images(e, e["latent_codes"])
    return read_factors(images, e["inlier_images"], e["train_factors"])


@evidence(requires=READABLE)
def latent_factors(e: Evidence) -> Tensor:
    """The factors of the images of `latent_codes`, int64 n×F."""
    factors: Tensor = e["latent_readings"][0]
    return factors


@evidence(requires=READABLE)
def factor_distances(e: Evidence) -> Tensor:
    """How far each of these images is from the one that its factors are read off, n."""
    distances: Tensor = e["latent_readings"][1]
    return distances


@evidence(requires=(*READABLE, "styles"))
def mixed_factors(e: Evidence) -> Tensor:
    """The factors of the images of two codes, and of the image with the styles of the first in its
    earlier layers and of the second in its later ones: int64 n×3×F.
    """
    draws = generator(e.seed, "mixing", device=e.device)
    first, second = e.model.latents(MIXED, draws), e.model.latents(MIXED, draws)
    with torch.inference_mode():
        pairs = zip(torch.split(first, ROWS), torch.split(second, ROWS), strict=True)
        mixed = torch.cat([e.stored(e.model.mix_styles(*pair)) for pair in pairs])
    sets = (decoded_images(e, first), decoded_images(e, second), mixed)
    train, factors = e["inlier_images"], e["train_factors"]
    return torch.stack([read_factors(images, train, factors)[0] for images in sets], dim=1)
