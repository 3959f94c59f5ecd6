import json

from harness.families.base import FamilySettings
from harness.spec.claim import Claim
from harness.spec.schema import recipe_schema, suite_schema
from harness.spec.suite_types import Suite


class Wide(FamilySettings):
    width: int = 64


def test_the_suite_schema_knows_every_key_and_no_others():
    schema = json.loads(json.dumps(suite_schema()))
    assert set(schema["properties"]) == set(Suite.model_fields)
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["Claim"]["properties"]) == set(Claim.model_fields)
    assert schema["required"] == ["title", "seeds", "budget", "datasets", "models", "metrics"]


def test_what_may_be_written_short_is_allowed_short():
    schema = suite_schema()
    entry = schema["properties"]["datasets"]["items"]["anyOf"]
    assert entry == [{"type": "string"}, {"$ref": "#/$defs/DatasetEntry"}]
    metric = schema["$defs"]["Claim"]["properties"]["metric"]["anyOf"]
    assert [kind["type"] for kind in metric] == ["string", "array"]


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
