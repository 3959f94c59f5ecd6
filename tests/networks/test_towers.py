import pytest
import torch

from harness.core.errors import BadInput
from harness.data.tokenizer import Tokenizer
from harness.networks.classifier_net import save_half
from harness.networks.towers import (
    DualEncoder,
    FactorNet,
    load_dual_encoder,
    load_factor_net,
    tower_record,
)

TEXTS = ["a red square", "a blue square at the top"]


def saved(net, folder):
    path = folder / "net.safetensors"
    save_half(net, path, {"architecture": tower_record(net, 3, 16)})
    return path


def test_factors_have_a_classifier_each_and_come_back_from_a_file(tmp_path):
    net = FactorNet(3, 16, (4, 2, 6))
    x = torch.rand(5, 3, 16, 16)
    net(x)  # moves the running moments, as training does
    loaded = load_factor_net(saved(net, tmp_path))
    logits = loaded(x)
    assert [part.shape for part in logits] == [(5, 4), (5, 2), (5, 6)]
    for part, expected in zip(logits, net.eval()(x), strict=True):
        assert torch.allclose(part, expected, atol=5e-3)  # weights are stored in half precision


def test_images_and_texts_become_unit_vectors_and_come_back_from_a_file(tmp_path):
    tokenizer = Tokenizer.of(TEXTS)
    net = DualEncoder(3, 16, tokenizer).eval()
    ids, x = tokenizer.encode(TEXTS), torch.rand(2, 3, 16, 16)
    loaded = load_dual_encoder(saved(net, tmp_path))
    assert loaded.tokenizer == tokenizer
    for made, expected in (
        (loaded.embed_images(x), net.embed_images(x)),
        (loaded.embed_tokens(ids), net.embed_tokens(ids)),
    ):
        assert made.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-6)
        assert torch.allclose(made, expected, atol=5e-3)


def test_a_text_does_not_depend_on_the_texts_beside_it():
    tokenizer = Tokenizer.of(TEXTS)
    net = DualEncoder(3, 16, tokenizer).eval()
    ids = tokenizer.encode(TEXTS)
    assert torch.allclose(net.embed_tokens(ids)[:1], net.embed_tokens(ids[:1]), atol=1e-6)


def test_odd_sizes_are_refused():
    with pytest.raises(BadInput, match="a multiple of 8 pixels a side, not 28"):
        FactorNet(1, 28, (2,))
