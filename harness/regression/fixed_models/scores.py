"""The values of every image in a check of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.seeding import generator
from harness.regression.fixed_models.draws import ModelDraws
from harness.regression.fixed_models.measures import (
    PairNetworks,
    are_blank,
    clip_scores,
    compare_pairs,
)


@dataclass(frozen=True)
class ModelScores:
    """The measures of a check's images (`MEASURES`), N float64 each, computed when they are asked
    for: `captions` are the texts that the images should show, if there are any.
    """

    draws: ModelDraws
    networks: PairNetworks
    captions: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.draws.candidate)

    @property
    def are_equal(self) -> bool:
        """Whether both models gave the same bytes."""
        return torch.equal(self.draws.candidate, self.draws.reference)

    @property
    def has_clip_scores(self) -> bool:
        """Whether images are compared with their captions."""
        return self.captions is not None and self.networks.text is not None

    @cached_property
    def pairs(self) -> Mapping[str, Tensor]:
        """The measures of the model's images against the reference's."""
        values = self._compare(self.draws.candidate, self._candidate_features)
        if self.has_clip_scores:
            values["clip_score"] = self.reference_clip_scores - self.candidate_clip_scores
        return values

    @cached_property
    def reruns(self) -> Mapping[str, Tensor]:
        """The measures of the reference's images against its second run's."""
        return self._compare(self.draws.rerun, self._rerun_features)

    @cached_property
    def seeds(self) -> Mapping[str, Tensor]:
        """The measures of the reference's images against its images by other seeds."""
        return self._compare(self.draws.others, self._other_features)

    @cached_property
    def candidate_clip_scores(self) -> Tensor:
        """The CLIP scores of the model's images."""
        return self._clip_scores(self.draws.candidate)

    @cached_property
    def reference_clip_scores(self) -> Tensor:
        """The CLIP scores of the reference's images."""
        return self._clip_scores(self.draws.reference)

    @cached_property
    def new_blanks(self) -> Tensor:
        """Which of the model's images are of one colour all over, where none of the reference's
        are: N bool.
        """
        blank = are_blank(self.draws.candidate)
        if bool(are_blank(torch.cat([self.draws.reference, self.draws.rerun])).any()):
            return torch.zeros_like(blank)
        return blank

    def sets(self, with_rerun: bool) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """The features N×d of the model's images, and those of the reference's draws: both seeds,
        and the second run where that is a draw of its own.
        """
        others = [self._reference_features, self._other_features]
        others += [self._rerun_features] if with_rerun else []
        return self._candidate_features.numpy(), [each.numpy() for each in others]

    def noise_features(self) -> NDArray[np.float64]:
        """The features N×d of images of uniform noise."""
        shape, draws = self.draws.reference.shape, generator(0, "foreign")
        noise = torch.randint(256, shape, generator=draws, dtype=torch.uint8)
        return self._features(noise).numpy()

    def _compare(self, images: Tensor, features: Tensor) -> dict[str, Tensor]:
        both = self._reference_features, features
        return compare_pairs(self.draws.reference, images, both, self.networks)

    @cached_property
    def _reference_features(self) -> Tensor:
        return self._features(self.draws.reference)

    @cached_property
    def _candidate_features(self) -> Tensor:
        return self._features(self.draws.candidate)

    @cached_property
    def _rerun_features(self) -> Tensor:
        return self._features(self.draws.rerun)

    @cached_property
    def _other_features(self) -> Tensor:
        return self._features(self.draws.others)

    def _features(self, images: Tensor) -> Tensor:
        return self.networks.extractor.extract(images).pooled.double()

    def _clip_scores(self, images: Tensor) -> Tensor:
        assert self.captions is not None
        assert self.networks.text is not None
        return clip_scores(images, self.captions, self.networks.text)
