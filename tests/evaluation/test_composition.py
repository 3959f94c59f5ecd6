import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.composition import SKILLS, parse_prompt
from harness.evaluation.composition import is_placed, shows
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import EvalConfig
from harness.extractors import DetectedObject, default_detector, load_object_detector
from harness.metrics import METRICS, load_metric

SKILL_METRICS = dict(
    zip(
        SKILLS,
        ["object_accuracy", "two_object_accuracy", "counting_accuracy", "object_colour_accuracy",
         "position_accuracy", "colour_binding_accuracy"],
        strict=True,
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes[train=60,test=600]")


def evidence(samples, texts) -> Evidence:
    setup = EvalConfig({"detector": "rendering:scenes"}, samples=len(samples))
    return Evidence({"samples": samples, "texts": texts}, setup)


def test_real_images_show_what_their_prompts_ask_for(scenes):
    e = evidence(scenes.test.images, scenes.test.texts)
    for name in ("composition_accuracy", *SKILL_METRICS.values()):
        assert e.measure(METRICS[name]).value == 1


def test_noise_and_blur_do_not_mislead_the_exact_judge(scenes):
    random = torch.Generator().manual_seed(0)
    images = scenes.test.images[:120].float()
    noisy = images + 24 * torch.randn(images.shape, generator=random)
    e = evidence(noisy.clamp(0, 255).round().byte(), scenes.test.texts[:120])
    assert e.measure(METRICS["composition_accuracy"]).value == 1


def test_a_disturbance_is_noticed_by_its_own_skill(scenes):
    def accuracies(images):
        e = evidence(images, scenes.test.texts)
        return {skill: e.measure(METRICS[n]).value for skill, n in SKILL_METRICS.items()}

    images = scenes.test.images
    recoloured = accuracies(images.flip(1))
    assert recoloured["colours"] < 0.5
    assert recoloured["colour_binding"] < 0.5
    for skill in ("object", "two_objects", "counting", "positions"):
        assert recoloured[skill] == 1
    halves = images.clone()
    halves[:, :, :, 11:] = 0  # two of three columns are empty
    assert accuracies(halves)["counting"] < 0.1
    assert accuracies(torch.zeros_like(images)) == dict.fromkeys(SKILLS, 0)
    turned = images.clone()
    turned[4::6] = images.roll(6, dims=0)[4::6]  # another position prompt's image
    assert accuracies(turned)["positions"] < 0.3
    assert accuracies(turned)["counting"] == 1


def thing(name, x, y, colour="", score=1.0):
    """An object of 10×10 pixels."""
    return DetectedObject(name, (x - 5, y - 5, x + 5, y + 5), score, colour)


@pytest.mark.parametrize(
    ("prompt", "objects", "right"),
    [
        ("a dog", [thing("dog", 0, 0), thing("dog", 20, 0), thing("cat", 0, 0)], True),
        ("a dog", [thing("cat", 0, 0)], False),
        ("a dog and a cat", [thing("cat", 0, 0)], False),
        ("two dogs", [thing("dog", 0, 0), thing("dog", 20, 0)], True),
        ("two dogs", [thing("dog", 20 * i, 0) for i in range(3)], False),
        ("two dogs", [thing("dog", 0, 0), thing("dog", 9, 0), thing("dog", 1, 1, "", 0.8)], True),
        ("two red dogs", [thing("dog", 0, 0, "red"), thing("dog", 9, 0, "blue")], False),
        ("a red dog", [thing("dog", 0, 0, "blue"), thing("dog", 9, 0, "red")], True),
        ("a red dog and a blue cat", [thing("dog", 0, 0, "blue"), thing("cat", 9, 0, "red")],
         False),
        ("a dog left of a cat", [thing("dog", 0, 0), thing("cat", 20, 0)], True),
        ("a dog right of a cat", [thing("dog", 0, 0), thing("cat", 20, 0)], False),
        ("a dog above a cat", [thing("dog", 0, 0), thing("cat", 0, 20)], True),
        ("a dog below a cat", [thing("dog", 0, 0), thing("dog", 0, 40), thing("cat", 0, 20)], True),
    ],
)  # fmt: skip
def test_what_counts_as_shown(prompt, objects, right):
    assert shows(parse_prompt(prompt), objects) is right


def test_places_are_geneval_s():
    """Offset less a tenth of both extents, over the distance of the centres, above a half."""
    here = thing("a", 0, 0)
    assert not is_placed(here, "left of", thing("b", 2, 0))  # within the margin of 2
    assert not is_placed(here, "left of", thing("b", 4, 0))  # (4 - 2) / 4
    assert is_placed(here, "left of", thing("b", 4.1, 0))
    assert not is_placed(here, "left of", here)
    assert is_placed(here, "left of", thing("b", 20, 20))  # 18 / 28.3
    assert is_placed(here, "above", thing("b", 20, 20))


def test_bad_input(scenes):
    images = scenes.test.images[:2]
    with pytest.raises(
        BadInput, match="rendering:scenes: unknown object 'hart'; did you mean 'heart'"
    ):
        evidence(images, ["a hart", "a heart"]).measure(METRICS["composition_accuracy"])
    with pytest.raises(BadInput, match="'the sea' is none of the forms"):
        evidence(images, ["a heart", "the sea"]).measure(METRICS["composition_accuracy"])
    with pytest.raises(BadInput, match="none of the 2 prompts is of the kind counting"):
        evidence(images, ["a heart", "a square"]).measure(METRICS["counting_accuracy"])
    with pytest.raises(BadInput, match="takes images of 3×32×32, not 1×32×32"):
        load_object_detector("rendering:scenes").detect(images[:, :1])
    with pytest.raises(BadInput, match="judgements must be true or false for each image"):
        METRICS["composition_accuracy"].compute(torch.ones(3))


def test_the_judge_of_a_dataset():
    assert default_detector("scenes") == "rendering:scenes"
    assert default_detector("folder") == "detector"
    assert load_metric("composition_accuracy@detector:me/mine").variant == "detector:me/mine"
