"""Weights of CLIP networks as open_clip names them, under transformers' names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

_PLACES = {
    "logit_scale": "logit_scale",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
}
_NORMS = {
    "ln_final": "text_model.final_layer_norm",
    "visual.ln_pre": "vision_model.pre_layrnorm",
    "visual.ln_post": "vision_model.post_layernorm",
}
_PROJECTIONS = {"text_projection": "text_projection", "visual.proj": "visual_projection"}
"""Matrices that open_clip has on the other side of the features."""

_BLOCK = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+)")
_IN_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def from_open_clip(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of transformers' `CLIPModel` in that of open_clip's `CLIP`. Tensors that are
    not weights of such a network, as its attention mask, are left out.
    """
    return dict(pair for name, tensor in state.items() for pair in _renamed(name, tensor))


def _renamed(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    start, _, kind = name.rpartition(".")
    if name in _PLACES:
        yield _PLACES[name], tensor
    elif name in _PROJECTIONS:
        yield f"{_PROJECTIONS[name]}.weight", tensor.T.contiguous()
    elif start in _NORMS:
        yield f"{_NORMS[start]}.{kind}", tensor
    elif block := _BLOCK.fullmatch(name):
        tower = "vision_model" if block[1] else "text_model"
        yield from _of_block(f"{tower}.encoder.layers.{block[2]}", block[3], tensor)


def _of_block(layer: str, name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    start, _, kind = name.rpartition(".")
    if name.startswith("attn.in_proj_"):  # queries, keys and values in one matrix
        kind = name.removeprefix("attn.in_proj_")
        for part, rows in zip("qkv", torch.chunk(tensor, 3), strict=True):
            yield f"{layer}.self_attn.{part}_proj.{kind}", rows.clone()
    elif start in _IN_BLOCK:
        yield f"{layer}.{_IN_BLOCK[start]}.{kind}", tensor
