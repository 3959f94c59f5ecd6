import math

import pytest
import torch
from tiny_clip import save_tiny_clip
from torch import nn

from harness.core.errors import BadInput
from harness.extractors import load_caption_scorer, load_text_image
from harness.extractors.clip_preference import BACKBONE, HPS_FILES, HPS_REPOSITORY

transformers = pytest.importorskip("transformers")
CAPTIONS = ["a b", "b", "a"]


@pytest.fixture
def pick_score(weights_folder):
    save_tiny_clip(weights_folder / "yuvalkirstain" / "PickScore_v1")
    return load_caption_scorer("pick-score")


def test_pick_score_is_the_logit_of_transformers(pick_score, weights_folder, random_images):
    folder = weights_folder / "yuvalkirstain" / "PickScore_v1"
    images = random_images(3, 3, 30, 30)
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    tokens = transformers.CLIPTokenizer.from_pretrained(folder)(
        CAPTIONS, padding=True, return_tensors="pt"
    )
    processor = transformers.CLIPImageProcessor.from_pretrained(folder)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = model(**tokens, pixel_values=pixels).logits_per_image.diagonal()
    assert torch.allclose(pick_score.score(images, CAPTIONS), expected, atol=1e-5)
    assert pick_score.label == f"pick-score:yuvalkirstain/PickScore_v1@{pick_score.digest}"
    assert pick_score.preprocessing == "rgb-clip-processor-24"


def test_pairs_must_be_pairs(pick_score, random_images):
    with pytest.raises(BadInput, match=r"a caption each, not 3 images with 2 captions"):
        pick_score.score(random_images(3, 3, 8, 8), CAPTIONS[:2])
    with pytest.raises(BadInput, match="takes grey or RGB images, not 2 channels"):
        pick_score.score(random_images(3, 2, 8, 8), CAPTIONS)


def open_clip_state(width: int = 16, dim: int = 5) -> dict[str, torch.Tensor]:
    """Random weights of the shape of `tiny_clip`, under open_clip's names."""
    random = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(shape, generator=random) / 4

    def norm(name):
        return {f"{name}.weight": 1 + draw(width), f"{name}.bias": draw(width)}

    def block(name):
        return {
            f"{name}.attn.in_proj_weight": draw(3 * width, width),
            f"{name}.attn.in_proj_bias": draw(3 * width),
            f"{name}.attn.out_proj.weight": draw(width, width),
            f"{name}.attn.out_proj.bias": draw(width),
            f"{name}.mlp.c_fc.weight": draw(width, width),
            f"{name}.mlp.c_fc.bias": draw(width),
            f"{name}.mlp.c_proj.weight": draw(width, width),
            f"{name}.mlp.c_proj.bias": draw(width),
            **norm(f"{name}.ln_1"),
            **norm(f"{name}.ln_2"),
        }

    return {
        "logit_scale": torch.tensor(math.log(100.0)),
        "token_embedding.weight": draw(6, width),
        "positional_embedding": draw(8, width),
        "text_projection": draw(width, dim),
        "attn_mask": torch.zeros(8, 8),
        "visual.class_embedding": draw(width),
        "visual.conv1.weight": draw(width, 3, 8, 8),
        "visual.positional_embedding": draw(10, width),
        "visual.proj": draw(width, dim),
        **norm("visual.ln_pre"),
        **norm("visual.ln_post"),
        **norm("ln_final"),
        **block("transformer.resblocks.0"),
        **block("visual.transformer.resblocks.0"),
    }


def block_by_hand(state, prefix, x, mask=None):
    """A residual block of open_clip, in torch's own attention."""
    width = x.shape[-1]
    part = {k.removeprefix(f"{prefix}."): v for k, v in state.items() if k.startswith(prefix)}
    attention = nn.MultiheadAttention(width, 2, batch_first=True)
    attention.load_state_dict(
        {k.removeprefix("attn."): v for k, v in part.items() if k.startswith("attn.")}
    )

    def norm(name, y):
        return nn.functional.layer_norm(
            y, (width,), part[f"{name}.weight"], part[f"{name}.bias"], 1e-5
        )

    y = norm("ln_1", x)
    x = x + attention(y, y, y, need_weights=False, attn_mask=mask)[0]
    y = norm("ln_2", x) @ part["mlp.c_fc.weight"].T + part["mlp.c_fc.bias"]
    y = y * torch.sigmoid(1.702 * y)  # the activation of the tiny network's configuration
    return x + y @ part["mlp.c_proj.weight"].T + part["mlp.c_proj.bias"]


def cosines_by_hand(state, pixels, tokens):
    """open_clip's forward pass, from its own names."""

    def norm(name, y):
        return nn.functional.layer_norm(
            y, y.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5
        )

    patches = nn.functional.conv2d(pixels, state["visual.conv1.weight"], stride=8).flatten(2).mT
    first = state["visual.class_embedding"].expand(len(pixels), 1, -1)
    x = torch.cat([first, patches], dim=1) + state["visual.positional_embedding"]
    x = block_by_hand(state, "visual.transformer.resblocks.0", norm("visual.ln_pre", x))
    images = norm("visual.ln_post", x[:, 0]) @ state["visual.proj"]
    count = tokens.shape[1]
    y = state["token_embedding.weight"][tokens] + state["positional_embedding"][:count]
    mask = torch.full((count, count), -torch.inf).triu(1)
    y = norm("ln_final", block_by_hand(state, "transformer.resblocks.0", y, mask))
    ends = (tokens == 1).int().argmax(dim=1)
    texts = y[torch.arange(len(tokens)), ends] @ state["text_projection"]
    return nn.functional.cosine_similarity(images, texts)


@pytest.fixture
def hps(weights_folder):
    save_tiny_clip(weights_folder / BACKBONE)
    (weights_folder / BACKBONE / "model.safetensors").unlink()
    file = weights_folder / HPS_REPOSITORY / HPS_FILES["v2"]
    file.parent.mkdir(parents=True)
    state = open_clip_state()
    torch.save({"epoch": 1, "state_dict": state}, file)
    return state, file


def test_hps_is_the_cosine_of_the_published_weights(hps, weights_folder, random_images):
    state, _ = hps
    network = load_caption_scorer("hps-v2")
    images = random_images(3, 1, 24, 24)
    folder = weights_folder / BACKBONE
    tokens = transformers.CLIPTokenizer.from_pretrained(folder)(
        CAPTIONS, padding=True, return_tensors="pt"
    )["input_ids"]
    processor = transformers.CLIPImageProcessor.from_pretrained(folder)
    pixels = processor(images=list(images.expand(-1, 3, -1, -1)), return_tensors="pt")
    expected = cosines_by_hand(state, pixels["pixel_values"], tokens)
    assert torch.allclose(network.score(images, CAPTIONS), expected, atol=1e-5)
    assert network.name == "hps-v2:v2"


def test_hps_lacks_what_it_needs(hps):
    state, file = hps
    with pytest.raises(BadInput, match=r"HPS_v2\.1_compressed\.pt of hps-v2:v2\.1 are not on this"):
        load_caption_scorer("hps-v2:v2.1")
    with pytest.raises(BadInput, match=r"unknown version 'v3'"):
        load_caption_scorer("hps-v2:v3")
    del state["visual.proj"]
    torch.save({"state_dict": state}, file)
    with pytest.raises(BadInput, match=r"hps-v2 cannot be loaded .*visual_projection") as caught:
        load_caption_scorer("hps-v2")
    assert "\n" not in str(caught.value)


def test_a_pickle_that_runs_code_is_refused(hps):
    _, file = hps
    torch.save({"state_dict": print}, file)
    with pytest.raises(BadInput, match="cannot be read as weights"):
        load_caption_scorer("hps-v2")


def test_weights_that_are_missing_are_named(weights_folder):
    with pytest.raises(BadInput, match=r"yuvalkirstain/PickScore_v1 into \$HARNESS_WEIGHTS/yuval"):
        load_caption_scorer("pick-score")
    with pytest.raises(BadInput, match=r"the settings config\.json of hps-v2 are not on this"):
        load_caption_scorer("hps-v2")


def test_another_clip_scores_by_its_name(weights_folder, random_images):
    save_tiny_clip(weights_folder / "tiny")
    images = random_images(3, 3, 24, 24)
    clip, scorer = load_text_image("clip:tiny"), load_caption_scorer("pick-score:tiny")
    cosines = (clip.embed_images(images) * clip.embed_texts(CAPTIONS)).sum(dim=1)
    assert torch.allclose(scorer.score(images, CAPTIONS), cosines / 0.07, rtol=1e-4)
