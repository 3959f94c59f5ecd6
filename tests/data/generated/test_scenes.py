import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.composition import SKILLS, ObjectRequest, Prompt, parse_prompt, write_prompt


@pytest.mark.parametrize(
    ("text", "requests", "relation", "skill"),
    [
        ("a photo of a dog", [("dog", 1, "")], "", "object"),
        ("an ellipse and a square", [("ellipse", 1, ""), ("square", 1, "")], "", "two_objects"),
        ("Three red squares.", [("square", 3, "red")], "", "counting"),
        ("two ellipses", [("ellipse", 2, "")], "", "counting"),
        ("an orange heart", [("heart", 1, "orange")], "", "colours"),
        ("an orange", [("orange", 1, "")], "", "object"),
        ("a red cup and a blue fork", [("cup", 1, "red"), ("fork", 1, "blue")], "",
         "colour_binding"),
        ("a traffic light to the left of a tv", [("traffic light", 1, ""), ("tv", 1, "")],
         "left of", "positions"),
    ],
)  # fmt: skip
def test_what_a_prompt_asks_for(text, requests, relation, skill):
    prompt = parse_prompt(text)
    assert prompt == Prompt(tuple(ObjectRequest(*each) for each in requests), relation)
    assert prompt.skill == skill
    assert parse_prompt(write_prompt(prompt)) == prompt


def test_a_plural_is_of_the_name_that_is_known():
    names = ["bus", "vase", "dog"]
    texts = ["two buses", "two vases", "two dogs", "a vase"]
    known = [parse_prompt(text).requests[0].called_by(names) for text in texts]
    assert known == ["bus", "vase", "dog", "vase"]
    assert write_prompt(Prompt((ObjectRequest("bus", 2),))) == "two buses"
    with pytest.raises(BadInput, match="unknown object 'buse'; did you mean 'bus'"):
        parse_prompt("a buse").requests[0].called_by(names)


@pytest.mark.parametrize("text", ["", "dogs", "a dog and a cat and a cow", "the sea at night"])
def test_another_text_is_refused(text):
    with pytest.raises(BadInput, match="is none of the forms 'two red squares'"):
        parse_prompt(text)


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes[train=60,test=120]")


def test_prompts_are_of_each_skill_alike(scenes):
    for split in (scenes.train, scenes.test):
        assert torch.equal(split.labels.unique(), torch.arange(6))
        skills = [parse_prompt(text).skill for text in split.texts]
        assert skills == [SKILLS[label] for label in split.labels]
    assert scenes.card.classes == SKILLS
    assert scenes.train.images.shape == (60, 3, 32, 32)
    assert not torch.equal(scenes.train.images, scenes.test.images[:60])


def test_it_is_the_same_on_every_machine(scenes):
    assert load_dataset("scenes[train=60,test=120]").digest == scenes.digest
    assert torch.equal(load_dataset("scenes[train=6,test=6]").test.images, scenes.test.images[:6])
    assert int(scenes.test.images.sum(dtype=torch.int64)) == 3_599_150


def test_counts_are_whole_numbers():
    with pytest.raises(BadInput, match="scenes: test=none; right is a whole number"):
        load_dataset("scenes[test=none]")
