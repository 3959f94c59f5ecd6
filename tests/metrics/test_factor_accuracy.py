import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig
from harness.metrics import METRICS

NAMES = ("shape", "colour")
ASKED = torch.tensor([[0, 1], [2, 3], [1, 1], [0, 0]])
READ = torch.tensor([[0, 1], [2, 0], [0, 0], [0, 0]])


def test_per_factor_on_average_and_at_once():
    values = {
        name: METRICS[name].compute(ASKED, READ, NAMES).value
        for name in ("shape_accuracy", "colour_accuracy")
    }
    assert values == {"shape_accuracy": 0.75, "colour_accuracy": 0.5}
    assert METRICS["factor_accuracy"].compute(ASKED, READ).value == 0.625
    assert METRICS["all_factors_accuracy"].compute(ASKED, READ).value == 0.5


def test_bad_input():
    with pytest.raises(BadInput, match="no factor scale, only shape, colour"):
        METRICS["scale_accuracy"].compute(ASKED, READ, NAMES)
    with pytest.raises(BadInput, match=r"not \(4, 2\), \(3, 2\)"):
        METRICS["factor_accuracy"].compute(ASKED, READ[:3])


@pytest.fixture(scope="module")
def shapes():
    return load_dataset("shapes[train=40,test=60]")


def evidence(shapes, samples, texts) -> Evidence:
    setup = EvalConfig({"factors": "rendering:shapes"}, samples=len(samples))
    test = shapes.test
    values = {
        "samples": samples, "texts": texts, "reference_texts": test.texts,
        "text_factors": test.factors, "factor_names": shapes.card.factors,
    }  # fmt: skip
    return Evidence(values, setup)


def test_real_images_show_what_their_texts_say(shapes):
    e = evidence(shapes, shapes.test.images, shapes.test.texts)
    for name in ("factor_accuracy", "all_factors_accuracy", "x_accuracy", "rotation_accuracy"):
        assert e.measure(METRICS[name]).value == 1


def test_channels_in_another_order_are_another_colour_only(shapes):
    e = evidence(shapes, shapes.test.images.flip(1), shapes.test.texts)
    assert e.measure(METRICS["colour_accuracy"]).value < 0.5
    for factor in ("shape", "scale", "rotation", "x", "y"):
        assert e.measure(METRICS[f"{factor}_accuracy"]).value == 1


def test_an_unknown_text_is_refused(shapes):
    e = evidence(shapes, shapes.test.images[:1], ["a cat"])
    with pytest.raises(BadInput, match="'a cat' is the text of no test image"):
        e.measure(METRICS["factor_accuracy"])
