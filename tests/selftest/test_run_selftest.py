import pytest
import torch

from harness.core.errors import BadInput
from harness.data.load import load_dataset
from harness.extractors import load_extractor
from harness.extractors.base import Extracted
from harness.metrics import METRICS
from harness.metrics.base import Estimate, Metric
from harness.selftest import run as module
from harness.selftest.disturbances import ASKED, LADDERS
from harness.selftest.run import run_selftest


class Counting:
    """An extractor that counts what it sees; features are the first pixels."""

    def __init__(self, logits: bool) -> None:
        self.seen: list[bytes] = []
        self.logits = logits

    def check(self, channels: int, size: int) -> None:
        pass

    def extract(self, images: torch.Tensor) -> Extracted:
        self.seen += [image.numpy().tobytes() for image in images]
        pooled = images.flatten(1)[:, 100:104].float()
        return Extracted(pooled, pooled if self.logits else None)


def test_digits(monkeypatch):
    monkeypatch.setattr(module, "MOST", 800)
    metrics = [METRICS[name] for name in ("authpct", "coverage", "mode_count")]
    table = run_selftest(load_dataset("digits"), "classifier:digits", metrics)
    assert len(table) == 3 * len(LADDERS)
    asked = table[table["asked"]]
    assert (asked["verdict"] == "passes").all()
    authentic = table[table["metric"] == "authpct"].set_index("disturbance")["moved"]
    # What is far from all data is authentic: neither is what held-out images get.
    assert authentic[["copies", "noise", "blur"]].tolist() == ["lower", "higher", "higher"]


@pytest.mark.parametrize("logits", [True, False])
def test_every_metric_of_image_sets_is_tested_and_no_other(logits, monkeypatch):
    network = Counting(logits)
    tested = []
    monkeypatch.setattr(module, "load_extractor", lambda name, device: network)
    monkeypatch.setattr(
        module, "run_disturbances", lambda _i, _l, _m, metrics, _s: tested.extend(metrics)
    )
    run_selftest(load_dataset("digits"), "counting")
    names = {metric.name for metric in tested}
    assert {"fid", "kid", "authpct", "fid_gap", "vendi", "ndb"} <= names
    assert ({"is", "mode_count", "mode_kl"} <= names) == logits
    assert names <= ASKED.keys(), "something is asked of every metric"
    assert not names & {"mse", "auroc", "cmmd", "parameters", "sampling_throughput"}


def test_each_image_is_extracted_once(monkeypatch):
    network = Counting(logits=True)
    monkeypatch.setattr(module, "load_extractor", lambda name, device: network)
    run_selftest(load_dataset("digits"), "counting", [METRICS["mode_count"]])
    assert len(network.seen) == len(set(network.seen)) > 1700


def test_remembered_features_are_those_of_the_network():
    images = load_dataset("digits").test.images[:30]
    network = load_extractor("classifier:digits")
    remembered = module._Remembered(network)
    remembered.extract(images[5:20])
    found, expected = remembered.extract(images[[3, 7, 7, 25]]), network.extract(images)
    assert torch.allclose(found.pooled, expected.pooled[[3, 7, 7, 25]], atol=1e-5)
    assert torch.allclose(found.logits, expected.logits[[3, 7, 7, 25]], atol=1e-4)


def test_a_metric_may_refuse_disturbed_images_but_not_real_ones(monkeypatch):
    """Repeats are refused; then all is."""
    monkeypatch.setattr(module, "load_extractor", lambda name, device: Counting(logits=False))

    def fussy(least: int) -> Metric:
        def compute(samples: torch.Tensor) -> Estimate:
            if (different := len(samples.unique(dim=0))) < least:
                raise BadInput(f"only {different} different images")
            return Estimate(float(samples.double().mean()))

        return Metric("vendi", compute, "higher", "fussy", "")

    monkeypatch.setattr(module, "MOST", 480)
    table = run_selftest(load_dataset("digits"), "counting", [fussy(100)])
    table = table.set_index("disturbance")
    repeats = table.loc["duplicates"]
    assert (repeats["moved"], repeats["verdict"]) == ("no value", "no value")
    assert repeats["reason"] == "only 60 different images"
    assert table["effect"].isna().sum() == 1
    assert table.loc["none", "verdict"] == "passes"
    with pytest.raises(BadInput, match="no value even without a disturbance: only 120"):
        run_selftest(load_dataset("digits"), "counting", [fussy(1000)])


def test_a_metric_that_images_do_not_suffice_for_is_refused():
    with pytest.raises(BadInput, match="mse cannot be tested with classifier:digits: it needs"):
        run_selftest(load_dataset("digits"), "classifier:digits", [METRICS["mse"]])
    with pytest.raises(BadInput, match="takes 1×28×28"):
        run_selftest(load_dataset("digits"), "classifier:mnist")
