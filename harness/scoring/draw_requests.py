"""What is asked of a model, and from that and its reference the plan of its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.captions import list_captions
from harness.data.imageset import ImageSet
from harness.families.pretrained.generator import ImageGenerator
from harness.scoring.drawn_samples import DrawPlan, labels_to_draw


@dataclass(frozen=True)
class DrawRequest:
    """How many samples, 0 for as many as there are reference images or captions; the seed, None for
    the model's own; as many of each of `classes`, 0 for the classes of the reference; the captions
    or their file; and whether samples may have any size.
    """

    count: int = 0
    seed: int | None = None
    classes: int = 0
    captions: Path | Sequence[str] | None = None
    any_size: bool = False

    def plan(self, model: ImageGenerator, reference: ImageSet | None) -> DrawPlan:
        """How samples are drawn of a model. Raises BadInput where the request and the reference do
        not say the number, the classes or the captions that it needs.
        """
        seed = model.seed if self.seed is None else self.seed
        captions = self._captions(model, reference)
        count = self.count or (len(captions) if captions else len(reference) if reference else 0)
        if not count:
            raise BadInput(f"{model.name}: say how many samples are drawn, such as -n 10000")
        if captions is not None and len(captions) < count:
            place = self.captions if isinstance(self.captions, Path) else model.name
            raise BadInput(
                f"{place}: {len(captions):,} captions, and {count:,} samples are to be drawn; give "
                "one for each, or fewer samples with -n"
            )
        labels = None
        if model.condition == "labels":
            pool = reference.labels if reference else None
            labels = labels_to_draw(pool, self.classes, count, seed)
        shape = None if reference is None or self.any_size else reference.shape[1:]
        return DrawPlan(count, seed, labels, captions and captions[:count], shape)

    def _captions(self, model: ImageGenerator, reference: ImageSet | None) -> list[str] | None:
        """The captions that the model gets, as they were given or else the reference's; None where
        it takes none.
        """
        if model.condition != "captions":
            return None
        if isinstance(self.captions, Path):
            return list_captions(self.captions)
        if self.captions is not None:
            return list(self.captions)
        texts = reference.dataset.normal_test.texts if reference and reference.dataset else None
        if texts is None:
            raise BadInput(
                f"{model.name} takes captions; give --captions FILE, such as prompts.txt"
            )
        return list(texts)
