"""Temporary folders, and the processes that they are of."""

import multiprocessing
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.core.scratch import scratch


def test_a_folder_is_there_for_as_long_as_it_is_needed(tmp_path: Path):
    with scratch(tmp_path) as folder:
        (folder / "x").touch()
        with scratch(tmp_path) as other:
            assert other != folder
        assert (folder / "x").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked there")
def test_a_forked_child_removes_nothing_of_its_parent(tmp_path: Path):
    """A child that multiprocessing forks drops what its parent would do at its end."""
    held = ExitStack()
    folder = held.enter_context(scratch(tmp_path))
    child = multiprocessing.get_context("fork").Process(target=held.close)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert folder.exists()
    with scratch(tmp_path):  # by which the folders of the dead are swept
        assert folder.exists()
    held.close()
    assert not folder.exists()
