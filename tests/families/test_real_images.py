"""Entrants that are made of real images: the pixels as a code, and disturbed sets."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.config.recipe import list_recipes, load_recipe
from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.disturbances import add_pixel_noise, blur
from harness.data.pixels import to_float, to_uint8
from harness.families import FAMILIES, build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Reconstructs
from harness.plan.building import build_model

DIGITS = load_dataset("digits")
DISTURBED = [name for name in list_recipes() if name.startswith("disturbed/")]


def built(recipe: str, seed: int = 0, dataset=DIGITS) -> Any:
    found = load_recipe(recipe)
    return build_model(found.family, found.settings, dataset, seed)


def drawn(recipe: str, n: int, seed: int = 0, dataset=DIGITS) -> torch.Tensor:
    return to_uint8(built(recipe, dataset=dataset).sample(n, torch.Generator().manual_seed(seed)))


def rows(images: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_the_zoo_has_what_the_claims_ask_for():
    names = ["none", "noise-1", "noise-2", "noise-3", "noise-4", "blur", "few-per-class"]
    assert {f"disturbed/{name}" for name in names} == set(DISTURBED)
    levels = [load_recipe(f"disturbed/noise-{i}").settings["level"] for i in (1, 2, 3, 4)]
    assert levels == sorted(levels)


def test_undisturbed_samples_are_training_images_each_once_and_no_reference_images():
    images = drawn("disturbed/none", 360)
    assert len(rows(images)) == len(rows(DIGITS.train.images) & rows(images)) == 360
    assert not rows(images) & rows(DIGITS.test.images)


def test_where_more_are_asked_for_than_there_are_they_come_again_in_turn():
    images = drawn("disturbed/none", 2 * len(DIGITS.train))
    first, again = images.split(len(DIGITS.train))
    assert torch.equal(first, again)
    assert rows(first) == rows(DIGITS.train.images)


@pytest.mark.parametrize("recipe", DISTURBED)
def test_samples_depend_on_the_generator_alone(recipe: str):
    assert torch.equal(drawn(recipe, 50), drawn(recipe, 50))
    assert not torch.equal(drawn(recipe, 50), drawn(recipe, 50, seed=1))
    shape = (50, *DIGITS.train.images.shape[1:])
    assert drawn(recipe, 50).shape == shape


def test_the_same_generator_draws_the_same_images_to_disturb():
    images = drawn("disturbed/none", 50)
    assert torch.equal(drawn("disturbed/blur", 50), blur(images, 1.0))
    noise = [
        float((drawn(f"disturbed/noise-{i}", 50).double() - images).square().mean())
        for i in (1, 2, 3, 4)
    ]
    assert noise == sorted(noise)
    few = drawn("disturbed/few-per-class", 50)
    assert rows(few) < rows(images)


def test_outliers_among_the_training_images_are_no_real_images():
    outliers = torch.arange(len(DIGITS.train)) >= 100
    dataset = replace(DIGITS, train=replace(DIGITS.train, outliers=outliers))
    assert rows(drawn("disturbed/none", 400, dataset=dataset)) == rows(DIGITS.train.images[:100])


@pytest.mark.parametrize("recipe", DISTURBED)
def test_images_are_reconstructed_as_themselves_after_the_disturbance(recipe: str):
    x = to_float(DIGITS.test.images[:20])
    model = built(recipe)
    if recipe == "disturbed/few-per-class":
        assert not isinstance(model, Reconstructs)
        return
    made = to_uint8(model.reconstruct(x))
    assert torch.equal(made, to_uint8(model.reconstruct(x)))
    if "noise" in recipe:
        assert not torch.equal(made, to_uint8(built(recipe, seed=1).reconstruct(x)))
        other = to_uint8(model.reconstruct(x.flip(0))).flip(0)
        assert not torch.equal(made, other), "every batch has the same noise"
    expected = blur(DIGITS.test.images[:20], 1.0) if "blur" in recipe else DIGITS.test.images[:20]
    assert torch.equal(made, expected) != ("noise" in recipe)


def test_noise_has_the_level_of_the_recipe():
    x = torch.zeros(8, 1, 64, 64)
    model = build_family("disturbed", {"disturbance": "noise", "level": 0.1}, ImageShape(1, 64))
    model._seed = 0
    difference = model.reconstruct(x) / 2  # of the range
    assert float(difference.std()) == pytest.approx(0.1, rel=0.03)
    zeros = to_uint8(x)
    assert add_pixel_noise(zeros, 0.1, 0).shape == zeros.shape


def test_pixels_are_their_own_codes_and_reconstructions_to_the_bit():
    model = built("baseline/pixels")
    x = torch.rand(5, 1, 16, 16) * 2 - 1
    assert torch.equal(model.reconstruct(x), x)
    assert torch.equal(model.restore(x, None), x)
    assert model.encode(x).shape == (5, 256)
    assert torch.equal(model.decode(model.encode(x)), x)


def test_what_is_far_from_the_nearest_training_image_is_anomalous():
    model = built("baseline/pixels")
    train = to_float(DIGITS.train.images)
    assert model.score(train[:300]).abs().max() == 0
    x = to_float(DIGITS.test.images[:300])
    brute = torch.stack([(train - image).square().mean(dim=(1, 2, 3)).min() for image in x])
    torch.testing.assert_close(model.score(x), brute)
    torch.testing.assert_close(model.score_map(x).mean(dim=(1, 2)), brute)
    noise = torch.rand(300, 1, 16, 16) * 2 - 1
    assert model.score(noise).min() > model.score(x).max()


def test_records_of_their_settings_have_none_of_steps():
    settings = FAMILIES.load("few-per-class").Settings.model_validate({"share": 0.5})
    named = settings.model_dump(mode="json")
    assert named == {"share": 0.5, "precision": "fp32", "memory_format": "contiguous"}
    assert type(settings).model_validate(named) == settings


@pytest.mark.parametrize(
    "family", [n for n in FAMILIES.builtin if not FAMILIES.load(n).takes_steps]
)
@pytest.mark.parametrize(
    ("setting", "value"),
    [("batch_size", 8), ("ema", 0.9), ("flip", True), ("optimizer", {"lr": 0.1})],
)
def test_settings_of_steps_are_refused(family: str, setting: str, value: object):
    message = f"{setting} is a setting of training steps, and none are taken here"
    needed = {"source": "mine:draw"} if family.startswith("pretrained") else {}
    with pytest.raises(ValidationError, match=message):
        FAMILIES.load(family).Settings.model_validate({**needed, setting: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"disturbance": "noise"}, "noise needs a level"),
        ({"level": 0.1}, "level goes with noise or blur"),
        ({"disturbance": "blur", "level": 0}, "greater than 0"),
    ],
)
def test_a_level_goes_with_a_disturbance(settings: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        FAMILIES.load("disturbed").Settings.model_validate(settings)


@pytest.mark.parametrize(
    ("family", "settings", "shape", "message"),
    [
        ("disturbed", {"disturbance": "blur", "level": 1}, ImageShape(2, 1, pixels=False), "8-bit"),
        ("few-per-class", {}, ImageShape(1, 8), "no classes"),
        ("pixels", {}, ImageShape(3, 8, source_channels=1), "a translation does"),
    ],
)
def test_what_does_not_suit_the_images_is_one_line(
    family: str, settings: dict[str, object], shape: ImageShape, message: str
):
    with pytest.raises(BadInput, match=message):
        build_family(family, settings, shape)


def test_points_can_be_taken_as_they_are():
    points = load_dataset("ring")
    model = build_model("disturbed", {"disturbance": "none"}, points, seed=0)
    x = model.sample(100, torch.Generator().manual_seed(0))
    assert rows(x) <= rows(points.train.images)
