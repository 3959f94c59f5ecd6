"""Diffusion models that are shown a few of the training images, to see whether they copy them
(Somepalli et al. 2023, arXiv:2212.03860).
"""

from __future__ import annotations

from pydantic import Field

from harness.data.base import Split
from harness.data.training_set import FEWEST_TRAINING, TrainingSet
from harness.families.diffusion import Diffusion, DiffusionSettings


class FewImagesSettings(DiffusionSettings):
    """A diffusion model's, trained on `train_images` of the training images."""

    train_images: int = Field(default=100, ge=FEWEST_TRAINING)


class FewImages(Diffusion):
    """A diffusion model of few images, beside models of the same data that are shown all."""

    Settings = FewImagesSettings
    settings: FewImagesSettings

    def choose_images(self, train: Split) -> Split:
        """Returns the images that the option `train=N` of datasets keeps. Raises BadInput where
        there are fewer.
        """
        return TrainingSet(self.settings.train_images).apply("few-images-diffusion", train)
