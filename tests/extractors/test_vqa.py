import json

import pytest
import torch
from tiny_preference import VQA_WORDS, save_tiny_vqa

from harness.core.errors import BadInput
from harness.extractors import load_caption_scorer
from harness.extractors.vqa import KINDS

transformers = pytest.importorskip("transformers")
CAPTIONS = ["a b", "b", "a a b a"]
YES = VQA_WORDS.index("Yes")


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_is_the_probability_of_yes(weights_folder, random_images, kind):
    folder = weights_folder / "me" / "tiny"
    save_tiny_vqa(folder, kind)
    network = load_caption_scorer("vqa:me/tiny")
    images = random_images(3, 3, 20, 20)
    expected = []
    model = getattr(transformers, KINDS[kind].network).from_pretrained(folder).eval()
    processor = getattr(transformers, KINDS[kind].processor).from_pretrained(folder)
    for image, caption in zip(images, CAPTIONS, strict=True):
        question = f"Does this figure show '{caption}'? Please answer yes or no."
        prompt = {
            "instructblip": question,
            "blip-2": f"Question: {question} Answer:",
            "llava": f"USER: <image>\n{question} ASSISTANT:",
        }[kind]
        inputs = processor(images=image, text=prompt, return_tensors="pt")
        first = {} if kind == "llava" else {"decoder_input_ids": torch.tensor([[0]])}
        with torch.no_grad():
            logits = model(**inputs, **first).logits[0, -1]
        expected.append((logits[YES] - logits.logsumexp(0)).exp())
    found = network.score(images, CAPTIONS)
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)
    assert len(set(found.tolist())) == 3
    assert network.preprocessing == f"rgb-{kind}-processor"
    assert network.label == f"vqa:me/tiny@{network.digest}"


def test_weights_in_several_files(weights_folder, random_images):
    folder = weights_folder / "tiny"
    save_tiny_vqa(folder, "blip-2")
    images = random_images(2, 3, 16, 16)
    whole = load_caption_scorer("vqa:tiny").score(images, CAPTIONS[:2])
    model = transformers.Blip2ForConditionalGeneration.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").is_file()
    network = load_caption_scorer("vqa:tiny")
    assert torch.equal(network.score(images, CAPTIONS[:2]), whole)
    parts = sorted(folder.glob("model-*.safetensors"))
    parts[0].write_bytes(parts[0].read_bytes() + b" ")
    with pytest.raises(BadInput, match="vqa:tiny cannot be loaded"):
        load_caption_scorer("vqa:tiny")


def test_another_network_is_refused(weights_folder):
    folder = weights_folder / "tiny"
    save_tiny_vqa(folder, "blip-2")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "clip"}))
    with pytest.raises(BadInput, match="of type clip, not instructblip or blip-2 or llava"):
        load_caption_scorer("vqa:tiny")


def test_missing_weights_are_named(weights_folder):
    with pytest.raises(BadInput, match=r"Salesforce/instructblip-flan-t5-xl into \$HARNESS_W"):
        load_caption_scorer("vqa")
