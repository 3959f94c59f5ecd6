"""The two U-Nets: their layers, their conditions, and the images that they take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from harness.core.errors import BadInput
from harness.networks.ddpm_unet import CrossAttention, DDPMUNet, UNetSettings
from harness.networks.dropout import Dropout, draw_masks, use_masks
from harness.networks.unet import Attention, UNet

SMALL = UNetSettings(multipliers=(1, 2), blocks=1, heads=2, attention=(4,))


def images(n: int = 2, channels: int = 1, size: int = 8) -> torch.Tensor:
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(0))


def awake(network: nn.Module) -> nn.Module:
    """No layer is zero, so that all parts count."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_ddpms_configuration_has_the_published_number_of_parameters() -> None:
    """35.7 million for CIFAR-10 (Ho et al. 2020, appendix B); 35,746,307 to the last."""
    with torch.device("meta"):
        network = DDPMUNet(3, 32, 128, UNetSettings(dropout=0.1))
    assert parameters(network) == 35_746_307
    sides = [layer.shape[-1] for layer in network.modules() if isinstance(layer, Dropout)]
    assert [sides.count(side) for side in (32, 16, 8, 4)] == [5, 5, 5, 7]


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("multipliers", [(1,), (1, 2), (2, 3, 1)])
def test_ddpms_unet_gives_images_of_the_same_size(multipliers: Any, skips: bool) -> None:
    settings = UNetSettings(multipliers=multipliers, blocks=2, attention=(8,))
    network = awake(DDPMUNet(1, 8, 4, settings, out=3, skips=skips))
    made = network(images(), torch.tensor([3, 500]))
    assert made.shape == (2, 3, 8, 8)
    gradients = torch.autograd.grad(made.square().sum(), list(network.parameters()))
    assert all(gradient.any() for gradient in gradients)


def test_blocks_heads_and_attention_are_where_the_settings_say() -> None:
    settings = UNetSettings(multipliers=(1, 2, 2), blocks=3, heads=2, attention=(16, 8))
    with torch.device("meta"):
        network = DDPMUNet(3, 32, 32, settings)
    attentions = [module for module in network.modules() if isinstance(module, Attention)]
    # Three on the way down and four on the way up at both resolutions, one in the middle.
    assert len(attentions) == 2 * (3 + 4) + 1
    assert {attention.heads for attention in attentions} == {2}


def test_attention_in_heads_is_torchs() -> None:
    attention = awake(Attention(8, heads=2))
    assert isinstance(attention, Attention)
    theirs = nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.in_proj_weight.data = attention.project.weight.data[:, :, 0, 0]
    theirs.in_proj_bias.data = attention.project.bias.data
    theirs.out_proj.weight.data = attention.out.weight.data[:, :, 0, 0]
    theirs.out_proj.bias.data = attention.out.bias.data
    x = images(2, 8, 4)
    places = attention.norm(x).flatten(2).transpose(1, 2)
    expected = x + theirs(places, places, places)[0].transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(attention(x), expected)


def test_cross_attention_reads_the_tokens_that_count() -> None:
    network = awake(DDPMUNet(1, 8, 4, SMALL, context=6))
    tokens = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[True, True, False]] * 2)
    hidden, seen = tokens.clone(), tokens.clone()
    hidden[:, 2] += 1
    seen[:, 0] += 1
    x, t = images(), torch.tensor([3, 500])
    made = network(x, t, None, tokens, mask)
    assert torch.equal(network(x, t, None, hidden, mask), made)
    assert not torch.allclose(network(x, t, None, seen, mask), made)
    assert sum(isinstance(module, CrossAttention) for module in network.modules()) == 4


def test_dropout_takes_its_masks_from_noise_alone() -> None:
    network = awake(DDPMUNet(1, 8, 4, SMALL.model_copy(update={"dropout": 0.5}))).train()
    x, t = images(), torch.tensor([3, 500])

    def made(seed: int) -> torch.Tensor:
        use_masks(network, draw_masks(network, 2, torch.Generator().manual_seed(seed)))
        result: torch.Tensor = network(x, t)
        return result

    assert torch.equal(made(0), made(0))
    assert not torch.allclose(made(0), made(1))
    network.eval()
    assert torch.equal(made(0), made(1))


@pytest.mark.parametrize("kind", ["small", "ddpm"])
def test_without_skips_only_what_comes_from_below_reaches_the_output(kind: str) -> None:
    def built(skips: bool) -> nn.Module:
        if kind == "small":
            return awake(UNet(1, 8, 4, skips=skips))
        return awake(DDPMUNet(1, 8, 4, SMALL, skips=skips))

    x, t = images(1), torch.tensor([3])
    for skips in (True, False):
        network = built(skips)
        bottom = network.last_middle
        bottom.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
        same = torch.allclose(network(x, t), network(2 * x, t), atol=1e-5)
        assert same != skips
    assert parameters(built(True)) > parameters(built(False))


@pytest.mark.parametrize(
    ("settings", "size", "fault"),
    [
        ({"multipliers": (1, 2, 2)}, 30, "takes multiples of 4"),
        ({"attention": (16,)}, 28, "attention is at 16: the resolutions of images of 28 pixels"),
        ({"heads": 3, "attention": (8,)}, 8, "heads is 3: it does not divide"),
    ],
)
def test_what_cannot_be_built_says_what_is_wrong(settings: Any, size: int, fault: str) -> None:
    made = UNetSettings(**{"multipliers": (1, 2), "attention": (), **settings})
    with pytest.raises(BadInput, match=fault):
        DDPMUNet(1, size, 4, made)
