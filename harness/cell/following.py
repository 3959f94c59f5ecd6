"""Follows a GAN while it trains: samples of fixed codes, and outputs of its discriminator."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.core.files import atomic_write
from harness.core.seeding import generator
from harness.data.base import Dataset
from harness.data.pixels import to_float, to_uint8
from harness.evaluation.pictures.sheets import DRAWN_CHANNELS, grid_png
from harness.evaluation.training_curves import OUTPUTS, SPREAD
from harness.families.base import Family
from harness.training.drift import has_drift
from harness.training.freezing import evaluating
from harness.training.loop import Progress

SHARES = (0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""The shares of training after which samples are kept."""
CODES = 8
"""Fixed codes."""
IMAGES, READINGS = 64, 20
"""Images of each kind that the discriminator sees, and how often in a training."""
FILE, STRIP = "followed.pt", "training/samples.png"
"""The file that keeps both while training lasts, and the artifact with the samples."""


class TrainingFollower:
    """Follows a GAN that makes images from codes alone, each time that training reports; it does
    nothing for other models. It has random generators of its own, and leaves networks as they are.

    Samples and outputs are kept in `folder`, so that a training that is resumed still has them.
    """

    def __init__(self, family: Family, dataset: Dataset, seed: int, folder: Path) -> None:
        self._family: Any = family if has_drift(family) else None
        self._dataset, self._seed, self._file = dataset, seed, folder / FILE
        self._frames: dict[int, Tensor] = {}
        self._shown: dict[int, int] = {}
        self._readings: dict[int, dict[str, float]] = {}
        self._last = 0
        if self._family is not None and self._file.exists():
            saved = torch.load(self._file, weights_only=True)
            self._frames, self._readings = saved["frames"], saved["readings"]
            self._shown = saved.get("shown", {})

    def __call__(self, progress: Progress) -> None:
        """Looks at the model where it is time to."""
        if self._family is None:
            return
        share = progress.step / progress.steps
        moment = sum(share >= each for each in SHARES)
        reading = int(share * READINGS)
        shows = self._has_images and moment > 0 and moment not in self._frames
        reads = reading != self._last
        if not (shows or reads):
            return
        with evaluating(self._family.networks), torch.no_grad():
            if shows:
                self._frames[moment] = self._samples()
                self._shown[moment] = progress.images
            if reads:
                self._readings[progress.images] = self._outputs()
                self._last = reading
        buffer = io.BytesIO()
        state = {"frames": self._frames, "readings": self._readings, "shown": self._shown}
        torch.save(state, buffer)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._file, buffer.getvalue())

    @property
    def strip(self) -> bytes:
        """A PNG file of the samples of the same codes, a row a moment; none without samples."""
        frames = dict(sorted(self._frames.items()))
        if not frames or next(iter(frames.values())).shape[1] not in DRAWN_CHANNELS:
            return b""
        moments = ", ".join(f"{SHARES[moment - 1]:.0%}" for moment in frames)
        caption = f"From the top: after {moments} of training."
        return grid_png(torch.cat(list(frames.values())), CODES, caption)

    @property
    def images(self) -> list[tuple[int, bytes]]:
        """The same samples moment by moment: the images that training had shown, and a PNG file."""
        return [
            (shown, grid_png(self._frames[moment], CODES, f"After {shown:,} images."))
            for moment, shown in sorted(self._shown.items())
            if self._frames[moment].shape[1] in DRAWN_CHANNELS
        ]

    @property
    def points(self) -> list[tuple[int, str, float]]:
        """Points of training curves: images shown, `train/` and a name, value."""
        return [
            (images, f"train/{name}", value)
            for images, values in sorted(self._readings.items())
            for name, value in values.items()
        ]

    @property
    def _has_images(self) -> bool:
        return self._dataset.has_pixels and self._dataset.frames == 1

    def _samples(self) -> Tensor:
        codes = self._family.latents(CODES, self._generator("strip"))
        return to_uint8(self._family.decode(codes)).cpu()

    def _outputs(self) -> dict[str, float]:
        """The discriminator's mean outputs, and how widely the generator's images are spread, as a
        share of the training images.
        """
        device = self._family.device
        real = {
            "training": self._dataset.train_images[:IMAGES],
            "held-out": self._dataset.normal_test.images[:IMAGES],
        }
        sets = {name: to_float(images.to(device)) for name, images in real.items()}
        sets["generated"] = self._family.opponent_samples(IMAGES, self._generator("outputs"))
        outputs = {
            f"{OUTPUTS}{name} images": float(self._family.discriminate(x).float().mean())
            for name, x in sets.items()
        }
        made, real_spread = (_spread(sets[name]) for name in ("generated", "training"))
        return outputs | ({SPREAD: made / real_spread} if real_spread > 0 else {})

    def _generator(self, name: str) -> torch.Generator:
        return generator(self._seed, "followed", name, device=self._family.device)


def _spread(images: Tensor) -> float:
    """The mean standard deviation of a pixel over images."""
    return float(images.float().std(dim=0).mean())
