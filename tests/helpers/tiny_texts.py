"""CLIP and T5 networks that take no time, and have read nothing, in the layout of the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = ("a", "red", "square", "blue")


def save_tiny_clip_texts(folder: Path) -> None:
    """Every word is one piece but `square`, which is two."""
    import transformers  # noqa: PLC0415 - optional

    letters = sorted({letter for word in WORDS for letter in word})
    pieces = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{x}</w>" for x in letters)]
    merges = ["r e", "re d</w>", "b l", "bl u", "blu e</w>", "s q", "u a", "ua r", "uar e</w>"]
    pieces += [merge.replace(" ", "") for merge in merges]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    tokenizer.save_pretrained(folder)
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    tower["num_attention_heads"] = 2
    text = {**tower, "vocab_size": len(pieces), "max_position_embeddings": 8}
    text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    vision = {**tower, "image_size": 24, "patch_size": 8}
    _save(
        transformers.CLIPModel,
        transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=5),
        folder,
    )


def save_tiny_t5(folder: Path) -> None:
    """Every word is one piece but `blue`, which is two."""
    import transformers  # noqa: PLC0415 - optional

    pieces = [(piece, 0.0) for piece in ("<pad>", "</s>", "<unk>")]
    pieces += [("▁", -3.0), ("▁a", -1.0), ("▁red", -1.5), ("▁square", -2.0), ("blue", -2.5)]
    transformers.T5Tokenizer(vocab=pieces, extra_ids=0).save_pretrained(folder)
    sizes: dict[str, Any] = {"d_model": 12, "d_kv": 4, "d_ff": 16, "num_layers": 2, "num_heads": 3}
    _save(
        transformers.T5ForConditionalGeneration,
        transformers.T5Config(vocab_size=len(pieces), **sizes),
        folder,
    )


def _save(network: Any, config: Any, folder: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network(config).save_pretrained(folder)
