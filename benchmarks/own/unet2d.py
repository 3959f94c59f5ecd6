"""The `UNet2DModel` of diffusers as a family of ours, the way docs/add-a-model.md brings one in."""

from __future__ import annotations

from diffusers import UNet2DModel
from torch import Tensor, nn

from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.objectives.denoising import ForwardProcess, alpha_bar


class UNet2DSettings(DiffusionSettings):
    """Channels of each resolution; there is attention at all but the highest."""

    blocks: tuple[int, ...] = (32, 64, 64)
    layers: int = 2


class UNet2D(Diffusion):
    """Training and sampling are those of `diffusion`; the network is another."""

    Settings = UNet2DSettings
    settings: UNet2DSettings

    def build(self) -> nn.ModuleDict:
        blocks = self.settings.blocks
        attention = len(blocks) - 1
        network = UNet2DModel(
            sample_size=self.shape.size,
            in_channels=self.shape.channels,
            out_channels=self.shape.channels,
            layers_per_block=self.settings.layers,
            block_out_channels=blocks,
            down_block_types=("DownBlock2D", *["AttnDownBlock2D"] * attention),
            up_block_types=(*["AttnUpBlock2D"] * attention, "UpBlock2D"),
        )
        noising = ForwardProcess(alpha_bar(self.settings.schedule, self.settings.timesteps))
        return nn.ModuleDict({"denoiser": Denoiser(network), "noising": noising})


class Denoiser(nn.Module):
    """ε(x, t), without the record that the model wraps it in."""

    def __init__(self, network: UNet2DModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        epsilon: Tensor = self.network(x, t, return_dict=False)[0]
        return epsilon
