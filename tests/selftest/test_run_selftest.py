import pytest
import torch

from harness.core.errors import BadInput
from harness.data.load import load_dataset
from harness.extractors import load_extractor
from harness.extractors.base import Extracted
from harness.metrics import METRICS
from harness.metrics.base import Estimate, Metric, worse_with
from harness.selftest import run as module
from harness.selftest.disturbances import LADDERS
from harness.selftest.run import run_selftest


class Counting:
    """An extractor that counts what it sees; features are the first pixels."""

    def __init__(self, logits: bool) -> None:
        self.seen: list[bytes] = []
        self.has_logits = logits

    def check(self, channels: int, size: int) -> None:
        pass

    def extract(self, images: torch.Tensor) -> Extracted:
        self.seen += [image.numpy().tobytes() for image in images]
        pooled = images.flatten(1)[:, 100:104].float()
        return Extracted(pooled, pooled if self.has_logits else None)


def test_digits(monkeypatch):
    monkeypatch.setattr(module, "MOST", 800)
    metrics = [METRICS[name] for name in ("authpct", "coverage", "mode_count")]
    table = run_selftest(load_dataset("digits"), "classifier:digits", metrics)
    assert len(table) == 3 * len(LADDERS)
    asked = table[table["asked"]]
    assert (asked["verdict"] == "passes").all()
    assert table["verdict"].isin(["passes", "not asked", "not applicable"]).all()
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
    assert all(metric.fooled_by for metric in tested), "something is asked of every metric"
    assert not names & {"auroc", "cmmd", "parameters", "sampling_throughput", "colour_shift"}
    assert not names & {"lpips", "symmetry_error", "polygon_precision", "ms_ssim"}


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

        fooled_by = worse_with("few_per_class", "duplicates")
        return Metric("vendi", compute, "higher", "fussy", "", fooled_by=fooled_by)

    monkeypatch.setattr(module, "MOST", 480)
    table = run_selftest(load_dataset("digits"), "counting", [fussy(100)])
    table = table.set_index("disturbance")
    repeats = table.loc["duplicates"]
    assert (repeats["moved"], repeats["verdict"]) == ("no value", "no value")
    assert repeats["reason"] == "only 60 different images"
    refused = table.index[table["moved"] == "no value"]
    assert list(refused) == ["few_per_class", "duplicates"]
    assert table.loc["none", "verdict"] == "passes"
    table = run_selftest(load_dataset("digits"), "counting", [fussy(1000)])
    assert (table.loc[table["asked"], "verdict"] == "no value").all()
    assert "only 120 different images" in set(table["reason"])


def test_what_compares_images_one_by_one_is_tested_with_pairs():
    """Noise makes images sharper by their high frequencies, and worse by their error."""
    metrics = [METRICS[name] for name in ("mse", "reconstruction_sharpness", "lpips")]
    digits = load_dataset("digits")
    table = run_selftest(digits, None, metrics, perceptual="classifier:digits")
    found = table.set_index(["metric", "disturbance"])
    assert found.loc[("mse", "noise"), "undisturbed"] == 0
    # A level of a tenth would be an error of 0.01, but that values are cut off at the range.
    assert 0.001 < found.loc[("mse", "noise"), "values"][1] < 0.01
    assert found.loc[("mse", "noise"), "verdict"] == "passes"
    assert found.loc[("lpips", "blur"), "verdict"] == "passes"
    assert found.loc[("reconstruction_sharpness", "blur"), "verdict"] == "passes"
    assert found.loc[("reconstruction_sharpness", "noise"), "verdict"] == "fooled"
    copies = found.loc[("mse", "copies")]
    assert (copies["moved"], copies["verdict"]) == ("not applicable", "not applicable")


def test_grey_is_noticed_by_the_metric_of_colours():
    stacked = load_dataset("stacked:digits[train=400,test=200]")
    table = run_selftest(stacked, None, [METRICS["colour_shift"]]).set_index("disturbance")
    assert table.loc[["grey", "noise"], "verdict"].tolist() == ["passes", "passes"]
    assert table.loc["grey", "undisturbed"] == 0
    first, second, third = table.loc["grey", "values"]
    assert 0 < first < second < third


def test_a_metric_that_images_do_not_suffice_for_is_refused():
    with pytest.raises(BadInput, match="auroc cannot be tested: it needs anomaly_labels"):
        run_selftest(load_dataset("digits"), "classifier:digits", [METRICS["auroc"]])
    with pytest.raises(BadInput, match="lpips cannot be tested: it needs a perceptual network"):
        run_selftest(load_dataset("digits"), "classifier:digits", [METRICS["lpips"]])
    with pytest.raises(BadInput, match="fid cannot be tested: it needs a feature network"):
        run_selftest(load_dataset("digits"), None, [METRICS["fid"]])
    with pytest.raises(BadInput, match="colour_shift cannot be tested: digits has no colours"):
        run_selftest(load_dataset("digits"), None, [METRICS["colour_shift"]])
    with pytest.raises(BadInput, match="symmetry_error cannot be tested: digits is not symmetric"):
        run_selftest(load_dataset("digits"), None, [METRICS["symmetry_error"]])
    with pytest.raises(BadInput, match="ring has no images of 8-bit pixels"):
        run_selftest(load_dataset("ring"), None, [METRICS["mse"]])
    with pytest.raises(BadInput, match="takes 1×28×28"):
        run_selftest(load_dataset("digits"), "classifier:mnist")
