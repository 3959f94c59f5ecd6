"""Frozen text encoders, through transformers: CLIP's (Radford et al. 2021, arXiv:2103.00020) and
T5's (Raffel et al. 2020, arXiv:1910.10683).

Only safetensors are read, of a file whose SHA-256 is known, and no code of a repository is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.data.tokenizer import NOTHING, START, Tokenizer
from harness.networks import hub
from harness.networks.feature_network import FeatureNetwork
from harness.networks.weight_files import LocalWeights

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
"""What a folder must have beside the weights."""
WEIGHTS = "model.safetensors"
LONGEST = 512
"""Pieces of a text that are read, where the network has no limit of its own."""


@dataclass(frozen=True)
class TextNetworkKind:
    """transformers' names for a kind of network, and the setting that says how wide it is."""

    network: str
    tokenizer: str
    width: str


KINDS: Mapping[str, TextNetworkKind] = {
    "clip": TextNetworkKind("CLIPTextModel", "CLIPTokenizer", "hidden_size"),
    "t5": TextNetworkKind("T5EncoderModel", "T5Tokenizer", "d_model"),
}


class PretrainedTextSettings(Settings):
    """`kind` of network and its `repository` of the Hugging Face hub, or folder below
    HARNESS_WEIGHTS. `sha256` of its model.safetensors, where the harness has no pin of it.
    """

    kind: Literal["clip", "t5"] = "clip"
    repository: Annotated[str, Field(pattern=f"^(?:{hub.REPOSITORY.pattern})$")] = (
        "openai/clip-vit-large-patch14"
    )
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        pin = hub.PINS.get(self.repository)
        if self.sha256 is None and (pin is None or pin.file != WEIGHTS):
            raise ValueError(
                f"text_encoder.sha256 is missing: that of {WEIGHTS} of {self.repository}, 64"
                " hexadecimal digits (sha256sum prints it)"
            )
        return self

    @property
    def pin(self) -> hub.Pin:
        """The file of weights that must be there."""
        if self.sha256 is None:
            return hub.PINS[self.repository]
        return hub.Pin(None, WEIGHTS, self.sha256)


class PretrainedTextEncoder(nn.Module):
    """Ids of words (`data.tokenizer`) to vectors of a frozen network, which has its own pieces."""

    def __init__(self, network: Any, pieces: Any, kind: str) -> None:
        super().__init__()
        self.network, self._pieces = network, pieces
        self._starts = [pieces.bos_token_id] if kind == "clip" else []
        limit = getattr(network.config, "max_position_embeddings", LONGEST)
        self._longest = min(LONGEST, int(limit))

    def table(self, words: Tokenizer) -> Tensor:
        """The pieces of each id of `words`, int64 V×m, -1 where there are no more."""
        rows: dict[int, list[int]] = {NOTHING: [], START: self._starts}
        for number, word in enumerate(words.vocabulary, 2):
            rows[number] = self._pieces(word, add_special_tokens=False)["input_ids"]
        width = max(map(len, rows.values()))
        table = torch.full((len(rows), width), -1, dtype=torch.int64)
        for number, pieces in rows.items():
            table[number, : len(pieces)] = torch.tensor(pieces, dtype=torch.int64)
        return table.to(next(self.network.parameters()).device)

    def inputs(self, ids: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        """Ids of words int64 N×L → ids of pieces int64 N×L', and which of them count, bool N×L':
        the pieces of the words in their order, and an end. A text that is longer than the network
        takes loses its last pieces, but not the end.
        """
        pieces = table[ids].flatten(1)
        order = (pieces < 0).to(torch.uint8).argsort(dim=1, stable=True)
        length = min(pieces.shape[1] + 1, self._longest)
        pieces = F.pad(pieces.gather(1, order)[:, : length - 1], (0, 1), value=-1)
        count = (pieces >= 0).sum(dim=1, keepdim=True)
        places = torch.arange(length, device=ids.device)
        pieces = torch.where(pieces < 0, self._pieces.pad_token_id, pieces)
        pieces = torch.where(places == count, self._pieces.eos_token_id, pieces)
        return pieces, places <= count

    @torch.no_grad()
    def forward(self, ids: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        """Ids of words int64 N×L → vectors of their pieces N×L'×width, and which of them count,
        bool N×L'.
        """
        pieces, mask = self.inputs(ids, table)
        states = self.network(input_ids=pieces, attention_mask=mask.long())
        return states.last_hidden_state, mask

    def read(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """As `forward`, from texts with any words."""
        words = Tokenizer.of(texts)
        table = self.table(words)
        vectors, mask = self(words.encode(texts).to(table.device), table)
        return vectors, mask


class PretrainedText(FeatureNetwork):
    """The network that settings name: where its weights are, and how wide its vectors are."""

    def __init__(self, settings: PretrainedTextSettings) -> None:
        super().__init__(f"{settings.kind}:{settings.repository}", settings.pin.sha256[:8])
        self.settings = settings

    def check(self, channels: int, size: int) -> None:
        """Takes no images."""

    def weights(self) -> LocalWeights:
        """The file of weights, which must be the pinned one."""
        repository, pin = self.settings.repository, self.settings.pin
        return hub.locate_repository(self.name, repository, FILES, pin)

    def width(self) -> int:
        """The length of a vector. Raises BadInput where the folder has no such network."""
        path, key = self.weights().path.with_name("config.json"), KINDS[self.settings.kind].width
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            return int(config.get("text_config", config)[key])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{self.name}: {path} does not say its {key}") from error

    def read(self, path: Path) -> PretrainedTextEncoder:
        """The network with the weights at `path`, and its tokenizer. Raises BadInput where the
        folder lacks them.
        """
        kind, weights = KINDS[self.settings.kind], LocalWeights(path, self.settings.pin.sha256)
        network = hub.load_network(self.name, weights, kind.network, self.settings.kind)
        pieces = hub.load_preprocessor(self.name, weights, kind.tokenizer)
        return PretrainedTextEncoder(network, pieces, self.settings.kind)
