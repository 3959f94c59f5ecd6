import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from harness.spec.errors import SpecError
from harness.spec.validate import validate
from harness.spec.yamlfile import load_yaml


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
    players: tuple[Player, ...] = ()


@pytest.fixture
def game(tmp_path):
    def read(text):
        path = tmp_path / "game.yaml"
        path.write_text(text)
        return validate(Game, load_yaml(path))

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
        ("rouns: 1\n", ":1: unknown key 'rouns'; did you mean 'rounds'? (and 1 more)"),
        ("rounds: 1\nzebra: 1\n", ":2: unknown key 'zebra'; known: players, rounds"),
        (
            "rounds: 1\nplayers:\n- name: eve\n  optimiser:\n    rat: 1\n",
            ":5: unknown key 'players[0].optimiser.rat'; did you mean 'rate'? (and 1 more)",
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


def test_of_several_findings_the_first_in_the_file_is_shown(game):
    with pytest.raises(SpecError, match=r":1: players\[0\].name: 'A': .* \(and 1 more\)"):
        game("players: [{name: A}]\nrounds: x\n")


def test_a_long_value_is_cut(game):
    with pytest.raises(SpecError) as caught:
        game(f"rounds: {'x' * 500}\n")
    assert len(caught.value.message) < 250
