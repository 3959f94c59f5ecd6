"""Metrics through a feature network that their name asks for: `fid@identity`."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_one_pass import Counting

from harness.config.suite import Overrides, load_suite
from harness.core.errors import BadInput, SpecError
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import (
    EvalConfig,
    NetworkInfo,
    check_distinct,
    network_info,
    obstacle,
    protocol,
)
from harness.evaluation.specs import named_networks
from harness.evaluation.subject import Subject
from harness.extractors import load_extractor
from harness.metrics import load_metric
from harness.plan import make_plan
from harness.plan.setup import check_named_networks
from harness.selftest.outcomes import definition

SAMPLES, OTHERS, REFERENCE, TRAIN = torch.randint(
    0, 256, (4, 40, 1, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
)
GIVEN = {"samples": SAMPLES, "reference_images": REFERENCE, "train_images": TRAIN}


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Counting networks by name, made when they are asked for."""
    made: dict[str, Counting] = {}

    def load(name: str, device: str) -> Counting:
        network = made.setdefault(name, Counting())
        network.name = name
        return network

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr("harness.evaluation.evidence.load_extractor", load)
    return made


def measure(evidence: Evidence, *names: str) -> list[float]:
    return [evidence.measure(load_metric(name)).value for name in names]


def test_each_network_sees_each_image_once_however_many_metrics_name_it(networks):
    evidence = Evidence(GIVEN, EvalConfig({"extractor": "a"}))
    measure(evidence, "fid", "fid@b", "kid", "kid@b", "is@b", "recall@b", "authpct", "authpct@c")
    assert {name: network.seen for name, network in networks.items()} == {
        "a": 120, "b": 80, "c": 80
    }  # fmt: skip


def test_another_draw_shares_the_real_images_of_every_network(networks):
    evidence = Evidence(GIVEN, EvalConfig({"extractor": "a"}))
    first = measure(evidence, "fid@b")
    other = evidence.redrawn(1, {"samples": OTHERS})
    assert measure(other, "fid@b") != first
    assert networks["b"].seen == 120
    assert measure(evidence, "fid@b") == first


def test_what_passes_through_no_network_is_computed_once_for_all(networks, monkeypatch):
    calls = Counter()
    evidence = Evidence(GIVEN, EvalConfig({"extractor": "a"}))
    place = Evidence._place
    monkeypatch.setattr(
        Evidence, "_place", lambda self, name: (calls.update([name]), place(self, name))[1]
    )
    measure(evidence, "fid@b", "fid@c")
    assert evidence.at_hand("sample_pass") is None, "the suite's own network was not asked"
    assert calls["samples"] == 2


def test_a_named_network_gives_the_number_of_a_suite_that_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    images = {name: x.repeat(1, 1, 2, 2) for name, x in GIVEN.items()}
    plain = Evidence(images, EvalConfig({"extractor": "identity"}))
    named = Evidence(images, EvalConfig({"extractor": "classifier:digits"}))
    assert measure(named, "kid@identity", "recall@identity") == measure(plain, "kid", "recall")


def info(name: str) -> NetworkInfo:
    return NetworkInfo.of(load_extractor(name))


IDENTITY = EvalConfig({"extractor": "identity"}, {"extractor": info("identity")}, 40)
DIGITS = EvalConfig(
    {"extractor": "classifier:digits"},
    {"extractor": info("classifier:digits")},
    40,
    named={("extractor", "identity"): info("identity")},
)
SUBJECT = Subject("digits", "abc", {"samples": 40, "reference": 40, "train": 40}, {}, {})


def test_its_protocol_is_that_of_a_suite_that_has_it():
    named = protocol(load_metric("fid@identity"), SUBJECT, DIGITS)
    assert named == protocol(load_metric("fid"), SUBJECT, IDENTITY)
    assert named.label().startswith("fid[identity, u8")
    assert protocol(load_metric("fid"), SUBJECT, DIGITS).extractor.startswith("classifier:digits")


def test_a_network_without_logits_gives_no_number_of_classes():
    assert obstacle(load_metric("is"), SUBJECT, DIGITS) is None
    reason = obstacle(load_metric("is@identity"), SUBJECT, DIGITS)
    assert reason == f"{info('identity').label} has no class logits"
    assert network_info(load_metric("is@identity"), DIGITS) == info("identity")


def test_a_named_metric_says_its_network_and_is_else_the_same():
    fid, named = load_metric("fid"), load_metric("fid@dinov2:someone/net")
    assert (named.base_name, named.variant) == ("fid", "dinov2:someone/net")
    assert (fid.base_name, fid.variant) == ("fid", "")
    assert named.title == f"{fid.title} by dinov2:someone/net"
    assert replace(named, name="fid", title=fid.title) == fid
    assert definition(named) == definition(fid), "its self-test is that of the metric"


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("fid", {}),
        ("fid@dinov2", {"extractor": "dinov2"}),
        ("lpips@lpips:vgg", {"perceptual": "lpips:vgg"}),
        ("cmmd@dinov2", {"clip": "dinov2"}),
        ("clip_score@clip", {"text": "clip"}),
        ("vqa_score", {"scorer": "vqa"}),
        ("vqa_score@vqa:me/mine", {"scorer": "vqa:me/mine"}),
        ("latent_path_length@lpips:alex", {"perceptual": "lpips:alex"}),
    ],
)
def test_the_network_is_of_the_role_that_the_metric_has(name, roles):
    assert named_networks(load_metric(name)) == roles


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fid@", "metric 'fid@': after @ comes a feature network, such as fid@dinov2"),
        ("fidd@dinov2", "unknown metric 'fidd'; did you mean 'fid'"),
        ("fid@dinov3", "metric 'fid@dinov3': unknown extractor 'dinov3'; did you mean 'dinov2'"),
        ("fid@classifier:nope", "unknown extractor 'classifier:nope'"),
        ("lpips@dinov2", "metric 'lpips@dinov2': unknown perceptual network 'dinov2'"),
        ("mse@dinov2", "mse passes images through no feature network; write mse in place of mse@d"),
        ("fid@dinov2@clip", "unknown extractor 'dinov2@clip'"),
        ("pick_score@vqa", "pick_score is of pick-score alone; write pick_score"),
    ],
)
def test_a_network_that_cannot_be_is_one_line(name, message):
    with pytest.raises(BadInput, match=message) as caught:
        check_named_networks(load_metric(name))
    assert "\n" not in str(caught.value)


def test_one_number_under_two_names_is_refused():
    metrics = [load_metric("kid"), load_metric("fid"), load_metric("fid@identity")]
    check_distinct(metrics, DIGITS, "digits")
    twice = replace(IDENTITY, named={("extractor", "identity"): info("identity")})
    with pytest.raises(BadInput, match="fid and fid@identity are one number on digits, by ident"):
        check_distinct(metrics, twice, "digits")


SUITE = """\
title: T
seeds: [0]
budget: {images: 64}
datasets:
  - digits
models: [vae/vae]
metrics:
  - fid
  - METRIC
"""


def plan(folder: Path, metric: str, **overrides: str):
    (folder / "suite.yaml").write_text(SUITE.replace("METRIC", metric))
    return make_plan(load_suite(str(folder / "suite.yaml"), Overrides(**overrides)), "cpu", None)


def test_a_suite_keys_it_as_a_suite_that_has_the_network(tmp_path: Path):
    cell = plan(tmp_path, "fid@identity").cells[0]
    default, named = cell.planned_measurements
    assert (default.metric, named.metric) == ("fid", "fid@identity")
    assert default.key != named.key
    other = plan(tmp_path, "mse", extractor="identity").cells[0]
    assert named.key == other.planned_measurements[0].key


@pytest.mark.parametrize(
    ("metric", "line", "message"),
    [
        ("fid@dinov3", 9, "unknown extractor 'dinov3'"),
        ("psnr@dinov2", 9, "psnr passes images through no feature network"),
        ("kid@classifier:mnist", 9, "classifier:mnist"),
        ("fid@classifier:digits", 7, "fid and fid@classifier:digits are one number on digits"),
    ],
)
def test_a_suites_mistake_is_one_line_with_its_place(tmp_path: Path, metric, line, message):
    with pytest.raises(SpecError, match=message) as caught:
        plan(tmp_path, metric)
    assert str(caught.value).startswith(f"{tmp_path / 'suite.yaml'}:{line}: ")
    assert "\n" not in str(caught.value)


def test_a_profile_has_no_metrics_by_other_networks(tmp_path: Path):
    text = SUITE.replace("METRIC", "kid@identity") + "profile: clean-fid\n"
    (tmp_path / "suite.yaml").write_text(text)
    with pytest.raises(SpecError, match=r":9: the profile clean-fid has no metric 'kid@identity'"):
        make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
