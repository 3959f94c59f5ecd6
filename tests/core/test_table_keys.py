from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from harness.core.table_keys import KeyOf

LOSSES = {"l1": abs, "l2": pow}


class Settings(BaseModel):
    loss: Annotated[str, KeyOf(LOSSES)] = "l1"
    others: tuple[Annotated[str, KeyOf(LOSSES)], ...] = ()


def test_a_key_of_the_table_is_taken_and_nothing_else():
    assert Settings(loss="l2", others=("l1", "l2")).loss == "l2"
    with pytest.raises(ValidationError, match="Input should be 'l1' or 'l2'"):
        Settings(loss="l3")
    with pytest.raises(ValidationError, match=r"others\.1"):
        Settings(others=("l1", "l3"))


def test_editors_are_offered_the_keys():
    assert Settings.model_json_schema()["properties"]["loss"]["enum"] == ["l1", "l2"]
