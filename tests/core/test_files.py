import stat

import pytest

from harness.core.files import atomic_write


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "x.txt"
    file.write_text("old")

    def fail(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        atomic_write(file, fail)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_and_its_target_is_written(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in ("first", "second"):
        atomic_write(link, content, durable=True)
        assert link.is_symlink()
        assert target.read_text() == content


def test_permissions_stay(tmp_path):
    file = tmp_path / "x"
    file.touch(mode=0o600)
    atomic_write(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_name_as_long_as_any(tmp_path):
    file = tmp_path / ("x" * 255)
    atomic_write(file, "content")
    assert file.read_text() == "content"


def test_a_byte_of_a_name_that_is_not_utf8(tmp_path):
    file = tmp_path / "x.json"
    atomic_write(file, '"\udcff"')
    assert file.read_bytes() == b'"\\udcff"'
