from pathlib import Path

import pytest
import torch

from harness.extractors import weight_files
from harness.extractors.weight_files import WeightsFile


@pytest.fixture
def weights_folder(tmp_path, monkeypatch) -> Path:
    """An empty HARNESS_WEIGHTS, an empty hub cache, and no network."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def unreachable(url, dst, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    return folder


@pytest.fixture
def publish(weights_folder):
    """Saves a state dict as if it had been published under its digest; gives its WeightsFile."""

    def save(state) -> WeightsFile:
        draft = weights_folder / "draft.pth"
        torch.save(state, draft)
        digest = weight_files.sha256(draft)[:8]
        file = WeightsFile(f"https://example.org/random-{digest}.pth")
        draft.rename(weights_folder / file.name)
        return file

    return save


@pytest.fixture
def random_images():
    """uint8 images of a shape, the same for the same seed."""

    def make(*shape: int, seed: int = 0) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)

    return make
