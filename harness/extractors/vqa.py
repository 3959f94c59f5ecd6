"""`vqa` and `vqa:NAME`: a network that answers questions about images, asked whether one shows its
caption.

Lin et al. 2024, "VQAScore", arXiv:2404.01291. NAME is a repository of the Hugging Face hub, or a
folder below `HARNESS_WEIGHTS` in the same layout, with an InstructBLIP, BLIP-2 or LLaVA network.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.extractors.base import CaptionScorer
from harness.extractors.hub_files import TRANSFORMERS_WEIGHTS, locate_weights_file
from harness.extractors.images import check_rgb, to_rgb
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights

DEFAULT = "Salesforce/instructblip-flan-t5-xl"
QUESTION = "Does this figure show '{caption}'? Please answer yes or no."
ANSWER = "Yes"
FILES = ("config.json", "tokenizer_config.json")
"""What must be beside the weights; images are prepared as one of two further files says, of which
earlier releases of transformers wrote the one and later ones the other."""
BATCH = 8


@dataclass(frozen=True)
class _Kind:
    """transformers' names for a network and its processor, and the prompt that it learned from."""

    network: str
    processor: str
    prompt: str


KINDS = {
    "instructblip": _Kind(
        "InstructBlipForConditionalGeneration", "InstructBlipProcessor", "{question}"
    ),
    "blip-2": _Kind(
        "Blip2ForConditionalGeneration", "Blip2Processor", "Question: {question} Answer:"
    ),
    "llava": _Kind(
        "LlavaForConditionalGeneration", "LlavaProcessor", "USER: <image>\n{question} ASSISTANT:"
    ),
}
"""By the `model_type` of a repository's configuration."""


class QuestionAnswering(CaptionScorer):
    """The probability that the first word of the answer is "Yes"."""

    def __init__(self, name: str, device: str) -> None:
        repository = hub.repository_name(name, DEFAULT)
        weights = _preflight(name)
        model_type = _model_type(name, weights)
        self._kind = KINDS[model_type]
        self.name, self.digest = f"vqa:{repository}", weights.digest
        self._processor = hub.load_preprocessor(name, weights, self._kind.processor)
        self._answer = _answer_token(name, self._processor.tokenizer)
        # It reads all files of a folder; the name only says in which format.
        format_ = replace(weights, path=weights.path.parent / TRANSFORMERS_WEIGHTS[0])
        network = hub.load_network(name, format_, self._kind.network, model_type)
        text = network.config.text_config
        self._start = text.decoder_start_token_id if text.is_encoder_decoder else None
        if self._start is None:  # the next word is at the end of every prompt
            self._processor.tokenizer.padding_side = "left"
        self._network = network.to(device)
        self.preprocessing = f"rgb-{model_type}-processor"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def score(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """P("Yes" | image, question) of each pair: N float32 in [0, 1]."""
        self.check_pairs(images, captions)
        parts = [slice(start, start + BATCH) for start in range(0, len(captions), BATCH)]
        return torch.cat([self._probabilities(images[p], captions[p]) for p in parts])

    def _probabilities(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        prompts = [
            self._kind.prompt.format(question=QUESTION.format(caption=text)) for text in captions
        ]
        inputs = self._processor(
            images=list(to_rgb(images).cpu()), text=prompts, padding=True, return_tensors="pt"
        ).to(self._network.device)
        with torch.no_grad():
            if self._start is None:
                logits = self._network(**inputs).logits[:, -1]
            else:
                starts = torch.full((len(prompts), 1), self._start, device=self._network.device)
                logits = self._network(**inputs, decoder_input_ids=starts).logits[:, 0]
        shares: Tensor = logits.float().softmax(dim=1)[:, self._answer]
        return shares.cpu()


def _model_type(name: str, weights: LocalWeights) -> str:
    """The kind of network in the folder. Raises BadInput where it answers no questions."""
    path = weights.path.parent / "config.json"
    try:
        model_type = json.loads(path.read_text()).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(f"{name} cannot be loaded from {path}: it is no JSON object") from error
    if model_type not in KINDS:
        raise BadInput(
            f"{name} cannot be loaded from {path.parent}: its config.json describes a network of "
            f"type {model_type}, not {' or '.join(KINDS)}"
        )
    return str(model_type)


def _answer_token(name: str, tokenizer: Any) -> int:
    tokens = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]
    if len(tokens) != 1 or tokens[0] == tokenizer.unk_token_id:
        raise BadInput(f"{name}: its tokenizer has no token for the answer {ANSWER!r}")
    return int(tokens[0])


def _preflight(name: str) -> LocalWeights:
    return locate_weights_file(
        name, hub.repository_name(name, DEFAULT), TRANSFORMERS_WEIGHTS, FILES
    )


SOURCE: ExtractorSource[CaptionScorer] = ExtractorSource(_preflight, QuestionAnswering, check_rgb)
