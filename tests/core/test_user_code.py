import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core import user_code
from harness.core.errors import BadInput
from harness.core.registry import Registry
from harness.core.user_code import import_object, look_in, own_folder_only, source

REGISTRY = Registry("family", "harness.nothing", {"fraction": "fractions:Fraction"})


@pytest.fixture(autouse=True)
def _path_as_it_was() -> Iterator[None]:
    look_in(None)  # whatever another test looked in
    before = list(sys.path)
    yield
    look_in(None)
    assert sys.path == before


def write(folder: Path, modules: dict[str, str]) -> Path:
    for name, text in modules.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def refusal(target: str) -> str:
    with pytest.raises(BadInput) as error:
        REGISTRY.load(target)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("target", ["uc_alone:NAME", "uc_packed.inner:NAME"])
def test_what_lies_beside_a_suite_is_imported(tmp_path, target):
    look_in(write(tmp_path, {"uc_alone": "NAME = 1", "uc_packed/inner": "NAME = 1"}))
    assert REGISTRY.load(target) == 1


def test_modules_of_one_name_are_each_suites_own(tmp_path):
    for number in (1, 2):
        code = {"uc_net": "from uc_help import NAME", "uc_help": f"NAME = {number}"}
        write(tmp_path / str(number), code)
    for number in (1, 2, 1):
        look_in(tmp_path / str(number))
        assert import_object("family", "uc_net:NAME") == number


def test_nothing_beside_a_suite_takes_the_place_of_a_module(tmp_path, monkeypatch):
    write(tmp_path / "suite", {"json": "NAME = 1", "fractions": "NAME = 1", "uc_two": "NAME = 1"})
    write(tmp_path / "other", {"uc_two": "NAME = 2"})
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    look_in(tmp_path / "suite")
    for target in ("json:NAME", "fractions:NAME", "uc_two:NAME"):
        assert "give the first another name" in refusal(target)
    assert "uc_two" not in sys.modules


def test_the_cure_is_named_where_it_is_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path / "here", {"uc_here/net": "NAME = 1"})
    (tmp_path / "suite").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    look_in(tmp_path / "suite")
    said = refusal("uc_here.net:Net")
    assert f"No module named 'uc_here' in the suite's folder, {tmp_path / 'suite'}" in said
    assert "`python -m harness`" in said
    assert "python -m" not in refusal("uc_nowhere.net:Net")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = 1\nx.y\n", "AttributeError: 'int' object has no attribute 'y' (uc_bad/net.py:2 in"),
        ("def f(:\n", "SyntaxError: invalid syntax (uc_bad/net.py:1)"),
        ("import uc_missing\n", "No module named 'uc_missing' (uc_bad/net.py:1 in"),
        ("import sys\nsys.exit(3)\n", "ends the program with exit code 3 (uc_bad/net.py:2 in"),
        ("Nett = 1\n", "uc_bad/net.py has no 'Net'; did you mean 'Nett'?"),
    ],
)
def test_what_is_wrong_in_a_module_is_said_in_one_line(tmp_path, code, words):
    look_in(write(tmp_path, {"uc_bad/net": code}))
    assert words in refusal("uc_bad.net:Net")


@pytest.mark.parametrize(
    "target", ["os.path:join", "uc_else:NAME", "this:s", "builtins:exit", "yaml.loader:SafeLoader"]
)
def test_nothing_from_elsewhere_is_imported_to_look(tmp_path, monkeypatch, target):
    module = target.partition(":")[0]
    mark = tmp_path / "mark"
    write(tmp_path / "else", {"uc_else": f"open({str(mark)!r}, 'w')\nNAME = 1"})
    write(tmp_path / "own", {"uc_own": "NAME = 1"})
    monkeypatch.syspath_prepend(str(tmp_path / "else"))
    look_in(tmp_path / "own")
    before = set(sys.modules)
    with own_folder_only():
        assert REGISTRY.load("uc_own:NAME") == 1
        assert "outside the harness and the suite's folder" in refusal(target)
    assert not mark.exists()
    assert set(sys.modules) - before <= {"uc_own"}
    if module == "uc_else":
        assert REGISTRY.load(target) == 1
        assert mark.exists()


def test_known_names_with_colons_are_no_modules():
    known = Registry("network", "harness.nothing", {"json:decoder": "fractions:Fraction"})
    with pytest.raises(BadInput, match="unknown network 'json:decodr'; did you mean 'json:dec"):
        known.load("json:decodr")


def test_the_file_behind_a_name_is_found_without_importing(tmp_path):
    write(tmp_path / "a", {"uc_space/one": "", "uc_pack/__init__": "1 / 0", "uc_pack/two": "1 / 0"})
    write(tmp_path / "b", {"uc_space/two": "", "uc_pack/three": ""})
    places = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert source("uc_space.two", places) == tmp_path / "b" / "uc_space" / "two.py"
    assert source("uc_pack.two", places) == tmp_path / "a" / "uc_pack" / "two.py"
    assert source("uc_pack.three", places) is None
    assert source("uc_pack", places) == tmp_path / "a" / "uc_pack" / "__init__.py"
    assert user_code.TARGET.fullmatch("a:b.c") is None
