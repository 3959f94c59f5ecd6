"""`image-reward` and `image-reward:NAME`: BLIP with a reward on top, trained on people's rankings.

Xu et al. 2023, "ImageReward", arXiv:2304.05977. NAME is a repository of the Hugging Face hub, or a
folder below `HARNESS_WEIGHTS`, with files as the authors published them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.core.errors import BadInput, one_line
from harness.extractors.base import CaptionScorer
from harness.extractors.hub_files import locate_settings, locate_weights_file
from harness.extractors.images import check_rgb, in_batches, to_rgb
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights, load_tensors

DEFAULT = "zai-org/ImageReward"
FILES = ("ImageReward.safetensors", "ImageReward.pt")
"""The published weights, and the same tensors under the same names without pickle."""
TOKENIZER = "google-bert/bert-base-uncased"
TOKENIZER_FILES = ("tokenizer_config.json", "vocab.txt")

MEAN, STD = 0.16717362830052426, 1.0333394966054072
"""Of the rewards of the authors' validation set; a score is its distance from the mean in standard
deviations."""
TOKENS = 35
"""Tokens that a caption is cut at and filled up to."""
HEAD_WIDTH = 64
"""Of an attention head of the vision transformers that BLIP has."""
BATCH = 32

_VISION = (
    ("cls_token", "embeddings.class_embedding"),
    ("pos_embed", "embeddings.position_embedding"),
    ("patch_embed.proj", "embeddings.patch_embedding"),
    ("blocks.", "encoder.layers."),
    ("attn.qkv", "self_attn.qkv"),
    ("attn.proj", "self_attn.projection"),
    ("norm1", "layer_norm1"),
    ("norm2", "layer_norm2"),
)
"""Parts of the names of tensors: as BLIP's authors have them, and as transformers has."""


class ImageReward(CaptionScorer):
    """The reward of an image with its caption: the caption is read with attention to the image, and
    a linear head makes a number of the result.
    """

    def __init__(self, name: str, device: str) -> None:
        repository = hub.repository_name(name, DEFAULT)
        weights = _preflight(name)
        folder = locate_settings(name, TOKENIZER, TOKENIZER_FILES)
        package = hub.transformers(name)
        self.name, self.digest = f"image-reward:{repository}", weights.digest
        beside = LocalWeights(folder / TOKENIZER_FILES[0], weights.sha256)
        self._tokenizer = hub.load_preprocessor(name, beside, "BertTokenizer")
        self._network = _read(name, package, weights.path).to(device)
        side = self._network.vision.config.image_size
        self._processor = package.CLIPImageProcessor(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )
        self.preprocessing = f"rgb-clip-processor-{side}"
        self._device = device

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def score(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """The standardised reward of each pair: N float32. A caption is cut at 35 tokens."""
        self.check_pairs(images, captions)
        parts = [slice(start, start + BATCH) for start in range(0, len(captions), BATCH)]
        return torch.cat([self._score(images[part], list(captions[part])) for part in parts])

    def _score(self, images: Tensor, captions: list[str]) -> Tensor:
        tokens = self._tokenizer(
            captions,
            padding="max_length",
            truncation=True,
            max_length=TOKENS,
            return_tensors="pt",
        ).to(self._device)
        pixels = in_batches(self._prepared, BATCH, "cpu", images)
        with torch.no_grad():
            rewards: Tensor = self._network(pixels.to(self._device), tokens)
        return ((rewards - MEAN) / STD).cpu()

    def _prepared(self, images: Tensor) -> Tensor:
        pixels: Tensor = self._processor(images=list(to_rgb(images)), return_tensors="pt")[
            "pixel_values"
        ]
        return pixels


class _RewardNet(nn.Module):
    """BLIP's two encoders and the head: linear layers without anything between them."""

    def __init__(self, vision: Any, text: Any, head: nn.Sequential) -> None:
        super().__init__()
        self.vision, self.text, self.head = vision, text, head

    def forward(self, pixels: Tensor, tokens: Any) -> Tensor:
        """Rewards N of pixels N×3×S×S and tokens N×T, before they are standardised."""
        patches = self.vision(pixel_values=pixels).last_hidden_state
        states = self.text(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            encoder_hidden_states=patches,
            encoder_attention_mask=torch.ones(patches.shape[:2], device=patches.device),
        ).last_hidden_state
        rewards: Tensor = self.head(states[:, 0])[:, 0]
        return rewards


def _read(name: str, package: Any, path: Path) -> _RewardNet:
    """The network that a file holds; its shape is that of the tensors. Raises BadInput where they
    do not belong to such a network.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else load_tensors(path)
        vision = {_vision_name(key): x for key, x in _part(state, "blip.visual_encoder.").items()}
        text, head = _part(state, "blip.text_encoder."), _part(state, "mlp.layers.")
        with hub.quiet(package):
            network = _RewardNet(
                package.BlipVisionModel(_vision_config(package, vision)),
                package.BlipTextModel(_text_config(package, text, vision), add_pooling_layer=False),
                _head(head),
            )
        for part, tensors in ((network.vision, vision), (network.text, text), (network.head, head)):
            part.load_state_dict({key: x.float() for key, x in tensors.items()}, strict=True)
    except KeyError as error:
        raise BadInput(f"{name} cannot be loaded from {path}: it lacks {error}") from error
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BadInput(f"{name} cannot be loaded from {path}: {one_line(error)[:200]}") from error
    return network.requires_grad_(False).eval()


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below a prefix, without buffers of numbers that count positions."""
    names = (n for n in state if n.startswith(prefix) and not n.endswith("position_ids"))
    return {name.removeprefix(prefix): state[name] for name in names}


def _vision_name(name: str) -> str:
    if name.startswith("norm."):
        return name.replace("norm.", "post_layernorm.", 1)
    for published, ours in _VISION:
        name = name.replace(published, ours)
    return name


def _layers(state: Mapping[str, Tensor], last: str) -> int:
    return sum(name.endswith(last) for name in state)


def _vision_config(package: Any, state: Mapping[str, Tensor]) -> Any:
    """BLIP's vision transformer, as its authors set it."""
    patches = state["embeddings.patch_embedding.weight"]
    side = round((state["embeddings.position_embedding"].shape[1] - 1) ** 0.5)
    return package.BlipVisionConfig(
        hidden_size=patches.shape[0],
        intermediate_size=state["encoder.layers.0.mlp.fc1.weight"].shape[0],
        num_hidden_layers=_layers(state, "mlp.fc1.weight"),
        num_attention_heads=patches.shape[0] // HEAD_WIDTH,
        image_size=side * patches.shape[2],
        patch_size=patches.shape[2],
        layer_norm_eps=1e-6,
        attn_implementation="eager",
    )


def _text_config(package: Any, text: Mapping[str, Tensor], vision: Mapping[str, Tensor]) -> Any:
    words = text["embeddings.word_embeddings.weight"]
    return package.BlipTextConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        encoder_hidden_size=vision["embeddings.patch_embedding.weight"].shape[0],
        intermediate_size=text["encoder.layer.0.intermediate.dense.weight"].shape[0],
        num_hidden_layers=_layers(text, "intermediate.dense.weight"),
        num_attention_heads=words.shape[1] // HEAD_WIDTH,
        max_position_embeddings=text["embeddings.position_embeddings.weight"].shape[0],
        layer_norm_eps=1e-12,
        bos_token_id=None,
        eos_token_id=None,
        sep_token_id=None,
        pad_token_id=0,
    )


def _head(state: Mapping[str, Tensor]) -> nn.Sequential:
    """The linear layers, in the places where the published head has them between dropouts."""
    weights = {int(k.partition(".")[0]): x for k, x in state.items() if k.endswith("weight")}
    if not weights:
        raise KeyError("mlp.layers")
    places = range(max(weights) + 1)
    layers = (
        nn.Linear(weights[i].shape[1], weights[i].shape[0]) if i in weights else nn.Identity()
        for i in places
    )
    return nn.Sequential(*layers)


def _preflight(name: str) -> LocalWeights:
    locate_settings(name, TOKENIZER, TOKENIZER_FILES)
    return locate_weights_file(name, hub.repository_name(name, DEFAULT), FILES)


SOURCE: ExtractorSource[CaptionScorer] = ExtractorSource(_preflight, ImageReward, check_rgb)
