import threading

import pytest
import torch

from harness.evaluation import feature_cache
from harness.extractors.base import Extracted, Extractor

CPU = torch.device("cpu")


class Counting(Extractor):
    """The mean of each image; counts the images it is shown."""

    preprocessing = "native"

    def __init__(self, digest: str = "00000000", logits: bool = True) -> None:
        self.name = "counting"
        self.digest = digest
        self.seen = 0
        self._logits = logits

    def check(self, channels: int, size: int) -> None: ...

    def extract(self, images):
        self.seen += len(images)
        pooled = images.float().mean(dim=(1, 2, 3))[:, None]
        return Extracted(pooled, -pooled if self._logits else None)


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    return torch.randint(0, 256, (9, 1, 4, 4), dtype=torch.uint8)


def same(a: Extracted, b: Extracted) -> bool:
    logits = a.logits is b.logits or torch.equal(a.logits, b.logits)
    return torch.equal(a.pooled, b.pooled) and logits


@pytest.mark.parametrize("logits", [True, False])
def test_a_second_time_no_image_passes_through_the_network(images, logits):
    network = Counting(logits=logits)
    first = feature_cache.extract(network, images, CPU)
    second = feature_cache.extract(network, images, CPU)
    assert network.seen == 9
    assert same(first, second)
    assert same(first, network.extract(images))


def test_other_pixels_shapes_weights_and_preprocessing_are_other_entries(images):
    network = Counting()
    feature_cache.extract(network, images, CPU)
    changed = images.clone()
    changed[0, 0, 0, 0] ^= 1
    for other in (changed, images.view(9, 1, 2, 8), images[:5]):
        network.seen = 0
        feature_cache.extract(network, other, CPU)
        assert network.seen == len(other)
    for network in (Counting(digest="11111111"), Counting()):
        network.preprocessing = "native" if network.digest != "00000000" else "other"
        feature_cache.extract(network, images, CPU)
        assert network.seen == 9


def test_a_damaged_entry_is_computed_again(images):
    network = Counting()
    right = feature_cache.extract(network, images, CPU)
    (file,) = feature_cache.folder().iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert same(feature_cache.extract(network, images, CPU), right)
    assert network.seen == 18
    feature_cache.extract(network, images, CPU)
    assert network.seen == 18, "it was mended"


def test_writers_at_the_same_moment_leave_one_whole_entry(images):
    network = Counting()
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        feature_cache.extract(Counting(), images, CPU)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [file.suffix for file in feature_cache.folder().iterdir()] == [".safetensors"]
    feature_cache.extract(network, images, CPU)
    assert network.seen == 0


def test_a_folder_that_cannot_be_written_is_no_error(images, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert len(feature_cache.extract(Counting(), images, CPU).pooled) == 9
