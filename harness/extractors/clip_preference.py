"""`pick-score` and `hps-v2`: CLIP networks that were trained on which images people prefer.

PickScore: Kirstain et al. 2023, arXiv:2305.01569. Human Preference Score v2: Wu et al. 2023,
arXiv:2306.09341. Both are CLIP ViT-H/14 at 224 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from harness.core.errors import BadInput, one_line, suggest
from harness.extractors.base import CaptionScorer
from harness.extractors.clip import TEXT_FILES, ClipFiles, ClipTowers, read_clip
from harness.extractors.hub_files import locate_settings, locate_weights_file
from harness.extractors.images import check_rgb
from harness.extractors.open_clip_weights import from_open_clip
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights, load_tensors

PICK_SCORE_DEFAULT = "yuvalkirstain/PickScore_v1"
HPS_REPOSITORY = "xswu/HPSv2"
HPS_FILES = {"v2": "HPS_v2_compressed.pt", "v2.1": "HPS_v2.1_compressed.pt"}
BACKBONE = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
"""The network that both were trained from; of it HPS v2 needs processor, tokenizer and shape."""


class _ClipScorer(ClipTowers, CaptionScorer):
    def _cosines(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        self.check_pairs(images, captions)
        return (self.embed_images(images) * self.embed_texts(captions)).sum(dim=1)


class PickScore(_ClipScorer):
    """The logit of an image and its caption: the cosine times the network's own scale."""

    def __init__(self, name: str, device: str) -> None:
        super().__init__(read_clip(name, PICK_SCORE_DEFAULT), device)

    def score(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """e^s · cos of each pair, s being a weight of the network: N float32."""
        scale: Tensor = self._network.logit_scale.exp().cpu()
        return scale * self._cosines(images, captions)


class HpsV2(_ClipScorer):
    """The cosine of an image and its caption. `hps-v2` is the version of the paper, `hps-v2:v2.1`
    the one that its authors trained later.
    """

    def __init__(self, name: str, device: str) -> None:
        super().__init__(_read_hps(name), device)

    def score(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """The cosine of each pair: N float32."""
        return self._cosines(images, captions)


def _hps_version(name: str) -> str:
    version = name.partition(":")[2] or "v2"
    if version not in HPS_FILES:
        raise BadInput(f"{name}: unknown version {version!r}{suggest(version, HPS_FILES)}")
    return version


def _locate_hps(name: str) -> LocalWeights:
    locate_settings(name, BACKBONE, TEXT_FILES)
    return locate_weights_file(name, HPS_REPOSITORY, [HPS_FILES[_hps_version(name)]])


def _read_hps(name: str) -> ClipFiles:
    folder = locate_settings(name, BACKBONE, TEXT_FILES)
    weights = _locate_hps(name)
    state = load_tensors(weights.path)  # without running what a pickle may hold
    package = hub.transformers(name)
    try:
        config = package.CLIPConfig.from_pretrained(folder, local_files_only=True)
        network = package.CLIPModel(config)
        nested: Any = state.get("state_dict", state)
        named = from_open_clip(nested)
        network.load_state_dict({k: x.float() for k, x in named.items()}, strict=True)
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise BadInput(
            f"{name} cannot be loaded from {weights.path}: {one_line(error)[:200]}"
        ) from error
    network = network.requires_grad_(False).eval()
    return ClipFiles(name, f"hps-v2:{_hps_version(name)}", weights, network, folder / "config.json")


def _preflight_pick_score(name: str) -> LocalWeights:
    return hub.locate_repository(name, hub.repository_name(name, PICK_SCORE_DEFAULT), TEXT_FILES)


PICK_SCORE: ExtractorSource[CaptionScorer] = ExtractorSource(
    _preflight_pick_score, PickScore, check_rgb
)
HPS_V2: ExtractorSource[CaptionScorer] = ExtractorSource(_locate_hps, HpsV2, check_rgb)
