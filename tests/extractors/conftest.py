from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from harness.core.files import file_sha256
from harness.extractors import inception
from harness.networks.weight_files import WeightsFile


@pytest.fixture
def weights_folder(tmp_path, monkeypatch) -> Path:
    """An empty HARNESS_WEIGHTS, empty hub caches, and no network."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def unreachable(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    # It has read its environment when it was imported: its cache and HF_HUB_OFFLINE stay as
    # they were, so it is not asked at all.
    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable, raising=False)
    return folder


@pytest.fixture
def publish(weights_folder):
    """Saves a state dict as if it had been published under its digest; gives its WeightsFile."""

    def save(state) -> WeightsFile:
        draft = weights_folder / "draft.pth"
        torch.save(state, draft)
        digest = file_sha256(draft)
        file = WeightsFile(f"https://example.org/random-{digest[:8]}.pth", digest)
        draft.rename(weights_folder / file.name)
        return file

    return save


@pytest.fixture
def save_dinov2(weights_folder):
    """Saves a DINOv2 network with random weights in the layout of the hub; gives the weights' file.

    In HARNESS_WEIGHTS, if not said otherwise.
    """
    transformers = pytest.importorskip("transformers")

    def save(name: str, below: Path = weights_folder, seed: int = 0, **changes) -> Path:
        settings = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = transformers.Dinov2Config(**{**settings, "image_size": 42, **changes})
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            transformers.Dinov2Model(config).save_pretrained(below / name)
        return below / name / "model.safetensors"

    return save


@pytest.fixture
def random_images():
    """uint8 images of a shape, the same for the same seed."""

    def make(*shape: int, seed: int = 0) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)

    return make


@pytest.fixture
def random_inception(publish, monkeypatch):
    """The state dict of Inception weights of the right shape, in place of the published ones."""
    with monkeypatch.context() as m, torch.random.fork_rng():
        torch.manual_seed(0)
        m.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        m.setattr(
            "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url",
            lambda url, progress: {},
        )
        state = FeatureExtractorInceptionV3("random", ["2048"]).state_dict()
    monkeypatch.setattr(inception, "WEIGHTS", publish(state))
    return state
