"""The transformer of the masked autoencoder."""

from __future__ import annotations

import torch

from harness.networks.masked_transformer import PatchDecoder


def test_the_decoder_fills_in_hidden_patches_in_bf16():
    decoder = PatchDecoder(1, size=16, patch=4, encoded=8, width=8, depth=1, heads=2)
    tokens, visible = torch.randn(2, 3, 8), torch.tensor([[0, 5, 9], [2, 3, 15]])
    with torch.autocast("cpu", torch.bfloat16):
        images = decoder(tokens, visible)
    assert images.shape == (2, 1, 16, 16)
    torch.testing.assert_close(images.float(), decoder(tokens, visible), atol=0.05, rtol=0.05)
