"""The JSON Schemas, by which editors check, and the check itself say the same of any file."""

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from harness.config.claim_files import ClaimFileContent
from harness.config.recipe import list_recipes, load_recipe
from harness.config.schema import claims_schema, recipe_schema, suite_schema
from harness.config.suite_types import Suite
from harness.config.value_types import mistaken
from harness.families import FAMILIES

CLAIMS: list[dict[str, Any]] = [
    {"id": "a", "statement": "s", "metric": "fid", "model": "m", "against": "n", "delta": 0.1},
    {"id": "b", "statement": "s", "metric": ["fid"], "model": {"model": "m", "at": 0.5},
     "below": 3},
    {"id": "c", "statement": "s", "shape": "equivalence", "metric": "fid", "model": "m",
     "equals": 1.0, "delta": {"fid": 1}},
    {"id": "d", "statement": "s", "shape": "monotone", "metric": "fid", "direction": "falls",
     "models": {"model": "m", "at": [0.1, 0.5, 1]}},
    {"id": "e", "statement": "s", "shape": "trade-off", "model": "m", "against": "n",
     "better": "fid", "same": ["mse"], "delta": 0.1, "over": "average", "alpha": 0.1},
    {"id": "f", "statement": "s", "shape": "correlation", "metric": ["fid", "mse"],
     "models": ["m", "n", "o"], "above": 0, "failures": "drop", "datasets": ["digits"]},
    {"id": "g", "statement": "s", "shape": "spread", "metric": "fid", "model": "m", "against": "n"},
    {"id": "h", "statement": "s", "shape": "ordering", "metric": "fid", "models": ["m", "n"]},
]  # fmt: skip
SUITE: dict[str, Any] = {
    "x-shared": {"anything": [1]},
    "title": "t", "description": "d", "seeds": [0, 1], "budget": {"images": 64},
    "datasets": ["digits", {"name": "ring", "models": ["m"], "metrics": ["mse"],
                            "budget": {"images": 8}, "samples": 9}],
    "models": ["m", "n", "o"], "metrics": ["fid", "mse"], "profile": "", "extractor": "inception",
    "samples": 100, "draws": 1, "accelerate": "off", "precision": "bf16",
    "external": [{"name": "theirs", "dataset": "digits", "samples": ["a", ["b", "c"]]}],
    "claims": CLAIMS,
}  # fmt: skip
CLAIM_FILE = {"title": "t", "x-shared": 1, "claims": CLAIMS}
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3, 0.5, 1.0, 2.5, 4e5, "", "0-4", "4-0", "0,1", "0400", "1", "m",
    "Fid", "digits", [], ["m"], ["m", "m"], [0, 0], [True], ["0-4"], [[]], {}, {"model": "m"},
    {"model": "m", "at": 2}, {"images": 64.0}, {"name": "digits"}, {"at": []}, [1, "1"],
]  # fmt: skip
WORDS = ["shape", "at", "delta", "above", "below", "against", "x-more", "nonsense", "seed", "from"]
MEANING = {"value_error", "claim"}
"""What only the check can know: names that differ after all, sides that do not go together."""


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [(*way, key) for key, _ in inner] + [
        place
        for key, child in (value.items() if isinstance(value, dict) else enumerate(value))
        if isinstance(child, dict | list)
        for place in places(child, (*way, key))
    ]


@st.composite
def mutated(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(places(changed)))
        inside: Any = changed
        for key in way:
            inside = inside[key]
        match draw(st.sampled_from(["replace", "drop", "add"])):
            case "drop":
                del inside[last]
            case "add" if isinstance(inside, dict):
                inside[draw(st.sampled_from(WORDS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case _:
                inside[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return changed


def findings(model: type[BaseModel], content: dict[str, Any]) -> set[str]:
    """The kinds of what the check finds wrong; without sections of one's own, as when loaded."""
    written = {key: value for key, value in content.items() if not key.startswith("x-")}
    try:
        made = model.model_validate(written)
    except ValidationError as error:
        return {finding["type"] for finding in error.errors()}
    return {"kind"} if any(mistaken(written, made)) else set()


def agree(model: type[BaseModel], validator: Draft202012Validator, content: dict[str, Any]) -> None:
    found = findings(model, content)
    refused = [error.message for error in validator.iter_errors(content)]
    if refused:
        assert found, f"an editor refuses what is right: {refused}"
    elif found:
        assert found <= MEANING, f"an editor takes what is wrong: {found}"


SUITES = Draft202012Validator(suite_schema())
CLAIM_FILES = Draft202012Validator(claims_schema())
many = settings(max_examples=300, deadline=None, derandomize=True,
                suppress_health_check=list(HealthCheck))  # fmt: skip


def test_what_is_mutated_is_right():
    for model, validator, content in (
        (Suite, SUITES, SUITE), (ClaimFileContent, CLAIM_FILES, CLAIM_FILE),
    ):  # fmt: skip
        assert findings(model, content) == set()
        assert not list(validator.iter_errors(content))


@many
@given(mutated(SUITE))
@example(SUITE | {"seeds": "0-4"})
@example(SUITE | {"seeds": "0--4"})
@example(SUITE | {"seeds": [0, 0]})
@example(SUITE | {"budget": {"images": True}})
@example(SUITE | {"budget": {"images": "0400"}})
@example(SUITE | {"budget": {"images": 4e5}})
@example(SUITE | {"models": ["m", "m"]})
@example(SUITE | {"claims": [CLAIMS[0] | {"metric": []}]})
@example(SUITE | {"claims": [CLAIMS[1] | {"model": []}]})
@example(SUITE | {"claims": [CLAIMS[1] | {"model": {"model": "m", "at": 7}}]})
@example(SUITE | {"claims": [CLAIMS[0] | {"delta": True}]})
def test_suites(content: dict[str, Any]):
    agree(Suite, SUITES, content)


@many
@given(mutated(CLAIM_FILE))
def test_files_of_claims(content: dict[str, Any]):
    agree(ClaimFileContent, CLAIM_FILES, content)


RECIPES = Draft202012Validator(
    recipe_schema({name: FAMILIES.load(name).Settings for name in FAMILIES.builtin})
)


NEEDED: dict[str, dict[str, Any]] = {
    "pretrained": {"source": "mine:draw"},
    "pretrained-autoencoder": {"source": "mine:code"},
    "pretrained-text-diffusion": {"unet": {}},
}
"""What families need that no recipe of the zoo is of."""


@cache
def right_settings(family: str) -> dict[str, Any]:
    """The family's defaults, or the settings of a recipe where these leave out what it needs."""
    model = FAMILIES.load(family).Settings
    try:
        made = model()
    except ValidationError:
        recipes = map(load_recipe, list_recipes())
        of_zoo = (recipe.settings for recipe in recipes if recipe.family == family)
        made = model(**(NEEDED.get(family) or next(of_zoo)))
    values: dict[str, Any] = json.loads(made.model_dump_json())
    return values


@pytest.mark.parametrize("family", FAMILIES.builtin)
@settings(parent=many, max_examples=60)
@given(data=st.data())
def test_recipes(family: str, data: st.DataObject):
    model = FAMILIES.load(family).Settings
    whole = {"family": family, "x-shared": [1], **right_settings(family)}
    content = data.draw(mutated(whole))
    if content.get("family") != family:
        return
    own = {key: value for key, value in content.items() if key != "family"}
    found = findings(model, own)
    refused = [error.message for error in RECIPES.iter_errors(content)]
    if refused:
        assert found, f"an editor refuses what is right: {refused}"
    elif found:
        assert found <= MEANING, f"an editor takes what is wrong: {found}"
