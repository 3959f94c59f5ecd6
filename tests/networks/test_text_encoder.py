"""The encoder of texts."""

from __future__ import annotations

import pytest
import torch

from harness.core.errors import BadInput
from harness.networks.text_encoder import TextEncoder, TextEncoderSettings


def test_what_follows_the_end_of_a_text_does_not_count() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(9, 5, TextEncoderSettings(width=8, depth=2, heads=2))
    tokens, mask = encoder(torch.tensor([[1, 4, 6, 0, 0], [1, 4, 7, 0, 0]]))
    assert tokens.shape == (2, 5, 8)
    assert mask.tolist() == [[True, True, True, False, False]] * 2
    shorter, _ = encoder(torch.tensor([[1, 4, 6]]))
    torch.testing.assert_close(tokens[:1, :3], shorter)
    assert not torch.allclose(tokens[0, 1], tokens[1, 1])  # it knows of the words after it


def test_heads_divide_the_width() -> None:
    with pytest.raises(BadInput, match="heads is 3: it does not divide the width, 8"):
        TextEncoder(9, 5, TextEncoderSettings(width=8, heads=3))
