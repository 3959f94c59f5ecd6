import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import BadInput
from harness.data.output_files import check_outputs, write_output


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two images in a folder."""
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1.png", "2.png"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(images / name)
    return images


def names_of(file: Path, tmp_path: Path) -> dict[str, Path]:
    """Other names of a file."""
    names = {
        "itself": file,
        "another spelling": file.parent / ".." / file.parent.name / "." / file.name,
        "a link": tmp_path / "link",
        "a link to a link": tmp_path / "link2",
        "a hard link": tmp_path / "hard",
        "in a linked folder": tmp_path / "folder" / file.name,
    }
    names["a link"].symlink_to(file)
    names["a link to a link"].symlink_to(names["a link"])
    names["a hard link"].hardlink_to(file)
    (tmp_path / "folder").symlink_to(file.parent)
    return names


@pytest.mark.parametrize(
    "name",
    ["itself", "another spelling", "a link", "a link to a link", "a hard link",
     "in a linked folder"],
)  # fmt: skip
@pytest.mark.parametrize("given", ["the file", "its folder"])
def test_an_input_is_never_written_over(folder, tmp_path, name, given):
    file = folder / "1.png"
    output = names_of(file, tmp_path)[name]
    with pytest.raises(BadInput, match="is an input of this command"):
        check_outputs([output], [file if given == "the file" else folder])


def test_an_image_in_a_folder_of_images_would_be_an_input_the_next_time(folder, tmp_path):
    with pytest.raises(BadInput, match="would be one of the images"):
        check_outputs([folder / "new.PNG"], [folder])
    check_outputs([folder / "scores.json", tmp_path / "new.png"], [folder])


def test_two_outputs_are_two_files(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "x")
    for twice in (tmp_path / "x", tmp_path / "link", tmp_path / "." / "x"):
        with pytest.raises(BadInput, match="named for two outputs"):
            check_outputs([tmp_path / "x", None, twice])
    with pytest.raises(BadInput, match="named for two outputs"):
        check_outputs([Path("-"), Path("-")])


@pytest.mark.parametrize("place", ["folder", "nowhere/x", "file/x", "x" * 300, "loop"])
def test_what_cannot_be_written_is_said_before_any_work(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(BadInput) as error:
        check_outputs([tmp_path / place])
    assert "\n" not in str(error.value)


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe, content = tmp_path / "pipe", b"x" * 200_000  # more than a pipe holds
    os.mkfifo(pipe)
    check_outputs([pipe])
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, content)
    reader.join(10)
    assert read == [content]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("is_link", [False, True])
def test_a_device_is_written_to_and_stays(tmp_path, is_link):
    device = Path(os.devnull)
    if is_link:
        device = tmp_path / "link"
        device.symlink_to(os.devnull)
    before = device.stat()
    check_outputs([device, device])
    write_output(device, "gone")
    assert stat.S_ISCHR(device.stat().st_mode)
    assert os.path.samestat(before, device.stat())
    assert device.is_symlink() == is_link


def test_a_link_is_written_through(tmp_path):
    target, link = tmp_path / "elsewhere" / "target.json", tmp_path / "link.json"
    target.parent.mkdir()
    link.symlink_to(target)
    check_outputs([link])
    write_output(link, "{}")
    assert link.is_symlink()
    assert target.read_text() == "{}"


def test_minus_is_the_standard_output(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    check_outputs([Path("-")])
    write_output(Path("-"), "é\n")
    write_output(Path("-"), b"\x00")
    write_output(Path("/dev/stdout"), b"2")
    assert capfdbinary.readouterr().out == "é\n\x002".encode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_of_its_own_in_a_closed_folder(tmp_path):
    file = tmp_path / "x"
    file.touch()
    tmp_path.chmod(0o500)
    try:
        check_outputs([file])
        write_output(file, "new")
    finally:
        tmp_path.chmod(0o700)
    assert file.read_text() == "new"
