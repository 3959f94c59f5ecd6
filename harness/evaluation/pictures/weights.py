"""The weights next to images: an encoder's first layer and a decoder's last one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.sheets import DRAWN_CHANNELS, grid_png
from harness.evaluation.requirements import Candidate, Unavailable
from harness.families.base import Family, ImageShape
from harness.networks.principal_components import PrincipalComponents

FILTERS, COLUMNS = 48, 8
SMALLEST = 2
"""A filter of a single pixel is no picture."""


def encoder_filters(networks: nn.ModuleDict, shape: ImageShape) -> Tensor | None:
    """What the units of the first layer look for, n×C×k×k: the whole image's size where they are
    connected to all of it. None where the first layer is of another kind.
    """
    for name in ("encoder", "down-1", "components"):
        for layer in _layers(networks, name):
            if isinstance(layer, nn.Linear):
                return _as_images(layer.weight, shape)
            if isinstance(layer, nn.Conv2d):
                return _as_kernels(layer.weight, shape)
            if isinstance(layer, PrincipalComponents):
                return _as_images(layer.components, shape)
    return None


def decoder_filters(networks: nn.ModuleDict, shape: ImageShape) -> Tensor | None:
    """What the units before the last layer add to an image, n×C×k×k; None where the last layer is
    of another kind.
    """
    for name in ("decoder", "up-1"):
        for layer in reversed(list(_layers(networks, name))):
            if isinstance(layer, nn.Linear):
                return _as_images(layer.weight.T, shape)
            if isinstance(layer, nn.ConvTranspose2d):
                return _as_kernels(layer.weight, shape)
            if isinstance(layer, nn.Conv2d):
                return _as_kernels(layer.weight.transpose(0, 1), shape)
    return None


def _layers(networks: nn.ModuleDict, name: str) -> Iterator[nn.Module]:
    """The modules of a network that have weights, in the order in which they were made."""
    network = networks[name] if name in networks else nn.Identity()
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | PrincipalComponents):
            yield module


def _as_images(rows: Tensor, shape: ImageShape) -> Tensor | None:
    if rows.shape[1] != shape.channels * shape.size**2:
        return None
    return rows.reshape(-1, shape.channels, shape.size, shape.size)


def _as_kernels(kernels: Tensor, shape: ImageShape) -> Tensor | None:
    of_images = kernels.shape[1] == shape.channels and kernels.shape[-1] >= SMALLEST
    return kernels if of_images else None


def _has_no(filters: Any, words: str) -> Unavailable:
    def reason(candidate: Candidate) -> str | None:
        family = candidate.family
        if reason := not_still_images(candidate):
            return reason
        if not isinstance(family, Family) or candidate.dataset.channels not in DRAWN_CHANNELS:
            return f"there are no {words} that can be shown"
        if filters(family.networks, family.shape) is None:
            return f"{candidate.model} has no {words} of images"
        return None

    return reason


@picture(
    "encoder-weights",
    "Weights of the encoder's first layer",
    caption="What the units of the first layer look for in an image: white where a bright pixel "
    "excites the unit, black where it inhibits, grey where it makes no difference. Each is on a "
    "scale of its own. The units with the largest weights come first; one without a pattern has "
    "learnt nothing.",
    alt="Weights of the encoder's first layer",
    unavailable=_has_no(encoder_filters, "first weights"),
)
def draw_encoder_weights(e: Evidence) -> bytes:
    """The largest filters of the first layer."""
    return _drawn(encoder_filters(e.model.networks, e.model.shape))


@picture(
    "decoder-weights",
    "Weights of the decoder's last layer",
    caption="What the units before the last layer add to an image: white where they make it "
    "brighter, black where darker. Each is on a scale of its own; the units with the largest "
    "weights come first.",
    alt="Weights of the decoder's last layer",
    unavailable=_has_no(decoder_filters, "last weights"),
)
def draw_decoder_weights(e: Evidence) -> bytes:
    """The largest filters of the last layer."""
    return _drawn(decoder_filters(e.model.networks, e.model.shape))


def _drawn(filters: Tensor | None) -> bytes:
    """The filters with the largest norms, each from its largest weight, white, to minus that."""
    assert filters is not None
    filters = filters.detach().float().cpu()
    order = filters.flatten(1).norm(dim=1).argsort(descending=True, stable=True)[:FILTERS]
    shown = filters[order]
    largest = shown.flatten(1).abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    shown = shown / largest.view(-1, 1, 1, 1)
    total = f"{len(shown)} of {len(filters)} units." if len(filters) > len(shown) else ""
    return grid_png(shown, COLUMNS, total)
