"""Our DDIM sampling against diffusers' `DDIMPipeline`: the same images, no slower?

    python benchmarks/sampling.py [--quick] [--repeats 5] [--only TEXT] [--data-root DIR]

Both draw from one `UNet2DModel` (`own/unet2d.yaml`) in as many steps, in turns in this process, on
one thread, timed by its processor time, after they are found to give the same images from the same
noise. They space fewer steps than there are timesteps differently, so here there are no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch
from side_by_side import FASTER, Goal, How, Result, in_turns, one_thread, processor_seconds, run
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.config.recipe import load_recipe
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Samples
from harness.training.init import initialise

HERE = Path(__file__).parent
STEPS = 25
"""And timesteps."""


def against_pipeline(images: int, how: How) -> Result:
    """So many images of MNIST's size at a time."""
    from diffusers import DDIMPipeline, DDIMScheduler  # noqa: PLC0415 - need not be installed

    recipe = load_recipe("own/unet2d.yaml", HERE)
    settings = recipe.settings | {"timesteps": STEPS, "sampling": {"steps": STEPS}}
    if how.quick:
        settings |= {"blocks": [32, 32], "layers": 1}
    shape = ImageShape(channels=1, size=28)
    family = initialise(partial(build_family, recipe.family, settings, shape), seed=0)
    family.networks.eval()
    with torch.no_grad():  # untrained, it would magnify rounding from step to step
        family.networks["denoiser"].network.conv_out.weight.mul_(0.01)
    scheduler = DDIMScheduler(
        num_train_timesteps=STEPS, beta_start=1e-4 * 1000 / STEPS, beta_end=0.02 * 1000 / STEPS
    )
    pipeline = DDIMPipeline(family.networks["denoiser"].network, scheduler)
    pipeline.set_progress_bar_config(disable=True)

    def ours(seed: int) -> Tensor:
        with torch.inference_mode():
            return family.sample(images, torch.Generator().manual_seed(seed))

    def theirs(seed: int) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        found = pipeline(
            images,
            draws,
            num_inference_steps=STEPS,
            use_clipped_model_output=True,
            output_type="pt",
        )
        return found.images * 2 - 1

    one_thread()
    # With nearly no signal left the image that ε implies is ±1 by the last bits.
    apart = float((ours(0) - theirs(0)).abs().mean())
    if apart > 1e-3:
        raise AssertionError(f"the images differ by {apart:.1e} on average")

    def seconds(sample: Callable[[int], Tensor]) -> Callable[[int], float]:
        return lambda seed: processor_seconds(partial(sample, seed))

    medians = map(median, in_turns([seconds(ours), seconds(theirs)], how.repeats))
    title = f"diffusers: DDIM, {STEPS} steps, {images} image{'s' * (images > 1)} at a time"
    return Result(title, *medians, Goal(1.0), f"differ by {apart:.0e}")


def attention(how: How) -> Result:
    """Samples of the recipe's U-Net by torch's own choice of attention, against plain products."""
    recipe = load_recipe("diffusion/ddpm")
    settings = recipe.settings | {"sampling": {"steps": 2 if how.quick else STEPS}}
    shape = ImageShape(channels=1, size=8 if how.quick else 28)
    family = initialise(partial(build_family, recipe.family, settings, shape), seed=0)
    family.networks.eval()
    assert isinstance(family, Samples)
    model: Samples = family

    def seconds(backends: Sequence[SDPBackend]) -> Callable[[int], float]:
        def sample(seed: int) -> float:
            draws = torch.Generator().manual_seed(seed)
            with sdpa_kernel(list(backends)):
                return processor_seconds(lambda: model.sample(16, draws))

        return sample

    one_thread()
    chosen = seconds([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])
    medians = map(median, in_turns([chosen, seconds([SDPBackend.MATH])], how.repeats))
    return Result("attention: flash against plain, 16 images", *medians, FASTER)


ROWS: Mapping[str, Callable[[How], Result | list[Result]]] = {
    **{f"ddim of {images}": partial(against_pipeline, images) for images in (16, 1, 4, 64)},
    "attention": attention,
}

if __name__ == "__main__":
    run(__doc__, ROWS)
