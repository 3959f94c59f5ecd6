"""Text-to-image with CLIP's and T5's frozen encoders, of tiny networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tiny_texts import save_tiny_clip_texts, save_tiny_t5

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.data.batch import Batch
from harness.data.tokenizer import Tokenizer
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.pretrained_text import PretrainedTextDiffusion
from harness.networks.pretrained_text import PretrainedText, PretrainedTextSettings
from harness.training.family_files import frozen_digests

transformers = pytest.importorskip("transformers")

TEXTS = ["a red square", "a blue square", "square", "red a a blue"]
WORDS = Tokenizer.of(TEXTS)
SHAPE = ImageShape(1, 16, texts=True, tokenizer=WORDS)
SAVE: dict[str, Callable[[Path], None]] = {"clip": save_tiny_clip_texts, "t5": save_tiny_t5}
BOTH = pytest.mark.parametrize("kind", SAVE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HARNESS_WEIGHTS with both networks, and no network to fetch others from."""
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))

    def unreachable(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    for kind, save in SAVE.items():
        save(tmp_path / f"tiny-{kind}")
    return tmp_path


def encoder_settings(folder: Path, kind: str) -> dict[str, Any]:
    weights = folder / f"tiny-{kind}" / "model.safetensors"
    return {"kind": kind, "repository": f"tiny-{kind}", "sha256": file_sha256(weights)}


def model(folder: Path, kind: str, **settings: Any) -> PretrainedTextDiffusion:
    torch.manual_seed(0)
    options = {
        "width": 1, "unet": {"multipliers": [1, 2], "blocks": 1, "attention": [8]},
        "text_encoder": encoder_settings(folder, kind), **settings,
    }  # fmt: skip
    family = build_family("pretrained-text-diffusion", options, SHAPE)
    assert isinstance(family, PretrainedTextDiffusion)
    for parameter in family.networks["denoiser"].parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    family.networks.eval()
    family.to("cpu")
    return family


@BOTH
def test_vectors_are_those_of_transformers(folder: Path, kind: str):
    """Of whole texts, as the network's own tokenizer cuts them into pieces."""
    encoder = model(folder, kind).encoder
    vectors, mask = encoder(WORDS.encode(TEXTS), encoder.table(WORDS))
    path = folder / f"tiny-{kind}"
    reader = {"clip": transformers.CLIPTokenizer, "t5": transformers.T5Tokenizer}[kind]
    network = {"clip": transformers.CLIPTextModel, "t5": transformers.T5EncoderModel}[kind]
    theirs, pieces = network.from_pretrained(path).eval(), reader.from_pretrained(path)
    for text, row, counts in zip(TEXTS, vectors, mask, strict=True):
        tokens = pieces([text], return_tensors="pt")
        with torch.no_grad():
            expected = theirs(**tokens).last_hidden_state[0]
        torch.testing.assert_close(row[counts], expected, rtol=1e-5, atol=1e-5)
    again, same = encoder.read(TEXTS)
    for row, counts, other, count in zip(vectors, mask, again, same, strict=True):
        torch.testing.assert_close(other[count], row[counts], rtol=1e-5, atol=1e-5)


def test_a_text_that_is_too_long_is_cut_before_its_end(folder: Path):
    encoder = model(folder, "clip").encoder  # eight positions
    words = Tokenizer.of(["a red " * 6])
    pieces, mask = encoder.inputs(words.encode(["a red " * 6, "a"]), encoder.table(words))
    assert pieces.shape == (2, 8)
    assert pieces[:, 0].tolist() == [0, 0]
    assert pieces[0, -1] == pieces[1, 2] == 1, "each ends"
    assert mask.sum(dim=1).tolist() == [8, 3]


@BOTH
def test_images_depend_on_the_text_and_its_order(folder: Path, kind: str):
    family = model(folder, kind, sampling={"steps": 2, "clip": False})
    images = [
        family.sample_texts([text], torch.Generator().manual_seed(0))
        for text in ("a red square", "A red square!", "square red a", "a red circle")
    ]
    assert torch.equal(images[0], images[1])
    assert not torch.allclose(images[0], images[2])
    assert images[3].isfinite().all(), "words that no training text has are read too"


@BOTH
def test_only_the_denoiser_trains_and_some_texts_are_left_out(folder: Path, kind: str):
    family = model(folder, kind, condition_dropout=0.5)
    tokens = WORDS.encode(TEXTS * 4)
    batch = Batch(torch.zeros(16, 1, 16, 16), torch.zeros(16).long(), tokens=tokens)
    noise = dict(family.noise(16, torch.Generator().manual_seed(0)))
    family.loss(family.networks, batch, noise)["loss"].backward()
    assert all(p.grad is not None for p in family.networks["denoiser"].parameters())
    assert not any(p.requires_grad for p in family.encoder.parameters())
    vectors, _ = family._condition(batch, noise)
    dropped = vectors[noise["drop"]]
    assert noise["drop"].any()
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    assert "encoder" not in {name.split(".")[1] for name, _ in family.networks.named_parameters()}


def test_guidance_of_one_is_the_conditional_model_and_of_others_is_not(folder: Path):
    plain = model(folder, "t5", condition_dropout=0.1, sampling={"steps": 2})
    guided = model(folder, "t5", condition_dropout=0.1, sampling={"steps": 2, "guidance": 3.0})
    made = [m.sample_texts(TEXTS, torch.Generator().manual_seed(0)) for m in (plain, guided)]
    assert not torch.allclose(*made)
    nothing = [m.sample_texts([""], torch.Generator().manual_seed(0)) for m in (plain, guided)]
    torch.testing.assert_close(*nothing)  # there is nothing to be guided towards


@BOTH
def test_the_weights_are_part_of_the_key(folder: Path, kind: str):
    family = model(folder, kind)
    digest = encoder_settings(folder, kind)["sha256"]
    assert frozen_digests(family) == {f"{kind}:tiny-{kind}": digest[:16]}


def test_weights_that_are_not_there_or_others_say_so_before_training(folder: Path):
    settings = encoder_settings(folder, "t5")
    other = PretrainedText(PretrainedTextSettings(**settings | {"sha256": "0" * 64}))
    with pytest.raises(BadInput, match="is not the published file"):
        other.width()
    (folder / "tiny-t5" / "model.safetensors").rename(folder / "tiny-t5" / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"lacks model\.safetensors .*into \$HARNESS_WEIGHTS/tiny"):
        build_family("pretrained-text-diffusion", {"unet": {}, "text_encoder": settings}, SHAPE)
    with pytest.raises(BadInput, match=r"no route to host.*/clip-vit-large-patch14/tree/32bd"):
        build_family("pretrained-text-diffusion", {"unet": {}}, SHAPE)


def test_a_folder_of_another_kind_is_refused(folder: Path):
    settings = encoder_settings(folder, "t5") | {"kind": "clip"}
    with pytest.raises(BadInput, match="does not say its hidden_size"):
        PretrainedText(PretrainedTextSettings(**settings)).width()
    network = PretrainedText(PretrainedTextSettings(**encoder_settings(folder, "clip")))
    (folder / "tiny-clip" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BadInput, match="describes a network of type bert, not clip"):
        network.load("cpu")


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({"text_encoder": {"kind": "t5", "repository": "google-t5/t5-small"}}, "sha256 is missing"),
        ({"text_encoder": {"repository": "openai/clip-vit-base-patch32"}}, "sha256 is missing"),
        ({"text_encoder": {"repository": "../elsewhere"}}, "repository"),
        ({"text_encoder": {"sha256": "abc"}}, "sha256"),
        ({"text_encoder": {"width": 64}}, "width"),
        ({"texts": False}, "goes with texts: true and unet"),
        ({"unet": None}, "goes with texts: true and unet"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], right: str):
    with pytest.raises(ValidationError, match=right):
        build_family("pretrained-text-diffusion", {"unet": {}, **settings}, SHAPE)


def test_images_without_texts_are_refused():
    with pytest.raises(BadInput, match="its images have no texts"):
        build_family("pretrained-text-diffusion", {"unet": {}}, replace(SHAPE, tokenizer=None))
