"""How anomalous a model finds each test image, and each of its pixels.

Metrics may name how that is scored, as `auroc@ssim` and `aupro@ssim` do: such a score is evidence
in place of `anomaly_scores`, `validation_scores` and, where it tells pixels apart, `anomaly_maps`.
Scores measure a model and train nothing: all are rows of one cell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.reconstructions import BATCH, map_batches
from harness.evaluation.requirements import Candidate, Need, Requirement, lacks, of_model, require
from harness.evaluation.specs import EvidenceSpec, Role, evidence, provided, register_evidence
from harness.families.capabilities import Reconstructs, ScoreMaps, Scores, fills_in
from harness.metrics.error_maps import (
    gradient_error_map,
    multiscale_gradient_error_map,
    similarity_error_map,
    squared_error_map,
)
from harness.objectives.codes import gaussian_kl

ErrorMap = Callable[[Tensor, Tensor], Tensor]
"""Images and what a model made of them, N×C×S×S of values from 0 to 255 → N×S×S."""


@of_model
def _cannot_score(candidate: Candidate) -> str | None:
    name = candidate.dataset.name
    if not candidate.dataset.detects:
        return f"{name} has no unseen class; name one, as in {name}[unseen=8]"
    if isinstance(candidate.family, Scores | Reconstructs):
        return None
    return f"{candidate.model} neither scores nor reconstructs images"


@of_model
def _no_maps(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, ScoreMaps | Reconstructs):
        return None
    return f"{candidate.model} neither scores pixels nor reconstructs images"


@of_model
def _no_masks(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    return f"{dataset.name} has no masks of defects" if dataset.test.masks is None else None


@of_model
def _fills_nothing_in(candidate: Candidate) -> str | None:
    if fills_in(candidate.family):
        return None
    return f"{candidate.model} has not learnt to fill in what is hidden"


def _no_validation(candidate: Candidate) -> str | None:
    dataset = candidate.dataset
    if dataset.validation is not None:
        return None
    return (
        f"{dataset.name} keeps no training images out to set a threshold on; its option"
        " validation=0.1 does"
    )


require(
    Requirement("scores", _cannot_score, lambda c: len(c.dataset.test), part="judged", split="test")
)
require(Requirement("maps", _no_maps))
require(Requirement("masks", _no_masks))
require(Requirement("validation", _no_validation))
require(Requirement("rebuilt", lacks(Reconstructs, "does not reconstruct images")))
require(Requirement("filled_in", _fills_nothing_in))
provided("test_images", "scores")
provided("validation_images", "validation")
provided("anomaly_labels", "scores")
provided("anomaly_masks", "scores", "masks")


@evidence(requires=("scores",))
def anomaly_scores(e: Evidence) -> Tensor:
    """A score for each test image, higher for the more anomalous: the model's own, or the mean
    squared error of its reconstruction.
    """
    return _image_scores(e, "test_images")


@evidence(requires=("scores", "validation"))
def validation_scores(e: Evidence) -> Tensor:
    """The same score for each validation image: normal ones that training left out."""
    return _image_scores(e, "validation_images")


def _image_scores(e: Evidence, images: str) -> Tensor:
    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=(1, 2, 3))

    return map_batches(e, e[images], e.model.score if isinstance(e.model, Scores) else error)


@evidence(requires=("scores", "maps", "masks"))
def anomaly_maps(e: Evidence) -> Tensor:
    """A score for each pixel of each test image, N×S×S: the model's own, or the squared error of
    its reconstruction, averaged over channels.
    """
    return pixel_scores(e, e["test_images"])


def pixel_scores(e: Evidence, images: Tensor) -> Tensor:
    """The same score for each pixel of any images, as the dataset stores them: N×S×S."""

    def error(x: Tensor) -> Tensor:
        return _squared_error(e, x).mean(dim=1)

    has_maps = isinstance(e.model, ScoreMaps)
    return map_batches(e, images, e.model.score_map if has_maps else error)


def _squared_error(e: Evidence, x: Tensor) -> Tensor:
    difference: Tensor = e.model.reconstruct(x) - x
    return difference.square()


# -- scores that metrics name -----------------------------------------------------------------


@evidence(requires=("scores", "rebuilt"))
def rebuilt_test_images(e: Evidence) -> Tensor:
    """The model's reconstructions of all test images, N×C×S×S in [-1, 1], not rounded."""
    return map_batches(e, e["test_images"], e.model.reconstruct)


@evidence(requires=("validation", "rebuilt"))
def rebuilt_validation_images(e: Evidence) -> Tensor:
    """The model's reconstructions of the validation images, N×C×S×S in [-1, 1], not rounded."""
    return map_batches(e, e["validation_images"], e.model.reconstruct)


@evidence(requires=("scores", "filled_in"))
def filled_in_test_images(e: Evidence) -> Tensor:
    """The test images as the model fills them in where they are hidden from it, N×C×S×S."""
    return _filled_in(e, "test_images")


@evidence(requires=("validation", "filled_in"))
def filled_in_validation_images(e: Evidence) -> Tensor:
    """The validation images as the model fills them in where they are hidden from it, N×C×S×S."""
    return _filled_in(e, "validation_images")


def _filled_in(e: Evidence, images: str) -> Tensor:
    draws = generator(e.seed, "hidden", images, device=e.device)
    return map_batches(e, e[images], lambda x: e.model.fill_in(x, draws))


def _declare_map(name: str, error: ErrorMap | None, made: str = "rebuilt") -> None:
    """Declares `error`, between images and what the model `made` of them, as a score of pixels, and
    its mean over the pixels of an image as a score of images. None stands for the distance by the
    perceptual network.
    """
    role: Role | None = None if error else "perceptual"
    needs: frozenset[Need] = frozenset({"scores", made, "pixels"})

    def maps(part: str, e: Evidence) -> Tensor:
        error_map = error or e.perceptual().distance_map
        pairs = zip(
            torch.split(e[f"{part}_images"], BATCH),
            torch.split(e[f"{made}_{part}_images"], BATCH),
            strict=True,
        )
        return torch.cat([error_map(*map(_as_bytes, pair)) for pair in pairs])

    def test_scores(e: Evidence) -> Tensor:
        scores: Tensor = e[f"anomaly_maps@{name}"].mean(dim=(1, 2))
        return scores

    def validation_scores(e: Evidence) -> Tensor:
        return maps("validation", e).mean(dim=(1, 2))

    _declare("anomaly_maps", name, needs, partial(maps, "test"), role)
    _declare("anomaly_scores", name, needs, test_scores, role)
    _declare("validation_scores", name, needs | {"validation"}, validation_scores, role)


def _declare(
    kind: str,
    name: str,
    needs: frozenset[Need],
    compute: Callable[[Evidence], Tensor],
    role: Role | None = None,
) -> None:
    register_evidence(f"{kind}@{name}", EvidenceSpec(needs, compute, role))


def _as_bytes(images: Tensor) -> Tensor:
    """Images as the dataset stores them, or in [-1, 1], on the scale from 0 to 255, float32."""
    floats = images if images.is_floating_point() else to_float(images)
    return (floats + 1) * 127.5


def _divergence(images: str, e: Evidence) -> Tensor:
    """How far an image's posterior is from the prior: their KL divergence in nats, N."""
    return map_batches(e, e[images], lambda x: gaussian_kl(*e.model.posterior(x)))


_declare_map("squared-error", squared_error_map)
_declare_map("ssim", similarity_error_map)
_declare_map("gradient", gradient_error_map)
_declare_map("multiscale-gradient", multiscale_gradient_error_map)
_declare_map("features", None)
_declare_map("filled-in", squared_error_map, made="filled_in")
_declare(
    "anomaly_scores", "latent", frozenset({"scores", "posterior"}),
    partial(_divergence, "test_images"),
)  # fmt: skip
_declare(
    "validation_scores", "latent", frozenset({"scores", "posterior", "validation"}),
    partial(_divergence, "validation_images"),
)  # fmt: skip
