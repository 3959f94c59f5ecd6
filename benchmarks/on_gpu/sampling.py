"""DDIM by plain steps, by replayed ones, and by diffusers' pipeline where that is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from harness.families.base import Family
from on_gpu.bench import Bench, Row


class Unwrapped(nn.Module):
    """ε(x, t) of a `UNet2DModel`, without the record that it comes in."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x N×C×S×S, t N → ε N×C×S×S."""
        epsilon: Tensor = self.network(x, t, return_dict=False)[0]
        return epsilon


def rows(bench: Bench) -> list[Row]:
    """Images a second, all with one network."""
    ways: dict[str, Callable[[], Tensor]] = {}
    steps = bench.sampling_steps
    # They space fewer steps than timesteps differently, so there are no others.
    family: Any = bench.family("diffusion/ddpm", timesteps=steps, sampling={"steps": steps})
    name = "the recipe's U-Net"
    if find_spec("diffusers"):
        name = "diffusers' UNet2DModel"
        network = _unet2d(bench)
        family.networks["denoiser"] = Unwrapped(network)
        ways["diffusers' DDIMPipeline"] = _pipeline(bench, network)
    family.networks.to(bench.device).eval()
    ways |= {"plain steps": _ours(bench, family, "off"), "graph": _ours(bench, family, "graph")}
    seconds = {way: bench.each(sample) for way, sample in ways.items()}
    images = {way: sample() for way, sample in ways.items()}
    plain = images["plain steps"]
    return [
        {
            "network": name,
            "way": way,
            "images a second": bench.images / seconds[way],
            "times as fast as plain steps": seconds["plain steps"] / seconds[way],
            "differs by (mean)": float((images[way] - plain).abs().mean()),
        }
        for way in ways
    ]


def _ours(bench: Bench, family: Family, accelerate: Any) -> Callable[[], Tensor]:
    model: Any = family

    def sample() -> Tensor:
        family.accelerate = accelerate
        draws = torch.Generator(bench.device).manual_seed(0)
        images: Tensor = model.sample(bench.images, draws)
        return images

    return sample


def _unet2d(bench: Bench) -> Any:
    from diffusers import UNet2DModel  # noqa: PLC0415 - need not be installed

    return UNet2DModel(
        sample_size=bench.dataset.size, in_channels=bench.dataset.channels,
        out_channels=bench.dataset.channels, layers_per_block=1, block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def _pipeline(bench: Bench, network: Any) -> Callable[[], Tensor]:
    from diffusers import DDIMPipeline, DDIMScheduler  # noqa: PLC0415 - need not be installed

    steps = bench.sampling_steps
    scale = 1000 / steps
    scheduler = DDIMScheduler(
        num_train_timesteps=steps, beta_start=1e-4 * scale, beta_end=0.02 * scale
    )
    pipeline = DDIMPipeline(network, scheduler)
    pipeline.set_progress_bar_config(disable=True)

    def sample() -> Tensor:
        draws = torch.Generator(bench.device).manual_seed(0)
        made = pipeline(
            bench.images, draws, num_inference_steps=steps, use_clipped_model_output=True,
            output_type="pt",
        )  # fmt: skip
        return made.images * 2 - 1

    return sample
