import pytest
import torch
from tiny_clip import save_tiny_clip

from harness.extractors import load_text_image, preflight
from harness.spec.errors import BadInput

transformers = pytest.importorskip("transformers")


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
    assert network.preprocessing == "clip-24px"


@pytest.mark.parametrize("name", ["clip", "clip:someone/some-clip"])
def test_missing_weights_are_named(weights_folder, monkeypatch, tmp_path, name):
    with pytest.raises(BadInput, match=r"model\.safetensors of clip.* put the files of https") as e:
        preflight(name)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["clip:../secret", "clip:/etc/clip", "clip:a/../b", "clip:a/b/c"])
def test_names_cannot_leave_the_folder(weights_folder, name):
    with pytest.raises(BadInput, match="does not name a repository"):
        preflight(name)


def test_transformers_is_optional(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'harness\[clip\]'"):
        preflight("clip")


def test_broken_folder_is_refused(weights_folder):
    save_tiny_clip(weights_folder / "broken")
    (weights_folder / "broken" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="clip:broken cannot be loaded from"):
        load_text_image("clip:broken")
