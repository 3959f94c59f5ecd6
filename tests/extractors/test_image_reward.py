import pytest
import torch
from safetensors.torch import save_file
from tiny_preference import save_tiny_image_reward
from torch.nn import functional

from harness.core.errors import BadInput
from harness.extractors import load_caption_scorer, preflight

transformers = pytest.importorskip("transformers")
CAPTIONS = ["a b", "c " * 50, "b"]


@pytest.fixture
def saved(weights_folder):
    return save_tiny_image_reward(weights_folder), weights_folder / "zai-org" / "ImageReward"


def vision_by_hand(state, pixels):
    """The vision transformer of BLIP's authors, from their own names."""
    part = {k.removeprefix("blip.visual_encoder."): v for k, v in state.items()}

    def norm(name, y):
        return functional.layer_norm(y, (64,), part[f"{name}.weight"], part[f"{name}.bias"], 1e-6)

    def linear(name, y):
        return functional.linear(y, part[f"{name}.weight"], part[f"{name}.bias"])

    projection = part["patch_embed.proj.weight"], part["patch_embed.proj.bias"]
    patches = functional.conv2d(pixels, *projection, stride=8).flatten(2).mT
    x = torch.cat([part["cls_token"].expand(len(pixels), -1, -1), patches], 1) + part["pos_embed"]
    q, k, v = linear("blocks.0.attn.qkv", norm("blocks.0.norm1", x)).chunk(3, dim=2)
    weights = (q @ k.mT / 8).softmax(dim=2)  # one head of 64
    x = x + linear("blocks.0.attn.proj", weights @ v)
    hidden = functional.gelu(linear("blocks.0.mlp.fc1", norm("blocks.0.norm2", x)))
    return norm("norm", x + linear("blocks.0.mlp.fc2", hidden))


def rewards_by_hand(state, images, tokens):
    pixels = functional.interpolate(images.float(), size=16) / 255  # 16 already: as they are
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    patches = vision_by_hand(state, (pixels - mean) / std)
    config = transformers.BlipTextConfig(
        hidden_size=64, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        encoder_hidden_size=64, vocab_size=8, bos_token_id=None, eos_token_id=None,
        sep_token_id=None, max_position_embeddings=40,
    )  # fmt: skip
    text = transformers.BlipTextModel(config, add_pooling_layer=False).eval()
    names = {k.removeprefix("blip.text_encoder."): v for k, v in state.items()}
    text.load_state_dict({k: names[k] for k in text.state_dict()})
    states = text(**tokens, encoder_hidden_states=patches).last_hidden_state[:, 0]
    for place in (0, 2, 4):
        states = states @ state[f"mlp.layers.{place}.weight"].T + state[f"mlp.layers.{place}.bias"]
    return (states[:, 0] - 0.16717362830052426) / 1.0333394966054072


def test_the_reward_is_that_of_the_published_formula(saved, random_images):
    state, _ = saved
    images = random_images(3, 3, 16, 16)
    ids = torch.zeros(3, 35, dtype=torch.int64)
    ids[0, :4] = torch.tensor([2, 5, 6, 3])
    ids[1] = torch.tensor([2, *[7] * 33, 3])  # cut at 35 tokens
    ids[2, :3] = torch.tensor([2, 6, 3])
    tokens = {"input_ids": ids, "attention_mask": (ids > 0).long()}
    with torch.no_grad():
        expected = rewards_by_hand(state, images, tokens)
    network = load_caption_scorer("image-reward")
    assert torch.allclose(network.score(images, CAPTIONS), expected, atol=1e-4)
    assert expected.std() > 0.01
    assert network.preprocessing == "rgb-clip-processor-16"
    assert network.label == f"image-reward:zai-org/ImageReward@{network.digest}"


def test_the_same_tensors_without_pickle_give_the_same(saved, random_images):
    state, folder = saved
    images = random_images(3, 1, 20, 24)
    expected = load_caption_scorer("image-reward").score(images, CAPTIONS)
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "ImageReward.safetensors")
    (folder / "ImageReward.pt").unlink()
    assert torch.equal(load_caption_scorer("image-reward").score(images, CAPTIONS), expected)


def test_pairs_do_not_depend_on_each_other(saved, random_images):
    images, network = random_images(3, 3, 16, 16), load_caption_scorer("image-reward")
    alone = [network.score(images[i : i + 1], CAPTIONS[i : i + 1]) for i in range(3)]
    assert torch.allclose(network.score(images, CAPTIONS), torch.cat(alone), atol=1e-4)


@pytest.mark.parametrize(
    "lost", ["blip.visual_encoder.norm.bias", "mlp.layers.2.weight", "blip.text_encoder"]
)
def test_other_weights_are_refused_in_one_line(saved, lost):
    state, folder = saved
    torch.save(
        {k: v for k, v in state.items() if not k.startswith(lost)}, folder / "ImageReward.pt"
    )
    with pytest.raises(BadInput, match="image-reward cannot be loaded from") as caught:
        load_caption_scorer("image-reward")
    assert "\n" not in str(caught.value)


def test_missing_weights_are_named(saved):
    _, folder = saved
    (folder / "ImageReward.pt").unlink()
    with pytest.raises(BadInput, match=r"lacks ImageReward\.safetensors or ImageReward\.pt"):
        preflight("image-reward")
