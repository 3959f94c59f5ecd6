import json

import pytest
import torch

from harness.extractors import load_extractor, load_text_image, preflight
from harness.spec.errors import BadInput

transformers = pytest.importorskip("transformers")


def save_tiny_clip(folder) -> None:
    """A CLIP network with random weights, in the layout of the hub."""
    words = ["<|startoftext|>", "<|endoftext|>", "a", "b", "a</w>", "b</w>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    tokenizer.save_pretrained(folder)
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tower["num_attention_heads"] = 2
    text = {**tower, "vocab_size": 6, "max_position_embeddings": 8}
    text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    vision = {**tower, "image_size": 24, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPModel(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}}
    transformers.CLIPImageProcessor(**size).save_pretrained(folder)


@pytest.fixture
def network(weights_folder):
    save_tiny_clip(weights_folder / "tiny")
    return load_text_image("clip:tiny")


def test_embeddings_are_those_of_transformers(network, weights_folder, random_images):
    folder = weights_folder / "tiny"
    images, texts = random_images(3, 3, 30, 30), ["a b", "b", "a"]
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    tokens = transformers.CLIPTokenizer.from_pretrained(folder)(
        texts, padding=True, return_tensors="pt"
    )
    processor = transformers.CLIPImageProcessor.from_pretrained(folder)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = model(**tokens, pixel_values=pixels)
    assert torch.allclose(network.embed_images(images), expected.image_embeds, atol=1e-6)
    assert torch.allclose(network.embed_texts(texts), expected.text_embeds, atol=1e-6)


def test_unit_vectors_in_one_space(network, random_images):
    images = network.embed_images(random_images(2, 1, 16, 16))
    texts = network.embed_texts(["a", "a b " * 40])
    for vectors in (images, texts):
        assert vectors.shape == (2, 5)
        assert vectors.norm(dim=1).numpy() == pytest.approx([1, 1], abs=1e-6)


def test_label(network):
    assert network.name == "clip:tiny"
    assert len(network.digest) == 8
    assert network.label == f"clip:tiny@{network.digest}"
    assert network.preprocessing == "rgb-clip-processor-24"


def test_the_extractor_is_the_image_side(network, random_images):
    extractor = load_extractor("clip:tiny")
    images = random_images(3, 1, 9, 9)
    found = extractor.extract(images)
    assert found.logits is None
    assert torch.allclose(found.pooled, network.embed_images(images), atol=1e-6)
    assert (extractor.label, extractor.preprocessing) == (network.label, network.preprocessing)


def test_embeddings_do_not_depend_on_the_batch(network, random_images):
    images = random_images(5, 3, 8, 8)
    one_by_one = torch.cat([network.embed_images(image[None]) for image in images])
    assert torch.allclose(network.embed_images(images), one_by_one, atol=1e-6)


def test_the_extractor_needs_no_tokenizer(network, weights_folder):
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        (weights_folder / "tiny" / file).unlink(missing_ok=True)
    load_extractor("clip:tiny")
    with pytest.raises(
        BadInput, match=r"lacks .* or one of config\.json, .*tokenizer_config\.json"
    ):
        load_text_image("clip:tiny")


def test_each_role_has_its_papers_network(weights_folder):
    with pytest.raises(BadInput, match=r"openai/clip-vit-large-patch14-336"):
        load_extractor("clip")
    with pytest.raises(BadInput, match=r"openai/clip-vit-base-patch32"):
        load_text_image("clip")


@pytest.mark.parametrize("name", ["clip:../secret", "clip:/etc/clip", "clip:a/../b", "clip:a/b/c"])
def test_names_cannot_leave_the_folder(weights_folder, name):
    with pytest.raises(BadInput, match="does not name a repository"):
        preflight(name)


def test_transformers_is_optional(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"clip needs .*pip install 'harness\[transformers\]'"):
        preflight("clip")


def test_broken_folder_is_refused(weights_folder):
    save_tiny_clip(weights_folder / "broken")
    (weights_folder / "broken" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="clip:broken cannot be loaded from"):
        load_text_image("clip:broken")
