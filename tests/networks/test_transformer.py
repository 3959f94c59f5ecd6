"""The parts of transformers against torch's own attention and against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from harness.networks.transformer import (
    AdaptiveBlock,
    LearnedPositions,
    MultiHeadAttention,
    PatchEmbedding,
    TransformerBlock,
    from_patches,
    grid_positions,
    init_transformer,
    sinusoidal_positions,
    to_patches,
)


def tokens(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def torchs(attention: MultiHeadAttention, context: int) -> nn.MultiheadAttention:
    """torch's attention with the same weights."""
    width = attention.query.in_features
    theirs = nn.MultiheadAttention(
        width, attention.heads, kdim=context, vdim=context, batch_first=True
    )
    query, (key, value) = attention.query, attention.key_value.weight.chunk(2)
    if context == width:
        theirs.in_proj_weight.data = torch.cat([query.weight, key, value])
    else:
        theirs.q_proj_weight.data, theirs.k_proj_weight.data = query.weight.data, key.data
        theirs.v_proj_weight.data = value.data
    theirs.in_proj_bias.data = torch.cat([query.bias, attention.key_value.bias])
    theirs.out_proj.load_state_dict(attention.out.state_dict())
    return theirs


def test_self_attention_is_torchs():
    attention, x = MultiHeadAttention(8, 2), tokens(3, 5, 8)
    torch.testing.assert_close(attention(x), torchs(attention, 8)(x, x, x)[0])


def test_causal_attention_is_torchs_and_sees_nothing_later():
    attention, x = MultiHeadAttention(8, 2, causal=True), tokens(3, 5, 8)
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    theirs = torchs(attention, 8)(x, x, x, attn_mask=later)[0]
    torch.testing.assert_close(attention(x), theirs)
    changed = x.clone()
    changed[:, 3:] += 1
    assert torch.equal(attention(changed)[:, :3], attention(x)[:, :3])
    assert not torch.equal(attention(changed)[:, 3:], attention(x)[:, 3:])


def test_masked_cross_attention_is_torchs():
    attention, x, context = MultiHeadAttention(8, 2, context=6), tokens(3, 5, 8), tokens(3, 4, 6)
    mask = torch.tensor([[True] * 4, [True, True, False, False], [False, True, True, True]])
    theirs = torchs(attention, 6)(x, context, context, key_padding_mask=~mask)[0]
    torch.testing.assert_close(attention(x, context, mask), theirs)


def test_a_block_is_torchs_encoder_layer():
    block, x = TransformerBlock(8, 2), tokens(3, 5, 8)
    theirs = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0, activation="gelu", batch_first=True, norm_first=True
    )
    theirs.self_attn = torchs(block.attention, 8)
    theirs.linear1, theirs.linear2 = block.feed_forward[0], block.feed_forward[2]
    theirs.norm1, theirs.norm2 = block.attention_norm, block.feed_forward_norm
    torch.testing.assert_close(block(x), theirs(x))


def test_a_block_with_context_reads_it_where_the_mask_lets_it():
    block, x, context = TransformerBlock(8, 2, context=6), tokens(2, 5, 8), tokens(2, 4, 6)
    mask = torch.tensor([[True, True, False, False]] * 2)
    hidden, visible = context.clone(), context.clone()
    hidden[:, 2:] += 1
    visible[:, :2] += 1
    made = block(x, context, mask)
    assert torch.equal(block(x, hidden, mask), made)
    assert not torch.allclose(block(x, visible, mask), made)


def test_an_adaptive_block_starts_as_the_identity_and_is_moved_by_its_condition():
    block, x = AdaptiveBlock(8, 2, condition=6), tokens(3, 5, 8)
    block.apply(init_transformer)
    assert torch.equal(block(x, tokens(3, 6)), x)
    nn.init.normal_(block.modulation[1].weight)
    assert not torch.allclose(block(x, tokens(3, 6)), block(x, -tokens(3, 6)))


def test_the_gate_of_an_adaptive_block_is_the_papers_formula():
    block, x, condition = AdaptiveBlock(8, 2, condition=6), tokens(3, 5, 8), torch.zeros(3, 6)
    values = torch.arange(6.0) / 10
    block.modulation[1].bias.data = values.repeat_interleave(8)
    shift, scale, gate, later_shift, later_scale, later_gate = values
    norm = nn.LayerNorm(8, elementwise_affine=False, eps=1e-6)
    h = x + gate * block.attention(norm(x) * (1 + scale) + shift)
    expected = h + later_gate * block.feed_forward(norm(h) * (1 + later_scale) + later_shift)
    torch.testing.assert_close(block(x, condition), expected)


@pytest.mark.parametrize(("channels", "size", "patch"), [(1, 8, 2), (3, 12, 4), (2, 6, 6)])
def test_patches_are_cut_row_by_row_and_put_together_again(channels: int, size: int, patch: int):
    x = tokens(2, channels, size, size)
    cut = to_patches(x, patch)
    assert cut.shape == (2, (size // patch) ** 2, channels * patch**2)
    assert torch.equal(cut[:, 0], x[:, :, :patch, :patch].flatten(1))
    assert torch.equal(cut[:, -1], x[:, :, -patch:, -patch:].flatten(1))
    assert torch.equal(from_patches(cut, patch), x)


def test_a_patch_embedding_is_a_convolution_of_stride_patch():
    embed, x = PatchEmbedding(3, 8, 4, 10), tokens(2, 3, 8, 8)
    convolution = nn.Conv2d(3, 10, 4, 4)
    convolution.weight.data = embed.project.weight.data.reshape(10, 3, 4, 4)
    convolution.bias.data = embed.project.bias.data
    torch.testing.assert_close(embed(x), convolution(x).flatten(2).transpose(1, 2))


def test_sinusoidal_positions_are_the_formula():
    table = sinusoidal_positions(torch.arange(4), 6)
    for place in range(4):
        angles = [place / 10_000 ** (2 * i / 6) for i in range(3)]
        expected = [*map(math.sin, angles), *map(math.cos, angles)]
        torch.testing.assert_close(table[place], torch.tensor(expected))


def test_positions_in_a_grid_tell_row_and_column():
    table = grid_positions(3, 8).reshape(3, 3, 8)
    line = sinusoidal_positions(torch.arange(3), 4)
    for row in range(3):
        for column in range(3):
            assert torch.equal(table[row, column], torch.cat([line[row], line[column]]))


def test_learned_positions_start_small_and_take_shorter_sequences():
    positions = LearnedPositions(6, 4)
    x = tokens(2, 3, 4)
    assert torch.equal(positions(x) - x, (x + positions.positions[:3]) - x)
    assert 0 < positions.positions.std().item() < 0.05


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: MultiHeadAttention(8, 3), "3 heads do not divide 8"),
        (lambda: PatchEmbedding(1, 8, 3, 4), "patches of 3 pixels do not divide images of 8"),
        (lambda: sinusoidal_positions(torch.arange(2), 3), "even width"),
        (lambda: grid_positions(2, 6), "4 divides"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, fault: str):
    with pytest.raises(ValueError, match=fault):
        make()
