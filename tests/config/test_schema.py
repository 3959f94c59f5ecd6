import json

import jsonschema
import pytest

from harness.config.claim_shapes import SHAPES
from harness.config.schema import recipe_schema, suite_schema
from harness.config.suite_types import Suite
from harness.families.base import FamilySettings


class Wide(FamilySettings):
    width: int = 64


def test_the_suite_schema_knows_every_key_and_no_others():
    schema = json.loads(json.dumps(suite_schema()))
    assert set(schema["properties"]) == set(Suite.model_fields)
    assert schema["additionalProperties"] is False
    for shape in SHAPES.values():
        assert set(schema["$defs"][shape.__name__]["properties"]) == set(shape.model_fields)
    assert schema["required"] == ["title", "seeds", "budget", "datasets", "models", "metrics"]


def test_what_may_be_written_short_is_allowed_short():
    schema = suite_schema()
    entry = schema["properties"]["datasets"]["items"]["anyOf"]
    assert entry == [{"type": "string"}, {"$ref": "#/$defs/DatasetEntry"}]
    metric = schema["$defs"]["ComparisonClaim"]["properties"]["metric"]["anyOf"]
    assert [kind["type"] for kind in metric] == ["string", "array"]


@pytest.mark.parametrize(
    "claim",
    [
        {"from": "gans", "ids": ["a"], "datasets": "ring"},
        {"metric": "fid", "model": "a", "against": "b"},
        {"metric": "auroc", "model": ["a", {"model": "b", "at": 0.5}], "above": 0.5},
        {"shape": "equivalence", "metric": "mse", "model": "a", "against": "b", "delta": 0.1},
        {"shape": "monotone", "metric": "fid", "models": {"model": "a", "at": [0.1, 0.5, 1]},
         "direction": "falls", "delta": {"fid": 0.1}},
    ],
)  # fmt: skip
def test_editors_know_each_shape_by_its_keys(claim):
    schema = suite_schema()
    suite = {"title": "t", "seeds": [0], "budget": {"images": 1}, "datasets": ["d"],
             "models": ["a"], "metrics": ["m"]}  # fmt: skip
    named = claim if "from" in claim else {"id": "c", "statement": "s", **claim}
    jsonschema.validate(suite | {"claims": [named]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(suite | {"claims": [named | {"directoin": "higher"}]}, schema)


def test_a_recipe_has_the_settings_of_the_family_it_names():
    schema = recipe_schema({"wide": Wide, "plain": FamilySettings})
    cases = {case["if"]["properties"]["family"]["const"]: case["then"] for case in schema["allOf"]}
    assert "width" in cases["wide"]["properties"]
    assert "width" not in cases["plain"]["properties"]
    for case in cases.values():
        assert {"family", "extends", "paper", "description", "ema"} <= set(case["properties"])
        assert case["additionalProperties"] is False
    assert schema["anyOf"] == [{"required": ["family"]}, {"required": ["extends"]}]


def test_every_reference_of_the_schemas_leads_somewhere():
    for schema in (suite_schema(), recipe_schema({"wide": Wide})):
        text = json.dumps(schema)
        targets = {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
        assert targets
        assert targets <= set(schema["$defs"])
