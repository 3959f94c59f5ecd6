import pytest
import torch
from tiny_clip import save_tiny_clip

from harness.core.errors import BadInput
from harness.extractors import load_extractor, load_text_image, preflight

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


def test_texts_pass_in_batches_and_in_any_batch_alike(network, monkeypatch):
    texts = [" ".join("ab"[(i >> j) % 2] for j in range(1 + i % 7)) for i in range(50)]
    one_by_one = torch.cat([network.embed_texts([text]) for text in texts])
    sizes = []
    embed = network._network.text_model.forward

    def forward(*arguments, **options):
        sizes.append(len(options["input_ids"]))
        return embed(*arguments, **options)

    monkeypatch.setattr(network._network.text_model, "forward", forward)
    monkeypatch.setattr("harness.extractors.clip.TEXTS", 8)
    assert torch.allclose(network.embed_texts(texts), one_by_one, atol=1e-6)
    assert sizes == [8, 8, 8, 8, 8, 8, 2]


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
