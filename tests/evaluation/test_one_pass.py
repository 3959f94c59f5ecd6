import torch

from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig
from harness.extractors.base import Extracted, Extractor
from harness.metrics import load_metric


class Counting(Extractor):
    """Means of the pixels of each row; counts the images it is shown."""

    name, digest, preprocessing = "counting", "00000000", "native"
    seen = 0

    def check(self, channels: int, size: int) -> None: ...

    def extract(self, images):
        self.seen += len(images)
        features = images.float().mean(dim=(1, 3))
        return Extracted(features, -features)


def test_all_metrics_together_show_each_image_once_and_known_references_never(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    network = Counting()
    monkeypatch.setattr("harness.evaluation.evidence.load_extractor", lambda name, device: network)
    random = torch.Generator().manual_seed(0)
    samples, others, reference = torch.randint(
        0, 256, (3, 40, 1, 6, 6), generator=random, dtype=torch.uint8
    )
    metrics = [load_metric(name) for name in ("fid", "kid", "is", "precision", "coverage")]
    for images, expected in ((samples, 80), (others, 120)):
        given = {"samples": images, "reference_images": reference}
        evidence = Evidence(given, EvalConfig({"extractor": "counting"}))
        for metric in metrics:
            evidence.measure(metric)
        assert network.seen == expected
