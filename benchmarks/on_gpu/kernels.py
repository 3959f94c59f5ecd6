"""The metrics of `metrics.py`, and a pass of a feature network, on the device and on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.extractors import load_extractor
from harness.metrics import frechet_distance, kernel_distances, prdc
from harness.metrics.kernel import Subsets
from on_gpu.bench import Bench, Row


def rows(bench: Bench) -> list[Row]:
    """Seconds on each, and how far apart the results are."""
    n, d = bench.features
    samples, reference = _features(n, d, 0), _features(n, d, 1)
    subsets = Subsets(size=min(1000, n // 2))
    calls: dict[str, Callable[[Tensor, Tensor], float]] = {
        "Fréchet distance": lambda a, b: float(frechet_distance(a, b)),
        "kernel distance": lambda a, b: float(kernel_distances(a, b, subsets).mean()),
        "precision, recall, density, coverage": lambda a, b: float(prdc(a, b).density),
    }
    device = [samples.to(bench.device), reference.to(bench.device)]
    found = []
    for name, call in calls.items():
        here, there = call(samples, reference), call(*device)
        found.append(
            {
                "what": f"{name}, {n}×{d}",
                "s on the CPU": bench.each(lambda call=call: call(samples, reference)),  # type: ignore[misc]
                "s on the device": bench.each(lambda call=call: call(*device)),  # type: ignore[misc]
                "relative difference": abs(there - here) / abs(here),
            }
        )
    return [*found, _features_of_images(bench)]


def _features_of_images(bench: Bench) -> Row:
    images = bench.dataset.test.images[: bench.features[0]]
    passes = {
        device: load_extractor(bench.dataset.card.extractor, device)
        for device in ("cpu", str(bench.device))
    }
    here, there = (network.extract(images).pooled.double().cpu() for network in _pair(passes))
    on_cpu, on_device = (
        bench.each(lambda network=network: network.extract(images))  # type: ignore[misc]
        for network in _pair(passes)
    )
    return {
        "what": f"{bench.dataset.card.extractor}, {len(images)} images",
        "s on the CPU": on_cpu,
        "s on the device": on_device,
        "relative difference": float((there - here).norm() / here.norm()),
    }


def _pair(passes: dict[str, object]) -> tuple[object, object]:
    """The CPU's and the device's, which may be one and the same."""
    return next(iter(passes.values())), next(reversed(passes.values()))


def _features(n: int, d: int, seed: int) -> Tensor:
    """Not negative and correlated, as a network's."""
    draws = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=torch.Generator().manual_seed(99)) / d**0.5
    return (3 * torch.randn(n, d, generator=draws) @ mix + 0.05 * seed).relu()
