"""Inception sees images as clean-fid and torchmetrics show them to it."""

import itertools

import cleanfid.fid
import pytest
import torch
from cleanfid import inception_pytorch
from cleanfid.inception_torchscript import InceptionV3W
from PIL import Image
from torch import nn
from torchmetrics.image.fid import NoTrainInceptionV3

from harness.extractors import inception, load_extractor


def pictures(*shape: int) -> torch.Tensor:
    """Smooth images with noise."""
    draws = torch.Generator().manual_seed(0)
    n, c, h, w = shape
    coarse = torch.rand(n, c, h // 4 + 1, w // 4 + 1, generator=draws) * 255
    smooth = nn.functional.interpolate(coarse, (h, w), mode="bilinear")
    return (smooth + 25 * torch.randn(shape, generator=draws)).clamp(0, 255).byte()


@pytest.fixture
def photographs() -> list[torch.Tensor]:
    """Two smaller and two larger than what Inception takes, which filters treat differently."""
    return [pictures(2, 3, 40, 52), pictures(2, 3, 330, 320)]


def agree(name: str, images: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    network = load_extractor(name)
    for x, expected in zip(images, theirs, strict=True):
        ours = network.extract(x).pooled
        assert torch.allclose(ours, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
def test_features_of_clean_fid(random_inception, photographs, tmp_path, monkeypatch):
    """Its reading of files, its resizing, and its two networks: the blocks of the one in the frame
    of the other, whose file is fetched from the net.
    """
    monkeypatch.setattr(
        inception_pytorch, "load_state_dict_from_url", lambda url, progress: random_inception
    )
    frame = nn.Module()
    frame.layers = nn.Sequential(*inception_pytorch.InceptionV3().eval().blocks)
    monkeypatch.setattr(torch.jit, "load", lambda path: frame)
    model = InceptionV3W(str(tmp_path), download=False)
    theirs = []
    for number, images in enumerate(photographs):
        folder = tmp_path / str(number)
        folder.mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{i}.png")
        found = cleanfid.fid.get_folder_features(
            str(folder), model, num_workers=0, device=torch.device("cpu"), verbose=False
        )
        theirs.append(torch.from_numpy(found))
    agree("inception:pil-bicubic", photographs, theirs)


def test_features_of_torchmetrics(random_inception, photographs, weights_folder):
    path = weights_folder / inception.WEIGHTS.name
    network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path))
    agree("inception:antialiased", photographs, [network(x) for x in photographs])


def test_resizing_moves_features(random_inception, photographs):
    """So that the two tests above would fail with another's resizing."""
    found = [load_extractor(name).extract(photographs[0]).pooled for name in inception.RESIZES]
    for a, b in itertools.combinations(found, 2):
        assert (a - b).abs().max() > 1e-3 * a.abs().max()
