"""One style a recipe on all pages."""

import itertools

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.config.shipped import shipped
from harness.report.palette import COLOURS, MARKERS, model_styles

# Machado, Oliveira & Fernandes (2009), table 1 at severity 1: what is left of linear RGB.
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip


def lab(colour: str, seen: list[list[float]]) -> np.ndarray:
    """CIELAB of a colour of sRGB (D65)."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(seen) @ linear, 0, 1)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(matrix) @ linear / np.array([0.9505, 1, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_stay_apart_with_any_colour_vision(deficiency: str):
    """A difference of 2.3 is just noticeable; these are of small marks side by side."""
    seen = [lab(colour, DEFICIENCIES[deficiency]) for colour in COLOURS.values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def shipped_suites() -> dict[str, list[str]]:
    suites = {}
    for file in sorted(shipped("suites").glob("*.yaml")):
        models = yaml.safe_load(file.read_text(encoding="utf-8")).get("models") or []
        suites[file.stem] = [model for model in models if isinstance(model, str)]
    return suites


def test_recipes_of_a_shipped_suite_look_different_without_their_page_seeing_to_it():
    for suite, models in shipped_suites().items():
        alone = {model: model_styles([model])[model] for model in models}
        assert len(set(alone.values())) == len(alone), suite


def test_where_there_are_enough_colours_families_in_a_suite_have_different_ones():
    styles = model_styles(shipped_suites()["quickstart"])
    assert len({style.colour for style in styles.values()}) == len(styles) == 4


names = st.lists(st.text("abc/-12", min_size=1, max_size=6), min_size=1, max_size=8, unique=True)


@given(names)
def test_a_colour_is_a_function_of_the_name_and_no_two_models_look_alike(models: list[str]):
    styles = model_styles(models)
    assert len(set(styles.values())) == len(models)
    for model, style in styles.items():
        assert style.colour == model_styles([model])[model].colour
        assert style.colour in COLOURS.values()
        assert style.marker in MARKERS


def test_a_training_fraction_and_an_entry_have_the_colour_of_their_recipe():
    names = ["gan/dcgan", "gan/dcgan@0.5", "gan/dcgan (batch 64)"]
    styles = model_styles(names)
    assert len({style.colour for style in styles.values()}) == 1
    assert len(set(styles.values())) == 3


def test_every_shipped_recipe_has_a_place_of_its_own_in_the_table():
    table = yaml.safe_load(
        (shipped("suites").parent / "harness" / "report" / "colours.yaml").read_text()
    )
    recipes = shipped("models")
    named = {
        file.relative_to(recipes).with_suffix("").as_posix() for file in recipes.rglob("*.yaml")
    }
    assert named <= set(table)
    assert all(set(style.split()) <= {*COLOURS, *MARKERS} for style in table.values())
