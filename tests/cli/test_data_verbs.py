"""`harness data`, as a user calls it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from harness.cli.main import main
from harness.data import DATASETS, load_dataset


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """The command in this process: exit code, and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["harness", "data", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def images(folder: Path) -> None:
    folder.mkdir()
    for number in range(30):
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")


def test_list_has_a_line_for_every_dataset(call):
    code, out, err = call("list")
    heading, *lines = [line.split("\t") for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert heading == ["name", "what it is", "images", "size", "classes", "here", "licence"]
    assert [line[0].partition(":")[0] for line in lines] == DATASETS.names()
    rows = {line[0]: line[1:] for line in lines}
    assert rows["digits"][1:] == ["1,198 + 599", "1×16×16", "10", "built in", "CC BY 4.0"]
    assert rows["mnist"][4] == "no"
    assert rows["folder:PATH"][4] == "–"


def test_fetch_prepares_and_says_the_digest(call, tmp_path):
    images(tmp_path / "cats")
    code, out, err = call("fetch", "folder:cats", "digits", "digits")
    assert (code, err) == (0, "")
    cats, digits = (load_dataset(name, tmp_path) for name in ("folder:cats", "digits"))
    assert out.splitlines() == [
        f"folder:cats: {len(cats.train)} + {len(cats.test)} images, sha256:{cats.digest}",
        f"digits: 1,198 + 599 images, sha256:{digits.digest}",
    ]


def test_fetch_gets_what_tasks_are_made_from_and_makes_none(call, tmp_path):
    images(tmp_path / "cats")
    code, out, err = call("fetch", "folder:cats[channels=3,denoise=gaussian-0.1]")
    assert (code, err) == (0, "")
    assert out.startswith("folder:cats[channels=3]: ")
    assert load_dataset("folder:cats[channels=3]", tmp_path).digest in out
    for task in ("denoise=much", "unseen=dog", "unpaired=cat+dog"):
        code, _, err = call("fetch", f"folder:cats[{task}]")
        assert code == 2
        assert task in err


def test_fetch_goes_on_after_a_failure_and_names_it(call):
    code, out, err = call("fetch", "folder:dogs", "digits")
    assert code == 2
    assert out.startswith("digits: ")
    assert "dogs: no such file or folder" in err.splitlines()[0]
    assert err.splitlines()[1] == "harness: 1 of 2 datasets not ready: folder:dogs"
    code, _, err = call("fetch", "folder:dogs")
    assert code == 2
    assert len(err.splitlines()) == 1


def test_verify_ends_with_one_where_a_file_is_damaged_and_with_two_for_no_dataset(call, tmp_path):
    images(tmp_path / "cats")
    load_dataset("folder:cats", tmp_path)
    assert call("verify", "folder:cats", "digits")[0] == 0
    (array,) = tmp_path.glob("prepared/own-cats-*/test.labels.npy")
    array.write_bytes(array.read_bytes()[:-1])
    code, out, _ = call("verify", "folder:cats", "digits")
    assert code == 1
    assert out.startswith("✗ ")
    assert "test.labels.npy" in out.splitlines()[0]
    assert out.splitlines()[1].startswith("digits: loads")
    code, _, err = call("verify", "mnits")
    assert code == 2
    assert "did you mean" in err


def test_show_prints_and_writes_what_is_known(call, tmp_path):
    name = "digits[unseen=8]"
    code, out, err = call("show", name, "--json", "known.json", "--sheet", "sheet.png")
    assert (code, err) == (0, "")
    dataset = load_dataset(name)
    for said in (name, dataset.digest, "CC BY 4.0", "Alpaydin", "8 unseen", "1,080", "599"):
        assert said in out
    known = json.loads((tmp_path / "known.json").read_text())
    assert known["digest"] == dataset.digest
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"


def test_show_of_points_and_defects(call):
    for name, said in (("ring", "known density"), ("textures", "192")):
        code, out, _ = call("show", name, "--sheet", "sheet.png")
        assert code == 0
        assert said in out


@pytest.mark.parametrize("option", ["--sheet", "--json"])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(call, option):
    code, out, err = call("show", "digits", option, "no/such/folder.png")
    assert code == 2
    assert out == ""
    assert "no/such/folder.png" in err
