"""A pretrained model as an entrant: not trained, and measured as any other model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import open_generator
from harness.families.untrained import Untrained


class Pretrained(Untrained):
    """Draws images from a model that somebody trained elsewhere."""

    Settings = PretrainedSettings
    settings: PretrainedSettings
    generator: ImageGenerator
    _is_loaded = False

    def build(self) -> nn.ModuleDict:
        """No network: the model is opened, and its weights are read with the first samples.

        Raises BadInput where it cannot be opened, or takes classes or texts that the data lack.
        """
        if not self.shape.pixels or self.shape.is_video:
            raise BadInput("a pretrained model makes images of 8-bit pixels, no numbers or videos")
        with torch.device("cpu"):  # a plan builds on the meta device
            self.generator = open_generator(self.settings)
        if self.conditional and self.shape.classes < 2:
            raise BadInput(f"{self.generator.name} takes class labels, and the images have none")
        if self.takes_texts and not self.shape.texts:
            raise BadInput(f"{self.generator.name} takes captions, and the images have none")
        return nn.ModuleDict()

    @property
    def conditional(self) -> bool:
        """Whether the model takes class labels."""
        return self.generator.condition == "labels"

    @property
    def takes_texts(self) -> bool:
        """Whether the model takes captions."""
        return self.generator.condition == "captions"

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1]."""
        return self._drawn(n, generator)

    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        return self._drawn(len(labels), generator, labels)

    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts."""
        return self._drawn(len(texts), generator, None, texts)

    def _drawn(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        captions: Sequence[str] | None = None,
    ) -> Tensor:
        if not self._is_loaded:
            self.generator.load(self.device)
            self._is_loaded = True
        return self.generator.draw(count, generator, labels, captions).to(self.device)
