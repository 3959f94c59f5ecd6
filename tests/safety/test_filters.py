import sys
import textwrap
from pathlib import Path

import pytest
import torch

from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.evaluation.evidence import Evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.protocols import EvalConfig, protocol
from harness.evaluation.subject import Subject
from harness.metrics import METRICS
from harness.metrics.base import Estimate, Metric
from harness.safety.filters import filter_label, load_filter

CODE = """
import torch

def drop_bright(images):
    return images, images[:, 0, 0, 0] >= 128

def darken(images):
    return images // 2, torch.zeros(len(images), dtype=torch.bool)

def drop_all(images):
    return images, torch.ones(len(images), dtype=torch.bool)

def no_mask(images):
    return images

def floats(images):
    return images.float(), torch.zeros(len(images), dtype=torch.bool)

NUMBER = 3
"""

MEAN = Metric("mean", lambda samples: Estimate(float(samples.double().mean())), "lower", "m", "")


class Shades:
    """Images of one shade each: those of the generator, from -1 to 1."""

    samples_at_once = False

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        return (2 * torch.rand(n, 1, 1, 1, generator=generator) - 1).expand(n, 1, 8, 8)


@pytest.fixture
def module(tmp_path: Path):
    """A module of filters beside a suite."""
    (tmp_path / "shields_of_test.py").write_text(textwrap.dedent(CODE))
    look_in(tmp_path)
    yield "shields_of_test"
    look_in(None)
    sys.modules.pop("shields_of_test", None)


def evidence(label: str) -> Evidence:
    reference = torch.arange(64, dtype=torch.uint8).repeat(4, 1).reshape(4, 1, 8, 8)
    setup = EvalConfig({}, samples=150, safety_filter=label)
    return Evidence({"reference_images": reference}, setup, model=Shades())


def test_dropped_samples_are_drawn_again_and_the_others_stay(module):
    plain, filtered = evidence("")["samples"], evidence(filter_label(f"{module}:drop_bright"))
    with pytest.warns(UserWarning, match=r"drop_bright@\w{8} dropped \d+ of 150 samples"):
        shown = filtered["samples"]
    dark = plain[:, 0, 0, 0] < 128
    assert 40 < int(dark.sum()) < 110
    assert torch.equal(shown[dark], plain[dark])
    assert bool((shown[:, 0, 0, 0] < 128).all())
    assert shown.shape == plain.shape


def test_images_may_be_replaced(module):
    plain, filtered = evidence("")["samples"], evidence(filter_label(f"{module}:darken"))
    assert torch.equal(filtered["samples"], plain // 2)


def test_a_filter_that_drops_everything_ends_in_one_line(module):
    with pytest.raises(BadInput, match="drops 150 of 150 samples however often"):
        _ = evidence(filter_label(f"{module}:drop_all"))["samples"]


def test_the_protocol_of_samples_names_it(module):
    label = filter_label(f"{module}:drop_bright")
    subject = Subject("d", "0" * 64, {"samples": 150, "reference": 4}, {}, {})
    setup = EvalConfig({}, samples=150, safety_filter=label)
    assert protocol(METRICS["sharpness"], subject, setup).settings["filter"] == label
    assert "filter" not in protocol(METRICS["mse"], subject, setup).settings
    assert "filter" not in protocol(METRICS["sharpness"], subject, EvalConfig({})).settings


def test_a_changed_file_is_another_filter(module, tmp_path):
    before = filter_label(f"{module}:darken")
    (tmp_path / f"{module}.py").write_text(CODE.replace("// 2", "// 3"))
    assert filter_label(f"{module}:darken") != before


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_mask", "images and which are dropped are needed"),
        ("floats", r"torch.uint8 images \(150, 1, 8, 8\) are needed"),
    ],
)
def test_wrong_outputs_are_named(module, function, message):
    with pytest.raises(BadInput, match=message):
        _ = evidence(filter_label(f"{module}:{function}"))["samples"]


def test_what_is_no_function_is_refused(module):
    with pytest.raises(BadInput, match="is no function of images"):
        filter_label(f"{module}:NUMBER")
    with pytest.raises(BadInput, match="has no 'drop_brigh'; did you mean 'drop_bright'"):
        filter_label(f"{module}:drop_brigh")
    assert callable(load_filter(filter_label(f"{module}:darken")))


def test_the_row_says_how_many_were_dropped(module):
    e = evidence(filter_label(f"{module}:drop_bright"))
    [caveat] = [c for c in compute_metric(MEAN, e).caveats if "dropped" in c]
    assert caveat.endswith("of 150 samples, which were drawn again")
