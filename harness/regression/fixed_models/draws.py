"""Images of a model and of the reference that it is checked against, from the same noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.families.pretrained.generator import ImageGenerator
from harness.scoring.drawn_samples import DrawPlan, draw_batches, labels_to_draw
from harness.training.numerics import Numerics

OpenModel = Callable[[], ImageGenerator]


@dataclass(frozen=True)
class ModelDraws:
    """Images uint8 N×C×H×W of the model that is checked and of its reference, from the same noise,
    and of the reference run again. `draw_others` draws the reference's images from other seeds.
    """

    candidate: Tensor
    reference: Tensor
    rerun: Tensor
    draw_others: Callable[[], Tensor]

    @cached_property
    def others(self) -> Tensor:
        """The reference's images of other seeds, under the same conditions."""
        return self.draw_others()


def shared_plan(
    models: Sequence[ImageGenerator],
    count: int,
    seed: int,
    classes: int,
    prompts: Sequence[str] | None,
) -> DrawPlan:
    """What both models are asked for. Raises BadInput where they take different conditions, or the
    classes or prompts that they need are missing or too few.
    """
    first, second = models
    if first.condition != second.condition:
        raise BadInput(
            f"{first.name} takes {_condition(first)} and {second.name} {_condition(second)}; both "
            "must be asked for the same images"
        )
    labels = captions = None
    if first.condition == "captions":
        if prompts is None:
            raise BadInput(f"{first.name} takes captions; give --prompts FILE, such as prompts.txt")
        if len(prompts) < count:
            raise BadInput(
                f"--prompts: {len(prompts):,} prompts, and {count:,} images are to be drawn; give "
                "one for each, or fewer images with -n"
            )
        captions = prompts[:count]
    elif prompts is not None:
        raise BadInput(f"--prompts: {first.name} takes no captions")
    if first.condition == "labels":
        if classes < 1:
            raise BadInput(f"{first.name} takes class labels; say how many there are: --classes N")
        labels = labels_to_draw(None, classes, count, seed)
    elif classes:
        raise BadInput(f"--classes: {first.name} takes no class labels")
    return DrawPlan(count, seed, labels, captions)


def draw_models(
    candidate: OpenModel, reference: OpenModel, plan: DrawPlan, numerics: Numerics
) -> ModelDraws:
    """Draws the images of both models, and the reference's again. Raises BadInput where a model
    fails, or their images differ in shape.
    """
    images = draw_seeded(reference(), plan, numerics)
    rerun = draw_again(reference(), plan, numerics)
    shape = (images.shape[1], images.shape[2], images.shape[3])
    made = draw_seeded(candidate(), replace(plan, shape=shape), numerics)
    return ModelDraws(
        made, images, rerun, lambda: draw_seeded(reference(), plan, numerics, "others")
    )


def draw_seeded(
    model: ImageGenerator, plan: DrawPlan, numerics: Numerics, stream: str = "check"
) -> Tensor:
    """Images uint8 N×C×H×W. Each call of the model has a generator of its own, named after
    `stream`. So the calls of two models begin with the same latents even where the models use
    different amounts of noise.
    """
    return _draw_on(numerics.apply(), model, plan, stream)


def draw_again(model: ImageGenerator, plan: DrawPlan, numerics: Numerics) -> Tensor:
    """The same images as another run may compute them: with another number of threads, which
    changes the rounding of sums, and on a GPU without deterministic kernels.
    """
    device = replace(numerics, threads=1 if numerics.threads > 1 else 2).apply()
    try:
        if device.type == "cuda":
            torch.use_deterministic_algorithms(False)
            torch.backends.cudnn.benchmark = True
        return _draw_on(device, model, plan, "check")
    finally:
        numerics.apply()


def _draw_on(device: torch.device, model: ImageGenerator, plan: DrawPlan, stream: str) -> Tensor:
    def draws(start: int) -> torch.Generator:
        return generator(plan.seed, stream, start, device=device)

    return draw_batches(model, plan, device, model.settings.images_at_once, draws)


def _condition(model: ImageGenerator) -> str:
    return "no condition" if model.condition == "none" else model.condition
