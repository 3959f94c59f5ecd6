"""A suite with a family of its own, as its user writes both: in one folder, wherever that is."""

from pathlib import Path

FAMILY = """
import torch
from torch import nn

from harness.families.base import Family, FamilySettings, Phase, Player


class Settings(FamilySettings):
    latent: int = 4


class Net(Family):
    Settings = Settings

    def build(self):
        shape, latent = self.shape, self.settings.latent
        pixels = shape.channels * shape.size**2
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, latent))
        decoder = nn.Sequential(nn.Linear(latent, pixels), nn.Tanh())
        return nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    def phases(self):
        networks = ("encoder", "decoder")
        player = Player("model", networks, self.noise, self.loss, self.settings.optimizer)
        return (Phase((player,)),)

    def noise(self, n, generator):
        return {}

    def loss(self, networks, batch, noise):
        rebuilt = networks["decoder"](networks["encoder"](batch.x)).view_as(batch.x)
        return {"loss": (rebuilt - batch.x).square().mean()}

    def reconstruct(self, x):
        return self.networks["decoder"](self.networks["encoder"](x)).view_as(x)

    def sample(self, n, generator):
        shape = self.shape
        z = torch.randn(n, self.settings.latent, generator=generator, device=generator.device)
        return self.networks["decoder"](z).view(n, shape.channels, shape.size, shape.size)
"""
SUITE = """\
title: A family of the user's own
seeds: [0, 1]
budget: {images: 320}
samples: 40
datasets: [digits]
models: [net.yaml]
metrics: [mse]
"""


def write(folder: Path, changes: dict[str, str] | None = None, family: str = "net:Net") -> Path:
    """Writes `suite.yaml`, `net.yaml` and the module into a folder; gives the suite's path.

    `changes` replace parts of the class, each of which must be there.
    """
    code = FAMILY
    for old, new in (changes or {}).items():
        assert old in code, old
        code = code.replace(old, new)
    file = folder.joinpath(*family.partition(":")[0].split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code)
    (folder / "net.yaml").write_text(f"family: {family}\n")
    (folder / "suite.yaml").write_text(SUITE)
    return folder / "suite.yaml"
