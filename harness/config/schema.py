"""JSON Schemas, with which editors complete and check suites, recipes and files of claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from harness.config.claim_files import ClaimFileContent
from harness.config.recipe import Head
from harness.config.suite_types import Suite

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN: dict[str, Any] = {"^x-": {}}
"""Keys that are the writer's own: places for what other keys refer to."""


def suite_schema() -> dict[str, Any]:
    """The schema of suite files."""
    return {"$schema": DIALECT, **Suite.model_json_schema(), "patternProperties": OWN}


def claims_schema() -> dict[str, Any]:
    """The schema of files of claims."""
    return {"$schema": DIALECT, **ClaimFileContent.model_json_schema(), "patternProperties": OWN}


def recipe_schema(families: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """The schema of recipe files, given each family's `Settings` by the family's name.

    A recipe that names a family takes that family's settings and no others. One that extends
    another without saying the family may set anything here; loading it finds what is wrong.
    """
    models: list[type[BaseModel]] = [Head, *dict.fromkeys(families.values())]
    made, schema = models_json_schema([(model, "validation") for model in models])
    definitions = schema["$defs"]

    def definition(model: type[BaseModel]) -> dict[str, Any]:
        name = made[model, "validation"]["$ref"].rpartition("/")[2]
        return dict(definitions[name])

    head = definition(Head)["properties"]
    cases = [
        {
            "if": {"properties": {"family": {"const": name}}, "required": ["family"]},
            "then": {
                "properties": head | definition(settings)["properties"],
                "patternProperties": OWN,
                "additionalProperties": False,
                # A parent may have set what a family asks for.
                "anyOf": [
                    {"required": ["extends"]},
                    {"required": definition(settings).get("required", [])},
                ],
            },
        }
        for name, settings in families.items()
    ]
    return {
        "$schema": DIALECT,
        "title": "Recipe",
        "type": "object",
        "properties": head,
        "anyOf": [{"required": ["family"]}, {"required": ["extends"]}],
        "allOf": cases,
        "$defs": definitions,
    }
