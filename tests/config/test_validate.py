import re

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from harness.config.validate import validate_document
from harness.config.yaml_files import load_yaml
from harness.core.errors import SpecError


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Optimiser(Strict):
    rate: float = Field(gt=0)


class Player(Strict):
    name: str
    optimiser: Optimiser | None = None

    @field_validator("name")
    @classmethod
    def _lower(cls, name: str) -> str:
        if not name.islower():
            raise ValueError("should be lower case")
        return name


class Game(Strict):
    rounds: int
    last: bool = False
    players: tuple[Player, ...] = ()


@pytest.fixture
def game(tmp_path):
    def read(text):
        path = tmp_path / "game.yaml"
        path.write_text(text)
        return validate_document(Game, load_yaml(path))

    return read


def test_what_is_right_becomes_the_model(game):
    read = game("rounds: 3\nplayers: [{name: eve, optimiser: {rate: 1e-4}}]\n")
    assert read == Game(rounds=3, players=(Player(name="eve", optimiser=Optimiser(rate=1e-4)),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rounds: many\n", ":1: rounds: 'many': should be a valid integer"),
        ("players: []\n", ":1: key 'rounds' is missing"),
        ("rounds: 1\nplayer: []\n", ":2: unknown key 'player'; did you mean 'players'?"),
        ("rouns: 1\n", ":1: unknown key 'rouns'; did you mean 'rounds'?"),
        ("rounds: 1\nzebra: 1\n", ":2: unknown key 'zebra'; known: last, players, rounds"),
        (
            "rounds: 1\nplayers:\n- name: eve\n  optimiser:\n    rat: 1\n",
            ":5: unknown key 'players[0].optimiser.rat'; did you mean 'rate'?",
        ),
        (
            "rounds: 1\nplayers:\n- name: eve\n  optimiser:\n    rate: 0\n",
            ":5: players[0].optimiser.rate: 0: should be greater than 0",
        ),
        ("rounds: 1\nplayers:\n- name: EVE\n", ":3: players[0].name: 'EVE': should be lower case"),
        ("rounds: 1\nplayers: 5\n", ":2: players: 5: should be a valid tuple"),
    ],
)
def test_what_is_wrong_is_one_line_with_place_value_and_remedy(game, text, expected):
    with pytest.raises(SpecError) as caught:
        game(text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_findings_are_told_in_the_order_of_the_file(game):
    with pytest.raises(SpecError) as caught:
        game("players: [{name: A}]\nrounds: x\nzebra: 1\n")
    assert re.search(
        r"game\.yaml:3: unknown key 'zebra'; known: last, players, rounds; also line 1: "
        r"players\[0\]\.name: 'A': should be lower case; also line 2: rounds: 'x': should be a ",
        str(caught.value),
    )
    assert "\n" not in str(caught.value)


def test_of_very_many_findings_some_are_told_and_the_others_counted(game):
    names = ", ".join("{name: A}" for _ in range(20))
    with pytest.raises(SpecError) as caught:
        game(f"rounds: 1\nplayers: [{names}]\n")
    assert str(caught.value).count("should be lower case") == 8
    assert str(caught.value).endswith("; also 12 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rounds: true\n", ":1: rounds: true: should be a number"),
        ("rounds: 0400\n", ":1: rounds: '0400': should be a number, without quotes and leading"),
        ('rounds: "3"\n', ":1: rounds: '3': should be a number, without quotes"),
        ("rounds: 1\nlast: 1\n", ":2: last: 1: should be true or false"),
        ('rounds: 1\nlast: "no"\n', ":2: last: 'no': should be true or false"),
        ("rounds: 1\nplayers: [{name: a, optimiser: {rate: true}}]\n",
         ":2: players[0].optimiser.rate: true: should be a number"),
        ("rounds: false\nlast: 1.0\n", ":1: rounds: false: should be a number; also line 2: last:"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_not_taken_for_what_it_looks_like(game, text, message):
    with pytest.raises(SpecError) as caught:
        game(text)
    assert message in str(caught.value)


def test_a_whole_number_may_have_a_point_or_an_exponent(game):
    assert game("rounds: 4e2\n").rounds == 400
    assert game("rounds: 4.0\nlast: true\n").last


def test_a_long_value_is_cut(game):
    with pytest.raises(SpecError) as caught:
        game(f"rounds: {'x' * 500}\n")
    assert len(caught.value.message) < 250
