"""Baseline files: what is in them, and what is said of one that was changed by hand."""

import json
from pathlib import Path

import pytest
from recorded import noisy, plan_of, results_of

from harness.core.errors import BadInput
from harness.plan import Plan
from harness.regression.baseline import checksum_of, load_baseline, to_json
from harness.regression.baseline_from_plan import make_baseline


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_of(tmp_path_factory.mktemp("suite"), seeds=range(12))


@pytest.fixture(scope="module")
def text(plan: Plan) -> str:
    return to_json(make_baseline(plan, results_of(plan, noisy())))


def test_a_file_holds_every_bit_of_every_number(plan: Plan, text: str, tmp_path: Path):
    (tmp_path / "b.json").write_text(text)
    read = load_baseline(tmp_path / "b.json")
    assert read == make_baseline(plan, results_of(plan, noisy()))
    wanted = next(w for w in plan.cells[0].planned_measurements if w.metric == "mse")
    numbers = next(n for n in read.numbers if (n.model, n.metric) == (plan.cells[0].model, "mse"))
    assert numbers.values[0] == noisy()(plan.cells[0], wanted)
    assert list(numbers.values) == list(range(12))
    assert read.protocol(numbers) == wanted.protocol
    assert read.keys("digits", "vae/vae")[11] == next(
        c.training_key for c in plan.cells if (c.model, c.seed) == ("vae/vae", 11)
    )


def test_a_file_can_be_read_and_names_nothing_of_the_machines_folders(text: str, tmp_path: Path):
    lines = text.splitlines()
    assert len(lines) < 60
    assert sum('"metric": "mse"' in line and '"values"' in line for line in lines) == 2
    assert "training images" not in text
    assert str(Path.cwd()) not in text
    assert str(tmp_path.parent) not in text


def test_failures_are_kept_with_their_reason(plan: Plan):
    def value(cell, wanted):
        gone = cell.model == "vae/vae" and cell.seed == 1
        return "diverged: the loss was nan" if gone else noisy()(cell, wanted)

    found = make_baseline(plan, results_of(plan, value))
    numbers = next(n for n in found.numbers if (n.model, n.metric) == ("vae/vae", "mse"))
    assert numbers.failures == {1: "diverged: the loss was nan"}
    assert 1 not in numbers.values


def test_what_is_not_finished_makes_no_baseline(plan: Plan):
    def value(cell, wanted):
        return "" if cell.seed == 3 and wanted.metric == "mse" else noisy()(cell, wanted)

    with pytest.raises(BadInput, match="guarded: 2 of 24 cells not measured yet"):
        make_baseline(plan, results_of(plan, value))


def test_failed_cells_alone_make_no_baseline(plan: Plan):
    with pytest.raises(BadInput, match="no cell of guarded has a number"):
        make_baseline(plan, results_of(plan, lambda cell, wanted: "failed: no memory"))


def edited(text: str, old: str, new: str, path: Path) -> str:
    """What is said of the file with one change."""
    assert old in text, old
    (path / "b.json").write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        load_baseline(path / "b.json")
    assert caught.value.exit_code == 2
    said = str(caught.value).removeprefix(str(path / "b.json"))
    assert "\n" not in said
    return said


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)


@pytest.fixture
def first_value(text: str) -> str:
    """`{"0": 1.0123`, the first value of the first numbers."""
    start = text.index('"values": ') + len('"values": ')
    return text[start : text.index(",", start)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "numbers[0].values.0: 'NaN': should be a valid number"),
        ("-Infinity", "numbers[0].values.0: '-Infinity': should be a valid number"),
        ('"1.5"', "numbers[0].values.0: '1.5': should be a valid number"),
        ("null", "numbers[0].values.0: None: should be a valid number"),
        ("true", "numbers[0].values.0: True: should be a valid number"),
        ("1e999", "numbers[0].values.0: '1e999': should be a valid number"),
    ],
)
def test_a_value_that_is_no_number(
    text: str, tmp_path: Path, first_value: str, value: str, reason: str
):
    said = edited(text, first_value, f'{{"0": {value}', tmp_path)
    assert said.startswith(f":{line_of(text, first_value)}: {reason}")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"suite": ', '"siute": ', "unknown key 'siute'; did you mean 'suite'?"),
        ('"dataset": "digits", "model"', '"model"', "key 'trained[0].dataset' is missing"),
        ('"images": 640', '"images": "many"', "images: 'many': should be a valid integer"),
        ('"images": 640', '"images": -1', "images: -1: should be greater than 0"),
        ('"values": {"0"', '"values": {"first"', "numbers[0].values.first"),
        ('"samples": null', '"samples": "few"', "not the fields of a protocol"),
        ('"extractor": ', '"network": ', "not the fields of a protocol"),
        ('"format": 1', '"format": 2', "not a baseline of format 1, which this harness reads"),
        ('"format": 1,', "", "its format is None"),
    ],
)
def test_a_wrong_word(text: str, tmp_path: Path, old: str, new: str, reason: str):
    said = edited(text, old, new, tmp_path)
    assert reason in said
    if new:
        assert said.startswith(f":{line_of(text, old)}: ")


def test_parts_that_do_not_go_together_are_named_though_the_checksum_be_right(
    text: str, tmp_path: Path
):
    for change, reason in (
        ({"protocol": "other"}, "mse of autoencoder/conv on digits: there is no protocol 'other'"),
        ({"values": {}, "failures": {}}, "numbers[0]: neither values nor failures"),
        ({"failures": {"1": "failed: no memory"}}, "numbers[0]: seed 1 has a value and failed"),
        ({"metric": "psnr"}, "psnr of autoencoder/conv on digits is there twice"),
    ):
        content = json.loads(text)
        content["numbers"][0] |= change
        content["checksum"] = checksum_of(content)
        (tmp_path / "b.json").write_text(json.dumps(content))
        with pytest.raises(BadInput) as said:
            load_baseline(tmp_path / "b.json")
        assert reason in str(said.value)


def test_a_changed_number_is_noticed(text: str, tmp_path: Path, first_value: str):
    said = edited(text, first_value, '{"0": 1.0', tmp_path)
    assert said.startswith(f":{line_of(text, 'checksum')}: the checksum does not fit the content")
    assert "`harness baseline save`" in said


def test_what_is_no_json(text: str, tmp_path: Path):
    assert edited(text, '"suite"', "<<<<<<< main\n", tmp_path).startswith(":4: not JSON")
    assert "not JSON" in edited(text, text, "", tmp_path)
    assert "should be a mapping" in edited(text, text, "[1]", tmp_path)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-16 text; save it as UTF-8"):
        load_baseline(tmp_path / "b.json")
    with pytest.raises(BadInput, match=r"none\.json: cannot be read: No such file"):
        load_baseline(tmp_path / "none.json")


def test_a_large_or_indented_file_is_read_and_its_faults_are_named(text: str, tmp_path: Path):
    tabs = json.dumps(json.loads(text), indent="\t")
    (tmp_path / "b.json").write_text(tabs)
    assert load_baseline(tmp_path / "b.json").suite == "guarded"
    assert "'images'" in edited(tabs, '"images"', '"imgs"', tmp_path)


def test_the_checksum_is_of_content_not_of_layout(text: str):
    content = json.loads(text)
    assert content["checksum"] == checksum_of(dict(reversed(content.items())))
