import json

import pytest
import torch
from tiny_clip import save_tiny_clip

from harness.core.errors import BadInput
from harness.extractors import load_object_detector, load_text_image, object_detector

transformers = pytest.importorskip("transformers")
NAMES = {0: "Dog", 1: "cat", 2: "cup"}


@pytest.fixture
def saved(weights_folder, monkeypatch):
    """A YOLOS network with random weights, and a CLIP network."""
    save_tiny_clip(weights_folder / "tiny-clip")
    monkeypatch.setattr(object_detector, "COLOUR_NETWORK", "clip:tiny-clip")
    folder = weights_folder / "me" / "yolos"
    config = transformers.YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=[32, 32], patch_size=8, num_detection_tokens=12,
        use_mid_position_embeddings=False, id2label=NAMES,
        label2id={name: i for i, name in NAMES.items()},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.YolosForObjectDetection(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(folder)
    size = {"shortest_edge": 32, "longest_edge": 64}
    transformers.YolosImageProcessor(size=size).save_pretrained(folder)
    return folder


def test_objects_are_those_of_transformers(saved, random_images):
    detector, images = load_object_detector("detector:me/yolos"), random_images(2, 3, 40, 40)
    model = transformers.YolosForObjectDetection.from_pretrained(saved).eval()
    processor = transformers.YolosImageProcessor.from_pretrained(saved)
    found = detector.detect(images)
    for image, objects in zip(images, found, strict=True):
        with torch.no_grad():
            outputs = model(**processor(images=[image], return_tensors="pt"))
        shares = outputs.logits[0].softmax(dim=1)[:, :-1]  # the last is "no object"
        scores, labels = shares.max(dim=1)
        kept = scores > 0.3
        order = scores[kept].argsort(descending=True)
        assert [each.score for each in objects] == pytest.approx(scores[kept][order].tolist())
        expected = [NAMES[int(label)].lower() for label in labels[kept][order]]
        assert [each.name for each in objects] == expected
        x, y, w, h = (outputs.pred_boxes[0][kept][order] * 40).unbind(dim=1)
        boxes = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=1)
        assert torch.allclose(torch.tensor([each.box for each in objects]), boxes, atol=1e-4)
    assert sum(map(len, found)) > 2
    assert detector.names == ("dog", "cat", "cup")
    assert detector.label == f"detector:me/yolos@{detector.digest}"


def test_a_colour_is_the_nearest_text_s(saved, random_images, monkeypatch):
    monkeypatch.setattr(object_detector, "COLOURS", ("a", "b", "a b"))  # words that CLIP has read
    monkeypatch.setattr(object_detector, "TEMPLATES", ("{colour}", "b {colour}"))
    detector, image = load_object_detector("detector:me/yolos"), random_images(1, 1, 40, 40)
    plain = detector.detect(image)[0]
    name = plain[0].name
    objects = detector.detect(image, [frozenset({name})])[0]
    clip = load_text_image("clip:tiny-clip")
    texts = [clip.embed_texts([c, f"b {c}"]).mean(dim=0) for c in ("a", "b", "a b")]
    left, top, right, bottom = (round(edge) for edge in plain[0].box)
    left, top = min(max(left, 0), 39), min(max(top, 0), 39)
    crop = image[:, :, top : max(bottom, top + 1), left : max(right, left + 1)]
    cosines = torch.nn.functional.cosine_similarity(clip.embed_images(crop), torch.stack(texts))
    assert objects[0].colour == ["a", "b", "a b"][int(cosines.argmax())]
    assert {each.colour for each in objects if each.name != name} <= {""}
    assert {each.colour for each in plain} == {""}


def test_missing_and_other_weights_are_named(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**config, "model_type": "detr"}))
    with pytest.raises(BadInput, match="describes a network of type detr, not yolos"):
        load_object_detector("detector:me/yolos")
    with pytest.raises(BadInput, match=r"put the files of https://huggingface\.co/hustvl/yolos-b"):
        load_object_detector("detector")
